#include "setup/checks.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/private_directory.h"
#include "core/input_error.h"
#include "settings/installed.h"

namespace kvmtest::setup {

namespace fs = std::filesystem;

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

std::string make_state_directory(const settings::Settings& settings) { return base::make_private(settings.state_dir); }

void check_disk(const settings::Settings& settings) {
  std::error_code error;
  fs::path there = settings.state_dir;
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  const auto space = fs::space(there, error);
  if (error) throw core::InputError({settings.state_dir}, "its disk cannot be looked at: " + error.message());
  if (space.available < settings.state_min_free)
    throw core::InputError({settings.state_dir}, fmt::format("only {} free, but state_min_free is {}",
                                                             settings::format_size(space.available >> 20U << 20U),
                                                             settings::format_size(settings.state_min_free)));
}

}  // namespace kvmtest::setup
