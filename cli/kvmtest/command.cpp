#include "kvmtest/command.h"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/input_error.h"
#include "kvmtest/display.h"
#include "suite/loader.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

CLI::App* add_verb(CLI::App& app, Context& context, const std::string& name, const std::string& what,
                   std::function<int()> run) {
  CLI::App* verb = app.add_subcommand(name, what);
  context.common.add_to(*verb);
  verb->callback([&context, run = std::move(run)] { context.chosen = run; });
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
  const libvirt::Templates templates(settings.domains.templates, settings.domains.ready);
  const Paths resolved = resolve(settings, paths);
  auto context = suite::context_for(settings, &templates.hosts());
  context.base = resolved.base;
  return suite::load(resolved.tests, std::move(context), format);
}

namespace {

fs::path database_path(const settings::Settings& settings) {
  const fs::path path = settings.state_dir / "kvmtest.db";
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

unsigned terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 100;
}

bool colour_wanted() {
  const char* none = std::getenv("NO_COLOR");  // https://no-color.org: unless it is empty
  return can_draw() && (none == nullptr || *none == '\0');
}

}  // namespace kvmtest::command
