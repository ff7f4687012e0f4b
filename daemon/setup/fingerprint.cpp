#include "setup/fingerprint.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/own_program.h"
#include "domains/ready_domains.h"
#include "settings/input_file.h"

namespace kvmtest::setup {

namespace fs = std::filesystem;

std::string fingerprint(const settings::Settings& settings) {
  // These come with each run; changing them needs no new daemon.
  static const std::set<std::string> of_the_run{"workers",      "prefixes",   "tests",
                                                "reset.method", "reset.keep", "reset.spares"};
  std::string all = fmt::format("{} {}\n", settings.project.string(), settings.state_dir.string());
  for (const auto& entry : settings::describe(settings))
    if (!of_the_run.contains(entry.name)) all += fmt::format("{}={}\n", entry.name, entry.value);
  std::set<fs::path> files;
  std::error_code error;
  if (settings.domains.ready.empty())
    for (const auto& entry : fs::directory_iterator(settings.domains.templates, error)) files.insert(entry.path());
  else
    for (const auto& [domain, ready] : domains::read_ready_domains(settings.domains.ready)) files.insert(ready.file);
  for (const fs::path& file : files)
    all += fmt::format("{}\n{}\n", file.string(), settings::file_text(file).value_or(""));
  const fs::path self = base::own_program().parent_path() / "kvmtestd";
  if (const auto written = fs::last_write_time(self, error); !error)
    all += fmt::format("{}", written.time_since_epoch().count());
  return base::short_digest_of(all);
}

}  // namespace kvmtest::setup
