#pragma once
// Where what lies in a state directory (docs/operations.md), for all who write or read there.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "core/ids.h"

namespace kvmtest::base {

/// The directory that holds all state of one project's runs. Only names: nothing here looks at the disk. Any thread.
class StateDirectory {
 public:
  /// In the project, unless a setting says otherwise.
  static constexpr const char* default_name = ".kvmtest";

  StateDirectory() = default;
  StateDirectory(std::filesystem::path path) : path_(std::move(path)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  operator const std::filesystem::path&() const { return path_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] std::string string() const { return path_.string(); }
  [[nodiscard]] bool empty() const { return path_.empty(); }

  /// What every run came to (docs/database.md).
  [[nodiscard]] std::filesystem::path database() const { return path_ / "kvmtest.db"; }
  /// The daemon's: where it listens, what it holds locked while it lives, and its log.
  [[nodiscard]] std::filesystem::path socket() const { return path_ / "kvmtestd.sock"; }
  [[nodiscard]] std::filesystem::path lock() const { return path_ / "kvmtestd.pid"; }
  [[nodiscard]] std::filesystem::path log() const { return path_ / "kvmtestd.log"; }
  /// Where tests' programs see socket(): commands on their domains are all that is answered here.
  [[nodiscard]] std::filesystem::path programs_socket() const { return path_ / "programs.sock"; }
  /// All that a daemon makes at its start, but for the sockets.
  [[nodiscard]] std::vector<std::filesystem::path> made_at_start() const {
    return {path_, database(), path_ / "kvmtest.db-wal", path_ / "kvmtest.db-shm", log(), lock()};
  }

  /// A directory a run, in it the attempts' files.
  [[nodiscard]] std::filesystem::path runs() const { return path_ / "runs"; }
  [[nodiscard]] std::filesystem::path run(core::RunId run) const { return runs() / std::to_string(run.value); }

  /// Domains' saved states, and their files while they are up.
  [[nodiscard]] std::filesystem::path states() const { return path_ / "states"; }
  /// What the guests of a prefix write to their host during a test, where their templates have it as a share.
  [[nodiscard]] std::filesystem::path share(const core::Prefix& prefix) const {
    return path_ / "shares" / (prefix.value + "share");
  }
  /// A tmpfs, and in it this state directory's part of it, where saved states are while there is room.
  static constexpr const char* ram_root = "/dev/shm";
  static constexpr const char* ram_prefix = "kvmtest-";
  [[nodiscard]] std::filesystem::path ram() const {
    return std::filesystem::path(ram_root) / (ram_prefix + short_digest_of(path_.string()));
  }
  /// The guest of that name: its kernel, initial RAM disk and image.
  [[nodiscard]] std::filesystem::path guest(const std::string& name) const { return path_ / "guest" / name; }
  /// Answers of libreswan's sanitizer.
  [[nodiscard]] std::filesystem::path sanitized() const { return path_ / "sanitized"; }

  /// The daemon's keys for SSH, and what OpenSSH is told of the domains.
  [[nodiscard]] std::filesystem::path ssh() const { return path_ / "ssh"; }
  [[nodiscard]] std::filesystem::path key() const { return ssh() / "id_ed25519"; }
  [[nodiscard]] std::vector<std::filesystem::path> keys() const { return {ssh(), key(), key().string() + ".pub"}; }
  /// The embedded libvirt's root, or what of it outlives a daemon.
  [[nodiscard]] std::filesystem::path libvirt() const { return path_ / "libvirt"; }
  /// Whether KVM was seen to work.
  [[nodiscard]] std::filesystem::path accelerator() const { return path_ / "accelerator.json"; }

 private:
  std::filesystem::path path_;
};

}  // namespace kvmtest::base
