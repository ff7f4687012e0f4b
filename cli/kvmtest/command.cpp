#include "kvmtest/command.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "client/screen.h"
#include "core/input_error.h"
#include "kvmtest/display.h"
#include "report/text.h"
#include "suite/loader.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

client::Command add_verb(client::Command& program, Context& context, const std::string& name, const std::string& what,
                         std::function<int()> run) {
  client::Command verb = program.add_verb(name, what, [&context, run = std::move(run)] { context.chosen = run; });
  context.common.add_to(verb);
  return verb;
}

Paths resolve(const settings::Settings& settings, const std::vector<std::string>& paths) {
  // What the user types is relative to where they stand; what the settings say, to the project.
  if (paths.empty()) return {settings.tests, settings.project};
  Paths out{{}, settings.project};
  for (const std::string& path : paths) {
    const fs::path absolute = fs::absolute(path).lexically_normal();
    const fs::path relative = absolute.lexically_relative(settings.project);
    out.tests.push_back(relative.empty() || relative.string().starts_with("..") ? absolute.string()
                                                                                : relative.string());
  }
  return out;
}

std::vector<suite::LoadedTest> load_tests(const settings::Settings& settings, const std::vector<std::string>& paths,
                                          const std::string& format) {
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  const Paths resolved = resolve(settings, paths);
  auto context = suite::context_for(settings, &templates.hosts());
  context.base = resolved.base;
  return suite::load(resolved.tests, std::move(context), format);
}

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

unsigned terminal_width() { return client::window_size(STDOUT_FILENO).value_or(client::WindowSize{24, 100}).columns; }

void add_color(client::Command& verb, std::string& color) {
  verb.add_option("--color", color, "auto (on a terminal, unless NO_COLOR is set), always, never")
      .type_name("WHEN")
      .one_of({"auto", "always", "never"});
}

report::Options text_options(const std::string& color) {
  return {color == "auto" ? color_wanted() : color == "always", terminal_width()};
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

bool color_wanted() {
  const char* none = std::getenv("NO_COLOR");  // https://no-color.org: unless it is empty
  return can_draw() && (none == nullptr || *none == '\0');
}

}  // namespace kvmtest::command
