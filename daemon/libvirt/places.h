#pragma once
// Where the bytes of saved states go: to RAM (a tmpfs) within a budget, else to the state directory.

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace kvmtest::libvirt {

/// Any thread.
class Places {
 public:
  struct Options {
    std::filesystem::path directory;  ///< in the state directory
    std::filesystem::path ram;        ///< in a tmpfs; empty: there is none
    std::uint64_t ram_budget = 0;     ///< bytes in `ram` at most
    std::uint64_t disk_reserve = 0;   ///< bytes that stay free in `directory`
  };
  explicit Places(Options options) : options_(std::move(options)) {}

  /// The right to choose. While somebody has it nobody else does: until what goes to a place is there, the next choice
  /// would not count it.
  class SCOPED_LOCK Turn {
   public:
    /// Waits for it.
    explicit Turn(Places& places) ACQUIRES(places.choosing_) UNCHECKED_LOCKING : places_(places) {
      places.choosing_.lock();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() RELEASES() UNCHECKED_LOCKING { places_.choosing_.unlock(); }

    /// The root for so many bytes: RAM while the budget and the tmpfs hold them. `spilled`: not in RAM even if there is
    /// room. Throws engine::HostFault where there is room in neither.
    [[nodiscard]] std::filesystem::path choose(std::uint64_t bytes, bool spilled) const;

   private:
    Places& places_;
  };

  [[nodiscard]] const std::filesystem::path& directory() const { return options_.directory; }
  /// Empty: there is none.
  [[nodiscard]] const std::filesystem::path& ram() const { return options_.ram; }
  /// Those that there are; RAM, which is read the quickest, is the first.
  [[nodiscard]] std::vector<std::filesystem::path> roots() const;
  /// Bytes used in RAM.
  [[nodiscard]] std::uint64_t in_ram() const;

 private:
  Options options_;
  base::Mutex choosing_;
};

/// Bytes that a file or a directory with all that is in it takes. Whatever is removed meanwhile does not count, and
/// disturbs nobody.
std::uint64_t bytes_in_file(const std::filesystem::path& file);
std::uint64_t bytes_in(const std::filesystem::path& directory);

}  // namespace kvmtest::libvirt
