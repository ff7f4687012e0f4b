#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/own_program.h"
#include "core/wrapped.h"
#include "settings/installed.h"
#include "settings/settings.h"
#include "settings/table.h"

namespace kvmtest::settings {

std::filesystem::path installed_files() { return base::own_program().parent_path().parent_path() / "share/kvmtest"; }

namespace {

std::filesystem::path shipped_templates() {
  std::error_code ignored;
  const auto installed = installed_files() / "domains";
  return std::filesystem::is_directory(installed, ignored) ? installed : KVMTEST_SOURCE_TEMPLATES;
}

constexpr std::string_view automatic = "auto";
constexpr std::size_t columns = 100;  ///< of the file, as of all documents

unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

std::string section_of(const std::string& name) {
  const std::size_t dot = name.find('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

}  // namespace

Settings defaults(const std::filesystem::path& directory) {
  Settings settings;
  settings.project = std::filesystem::absolute(directory).lexically_normal();
  settings.state_dir = settings.project / base::StateDirectory::default_name;
  set_workers(settings, automatic, "workers");
  set_prefixes(settings, automatic, "prefixes");
  settings.domains.templates = shipped_templates();
  return settings;
}

void set_workers(Settings& settings, std::string_view text, std::string_view origin) {
  settings.automatic.workers = text == automatic;
  settings.workers = settings.automatic.workers ? most_automatic_workers(processors()) : parse_workers(text, origin);
}

void set_prefixes(Settings& settings, std::string_view text, std::string_view origin) {
  settings.automatic.prefixes = text == automatic;
  settings.prefixes =
      settings.automatic.prefixes ? prefix_names(most_automatic_prefixes(processors())) : parse_prefixes(text, origin);
}

std::filesystem::path guest_directory(const Settings& settings) {
  const Settings::Domains& domains = settings.domains;
  std::string name(to_string(domains.guest));
  if (!domains.release.empty()) name += "-" + domains.release;
  return settings.state_dir.guest(name);
}

GuestFiles guest_files(const Settings& settings) {
  const Settings::Domains& domains = settings.domains;
  const auto directory = guest_directory(settings);
  const bool debian = domains.guest == Guest::debian;
  // A guest with a kernel of its user's has no use for our disk.
  const bool own_disk = !domains.image.empty() || !debian || !domains.kernel.empty();
  return {domains.kernel.empty() ? directory / "kernel" : domains.kernel,
          domains.initrd.empty() ? directory / "initrd" : domains.initrd,
          own_disk ? domains.image : directory / "image.qcow2",
          domains.memory_mib != 0 ? domains.memory_mib
          : debian                ? 384U
                                  : 192U};
}

std::vector<Described> describe(const Settings& settings) {
  std::vector<Described> out;
  for (const Entry& entry : table()) out.push_back({entry.name, entry.show(settings), entry.doc, entry.secret});
  return out;
}

std::string describe() {
  std::string out =
      "# All settings of kvmtest, each with its default. Copy this file as kvmtest.yaml to where kvmtest is\n"
      "# started, and uncomment what should differ. Durations are written 500ms, 30s, 2m or 1h, sizes\n"
      "# 512KiB, 16MiB or 2GiB. Paths are relative to the file. The command line overrides the\n"
      "# environment, the environment overrides the file.\n";
  const Settings plain;
  std::string section;
  for (const Entry& entry : table()) {
    const std::string own = section_of(entry.name);
    out += "\n";
    if (own != section && !own.empty()) out += own + ":\n";
    section = own;
    const std::string indent = own.empty() ? "" : "  ";
    out += core::wrapped(entry.doc, columns, indent + "# ");
    const std::string value = entry.fallback.empty() ? entry.show(plain) : entry.fallback;
    out += indent + "#" + entry.name.substr(own.empty() ? 0 : own.size() + 1) + ": " + value + "\n";
  }
  return out;
}

void move_state_dir(Settings& settings, const std::filesystem::path& directory) {
  settings.state_dir = std::filesystem::absolute(directory).lexically_normal();
}

}  // namespace kvmtest::settings
