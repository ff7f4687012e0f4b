#pragma once
// As whom QEMU runs: as a user of its prefix' own, apart from the daemon's and from other prefixes', wherever that user
// may use all that the domain is made of.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kvmtest::libvirt {

/// What QEMU needs of the file system, besides what every program needs.
struct QemuFiles {
  std::filesystem::path emulator;
  std::vector<std::filesystem::path> read;  ///< and devices; all of them are there
};

/// How libvirt starts an emulator that is to see no more than it needs.
struct QemuStart {
  std::filesystem::path program;  ///< in the emulator's place
  std::string variable;           ///< that the program looks at
  std::string value;
};

struct QemuUsers {
  uid_t first = 0;  ///< a prefix' QEMUs have this id and the prefix' number on top of it; 0: that of the daemon
  /// Shows a file at a path that every user reaches, and returns that; it is the same each time. Throws.
  std::function<std::filesystem::path(const std::filesystem::path&)> show_file{};
  /// Throws. Null: an emulator sees what its user sees.
  std::function<QemuStart(const QemuFiles&)> start{};
};

/// A description for QEMU to run as some user.
struct Opened {
  std::string xml;              ///< files that lie where only others get are named where they are shown
  std::optional<uid_t> user{};  ///< nothing: it runs as the daemon does
  std::string closed{};         ///< why it does, one line
};

/// Whether a user whom nobody knows, and who is in no group but the one of the same number, can be QEMU's for this
/// domain. Any thread.
Opened open_to(const std::string& domain_xml, uid_t user, const QemuUsers& users);

/// The domain's XML, run as that user. Throws engine::HostFault where the emulator cannot be started so.
std::string run_as(const std::string& domain_xml, uid_t user, const QemuUsers& users);

/// Makes a file of ours, in a directory of ours that is two below one that everybody reaches, the user's alone.
/// Throws engine::HostFault.
void give(const std::filesystem::path& file, uid_t user);

}  // namespace kvmtest::libvirt
