#include "kvmtest/baseline.h"

#include <fstream>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/past_runs.h"
#include "telemetry/database.h"
#include "telemetry/history.h"
#include "telemetry/queries.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

report::Baseline of_tests(std::string name, const std::vector<report::TestResult>& tests) {
  report::Baseline baseline{.name = std::move(name)};
  for (const auto& test : tests)
    if (test.verdict) baseline.verdicts[test.name] = *test.verdict;
  return baseline;
}

/// Throws core::InputError.
json parsed(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw core::InputError({file}, "cannot be read");
  json out = json::parse(in, nullptr, false);
  if (out.is_discarded()) throw core::InputError({file}, "is not JSON");
  return out;
}

void add(report::Baseline& baseline, const json& test, const char* name) {
  const std::string verdict = test.contains("verdict") && test.at("verdict").is_string() ? test.at("verdict") : "";
  if (const auto word = core::verdict_from(verdict)) baseline.verdicts[test.at(name).get<std::string>()] = *word;
}

report::Baseline of_file(const fs::path& file) {
  report::Baseline baseline{.name = file.string()};
  const json all = parsed(file);
  try {
    for (const json& test : all.at("tests")) add(baseline, test, "name");
  } catch (const json::exception&) {
    throw core::InputError({file}, "is not what 'kvmtest export json' or 'kvmtest results --json' writes");
  }
  return baseline;
}

/// Every result.json below; of several attempts at a test the last.
report::Baseline of_directory(const fs::path& directory) {
  std::map<std::pair<std::string, unsigned>, json> attempts;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    // What a test's program wrote is no result of kvmtest's, whatever it is called.
    std::error_code ignored;
    if (path.filename() == "files" && fs::exists(path.parent_path() / "result.json", ignored))
      it.disable_recursion_pending();
    if (path.filename() != "result.json" || it->symlink_status(ignored).type() != fs::file_type::regular) continue;
    const json result = json_in(path.parent_path(), path.filename());
    if (result.is_discarded()) throw core::InputError({path}, "is not JSON");
    if (result.is_object() && result.contains("test"))
      attempts[{result.at("test").get<std::string>(), result.value("number", 1U)}] = result;
  }
  if (attempts.empty()) throw core::InputError({directory}, "holds no result.json of a test");
  report::Baseline baseline{.name = directory.string()};
  for (const auto& [key, result] : attempts) add(baseline, result, "test");
  return baseline;
}

report::Baseline of_run(telemetry::Database& database, core::RunId run) {
  return of_tests(fmt::format("run {}", run.value), telemetry::Queries(database).results(run));
}

/// The newest run before `run` that came to its end.
std::optional<core::RunId> run_before(telemetry::Database& database, core::RunId run) {
  for (const auto& past : telemetry::History(database).runs(100))
    if (past.run.value < run.value && past.outcome == core::record::Outcome::completed) return past.run;
  return std::nullopt;
}

}  // namespace

std::optional<report::Baseline> read_baseline(const settings::Settings& settings, const std::string& with) {
  if (with.empty()) return std::nullopt;
  if (with.find_first_not_of("0123456789") != std::string::npos)
    return fs::is_directory(with) ? of_directory(with) : of_file(with);
  const core::RunId run = chosen_run(settings, settings::parse_number(with, "--baseline", 1, 1U << 30U));
  telemetry::Database database(settings.state_dir.database());
  return of_run(database, run);
}

std::string comparison(const settings::Settings& settings, const report::RunSummary& run,
                       const std::optional<report::Baseline>& with, const report::Options& options) {
  if (with) return '\n' + report::comparison_text(report::compare(run, *with), options);
  telemetry::Database database(settings.state_dir.database());
  const auto before = run_before(database, run.run);
  if (!before) return {};
  return '\n' + report::comparison_text(report::compare(run, of_run(database, *before)), options);
}

}  // namespace kvmtest::command
