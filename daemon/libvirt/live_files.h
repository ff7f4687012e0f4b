#pragma once
// What a guest can write on the host. A description's own images are bases, never written: each domain has files of
// its own in their place, made anew for each boot. What cannot have one is refused by name.
//
//   disks                 a copy-on-write overlay (libvirt/disks.cpp)
//   firmware's variables  a copy (libvirt/firmware.cpp)
//   consoles' logs        a file that is empty at first (libvirt/devices.cpp)

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kvmtest::libvirt {

/// A file of one domain's own, in place of one that its description names.
struct LiveFile {
  enum class Kind {
    overlay,  ///< qcow2, above `base`
    copy,     ///< of `base`, where that is there; else libvirt makes it
    output    ///< QEMU makes it, and nothing in the guest reads it
  };
  Kind kind = Kind::overlay;
  std::filesystem::path file;
  std::string base{};            ///< as QEMU names it: an absolute path, or an address (nbd://…)
  std::string base_format{};     ///< of an overlay's base, as the description says; raw where it says nothing
  std::optional<uid_t> owner{};  ///< as whom QEMU runs; nothing: as the daemon does
};

/// Where a description stands, and where the domain's files go.
struct Surroundings {
  std::filesystem::path directory;  ///< of the domain's own files
  /// The path of a volume in one of libvirt's storage pools. Throws engine::HostFault. Null: there are no pools.
  std::function<std::string(const std::string& pool, const std::string& volume)> volume{};
  std::optional<uid_t> owner{};  ///< of the domain's own files
};

/// The domain's XML with files of its own, and what they are. What stays as it is: that which nothing is written to
/// (CD-ROMs, read-only disks), and shared directories, which are the user's to write to. Throws core::InputError, one
/// line that names the device, for what can neither stay nor have a file of its own. Any thread.
std::string with_live_files(const std::string& domain_xml, const Surroundings& surroundings,
                            std::vector<LiveFile>& files);

/// Makes an overlay or a copy, in place of one that is there; outputs are left to QEMU. Throws engine::HostFault with
/// qemu-img's words, and the file system's name where that is full. Any thread.
void make_live_file(const LiveFile& file);

/// Throws core::InputError for a base on this machine that is not there or cannot be read. Any thread.
void check_base(const LiveFile& file);

/// Whether the domain has a TPM that keeps its state in libvirt's directories.
bool has_tpm(const std::string& domain_xml);

}  // namespace kvmtest::libvirt
