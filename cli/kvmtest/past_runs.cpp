#include "kvmtest/past_runs.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/input_error.h"
#include "report/text.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

namespace {

fs::path database_path(const settings::Settings& settings) {
  const fs::path path = settings.state_dir.database();
  if (!fs::exists(path)) throw core::InputError({settings.state_dir}, "no run has been made here yet");
  return path;
}

}  // namespace

core::RunId chosen_run(const settings::Settings& settings, long run) {
  telemetry::Database database(database_path(settings));
  if (run > 0 && !telemetry::Queries(database).has_run(core::RunId{run}))
    throw core::InputError({settings.state_dir}, fmt::format("there is no run {}", run));
  if (run > 0) return core::RunId{run};
  const auto latest = telemetry::Queries(database).latest_run();
  if (!latest) throw core::InputError({settings.state_dir}, "no run has been made here yet");
  return *latest;
}

report::RunSummary read_summary(const settings::Settings& settings, core::RunId run) {
  telemetry::Database database(database_path(settings));
  return telemetry::Queries(database).run_summary(run);
}

std::string chosen_test(const std::vector<std::string>& names, const std::string& typed, const std::string& none) {
  if (std::find(names.begin(), names.end(), typed) != names.end()) return typed;
  const std::string file = fs::path(typed).replace_extension().lexically_normal();
  std::vector<std::string> ends;
  std::map<std::string, std::string> by_last;  // what stands behind the last slash, and the whole
  for (const std::string& name : names) {
    if (name.ends_with('/' + typed) || ('/' + file).ends_with('/' + name)) ends.push_back(name);
    by_last.emplace(name.substr(name.rfind('/') + 1), name);
  }
  if (ends.size() == 1) return ends.front();
  if (ends.size() > 1)
    throw core::InputError(report::escaped(fmt::format("'{}' may be {}: say which", typed, fmt::join(ends, " or "))));
  std::vector<std::string> last;
  for (const auto& [word, name] : by_last) last.push_back(word);
  std::string near = core::nearest(typed, names);
  if (const std::string word = core::nearest(typed, last); near.empty() && !word.empty()) near = by_last.at(word);
  const std::string hint = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
  throw core::InputError(report::escaped(fmt::format("{} '{}'{}", none, typed, hint)));
}

}  // namespace kvmtest::command
