#include "telemetry/database.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/served.h"
#include "telemetry/schema.h"

namespace kvmtest::telemetry {

using namespace std::chrono_literals;

namespace {

constexpr int busy_timeout_milliseconds = 10'000;

int newest_schema() { return static_cast<int>(migrations().size()); }

/// A daemon of this kvmtest that starts at this moment brings the schema up to date itself. One that does not is older,
/// and would go on writing in its own way.
void wait_for_older_daemon(SQLite::Database& connection, const std::filesystem::path& path) {
  constexpr int tries = 20;
  const int newest = newest_schema();
  for (int i = 0;; ++i) {
    const int version = checked_version(connection, newest);
    if (version == 0 || version == newest || !base::is_served(path.parent_path())) return;
    if (i == tries)
      throw std::runtime_error(
          fmt::format("is in use by the daemon of an older kvmtest (schema {}, this one has {}); 'kvmtest stop "
                      "--daemon' ends it",
                      version, newest));
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace

Database::Database(std::filesystem::path path, User user) : path_(std::move(path)) {
  try {
    connection_ = std::make_unique<SQLite::Database>(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                     busy_timeout_milliseconds);
    // WAL: readers see the last commit and never hold the writer up. The mode stays with the file.
    connection_->exec("PRAGMA journal_mode=WAL");
    connection_->exec("PRAGMA synchronous=FULL");
    connection_->exec("PRAGMA foreign_keys=ON");
    if (user == User::command) wait_for_older_daemon(*connection_, path_);
    migrate(*connection_, migrations());
  } catch (const std::exception& failure) {
    throw error(failure.what());
  }
}

Database::~Database() = default;

void Database::check_schema() {
  const int newest = newest_schema();
  const int version = connection_->execAndGet("PRAGMA user_version").getInt();
  if (version != newest)
    throw NeverWritable(
        fmt::format("{}: was changed by another kvmtest (schema {}, this one has {}); 'kvmtest stop "
                    "--daemon' ends this one",
                    path_.string(), version, newest));
}

Error Database::error(const std::string& what) const { return Error(fmt::format("{}: {}", path_.string(), what)); }

}  // namespace kvmtest::telemetry
