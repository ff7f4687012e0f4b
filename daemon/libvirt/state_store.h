#pragma once
// Where saved states live. Two kinds of files:
//
//   kept   complete states by name, never written again, each with its files' checksums: what a domain is restored from
//   live   what one running domain writes: the file that holds its saved memory, and its disks' overlays
//
// Memory goes to RAM (a tmpfs) within a budget, else to the state directory. Overlays always lie in the state
// directory, where the kernel caches them and can still write them out: a guest that fills its disk must not fill RAM.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/mutex.h"
#include "core/ids.h"
#include "core/time.h"
#include "engine/snapshots.h"
#include "libvirt/places.h"

namespace kvmtest::libvirt {

/// Any thread.
class StateStore final : public engine::KeptStates {
 public:
  struct Options {
    std::filesystem::path directory;  ///< in the state directory
    std::filesystem::path ram;        ///< in a tmpfs; empty: there is none
    std::uint64_t ram_budget = 0;     ///< bytes in `ram` at most
    std::uint64_t kept_limit = 0;     ///< bytes of kept states at most, wherever they are
    std::uint64_t disk_reserve = 0;   ///< bytes that stay free in `directory`
  };
  /// Takes the store for this process, and removes what a dead one left behind: live files, and states half kept.
  /// Throws engine::HostFault when another process has it.
  explicit StateStore(Options options);
  ~StateStore() override;

  std::vector<Kept> list() override;
  bool kept(const core::SavedStateId& state);
  /// Copies the files in under their own names. What was kept under this name before is replaced; those used longest
  /// ago go when the limit is passed. Throws engine::HostFault, and nothing is kept.
  void keep(const core::SavedStateId& state, const std::string& domain, const std::string& inputs,
            const std::string& note, const std::vector<std::filesystem::path>& files);
  /// Copies each file to `to`, by name, and returns the note. Throws engine::HostFault when there is no such state,
  /// when a file is not what was kept, and then the state is dropped, or when `to` cannot be written.
  std::string take(const core::SavedStateId& state, const std::map<std::string, std::filesystem::path>& to);
  /// Bytes of a kept state; 0 when there is none.
  std::uint64_t bytes_of(const core::SavedStateId& state);
  bool drop(const core::SavedStateId& state) override;

  /// A place for `bytes` of the domain's memory; the directory exists. `spilled`: not in RAM even if there is room.
  std::filesystem::path live_memory(const std::string& domain, std::uint64_t bytes, bool spilled = false);
  /// The directory of the domain's overlays.
  [[nodiscard]] std::filesystem::path live_disks_of(const std::string& domain) const {
    return places_.directory() / "live" / domain;
  }
  /// The domain's live files that are there, memory and overlays.
  [[nodiscard]] std::vector<std::filesystem::path> live_files_of(const std::string& domain) const;
  /// Removes the domain's live files.
  void clear_live(const std::string& domain);

  /// Bytes used in RAM, kept and live.
  [[nodiscard]] std::uint64_t in_ram() const { return places_.in_ram(); }

 private:
  std::filesystem::path find(const core::SavedStateId& state) REQUIRES_SHARED(kept_mutex_);
  void make_room(std::uint64_t bytes, const core::SavedStateId& but);

  std::uint64_t kept_limit_;
  Places places_;
  base::Descriptor lock_;
  base::SharedMutex kept_mutex_;  ///< exclusive: to change what is kept
};

}  // namespace kvmtest::libvirt
