#include "service/fingerprint.h"

#include <fstream>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "core/input_error.h"
#include "domains/ready_domains.h"
#include "settings/input_file.h"
#include "settings/installed.h"

namespace kvmtest::service {

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
  const fs::path self = fs::read_symlink("/proc/self/exe", error).parent_path() / "kvmtestd";
  if (const auto written = fs::last_write_time(self, error); !error)
    all += fmt::format("{}", written.time_since_epoch().count());
  return fmt::format("{:016x}", std::hash<std::string>{}(all));
}

namespace {

/// The command that makes the guest of the settings.
std::string guest_maker(const settings::Settings& settings) {
  const std::string name(settings::to_string(settings.domains.guest));
  const fs::path script = settings::installed_files() / "guest" / name;
  std::error_code error;
  if (!fs::exists(script, error)) return "make kvm-guest";
  const std::string release =
      settings.domains.release.empty() ? "" : "KVM_GUEST_RELEASE=" + settings.domains.release + " ";
  return fmt::format("{}{} {}", release, script.string(), settings::guest_directory(settings).string());
}

}  // namespace

void check_guest_files(const settings::Settings& settings, const domains::Templates& templates) {
  const auto guest = settings::guest_files(settings);
  for (const auto& [placeholder, file] :
       {std::pair{"KERNEL", guest.kernel}, {"INITRD", guest.initrd}, {"IMAGE", guest.image}}) {
    const bool wanted = templates.uses(placeholder) || (placeholder == std::string_view("IMAGE") && !file.empty());
    if (wanted && !std::ifstream(file))
      throw core::InputError({file}, fmt::format("the guest's file is missing or unreadable; make it with '{}', or set "
                                                 "domains.kernel, domains.initrd and domains.image",
                                                 guest_maker(settings)));
  }
}

void check_disk(const settings::Settings& settings) {
  std::error_code error;
  fs::create_directories(settings.state_dir, error);
  const auto space = fs::space(settings.state_dir, error);
  if (error) throw core::InputError({settings.state_dir}, "the state directory cannot be made: " + error.message());
  if (space.available < settings.state_min_free)
    throw core::InputError({settings.state_dir}, fmt::format("only {} free, but state_min_free is {}",
                                                             settings::format_size(space.available >> 20U << 20U),
                                                             settings::format_size(settings.state_min_free)));
}

}  // namespace kvmtest::service
