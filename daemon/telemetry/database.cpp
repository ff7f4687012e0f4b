#include "telemetry/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <utility>

#include "telemetry/schema.h"

namespace kvmtest::telemetry {
namespace {

constexpr int busy_timeout_milliseconds = 10'000;

}  // namespace

Database::Database(std::filesystem::path path) : path_(std::move(path)) {
  try {
    connection_ = std::make_unique<SQLite::Database>(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                     busy_timeout_milliseconds);
    // WAL: readers see the last commit and never hold the writer up. The mode stays with the file.
    connection_->exec("PRAGMA journal_mode=WAL");
    connection_->exec("PRAGMA synchronous=FULL");
    connection_->exec("PRAGMA foreign_keys=ON");
    migrate(*connection_, migrations());
  } catch (const std::exception& failure) {
    throw error(failure.what());
  }
}

Database::~Database() = default;

Error Database::error(const std::string& what) const { return Error(fmt::format("{}: {}", path_.string(), what)); }

}  // namespace kvmtest::telemetry
