#pragma once
// What the domains of all prefixes take of the machine's memory, added up as they change (docs/adr/0009-memory.md).

#include <cstdint>
#include <map>

#include "core/ids.h"

namespace kvmtest::core {

/// Bytes. Core thread only.
class MemoryLedger {
 public:
  /// A prefix's share.
  struct Claim {
    std::uint64_t needed = 0;  ///< by domains that its test needs, up or not
    std::uint64_t idle = 0;    ///< by others that are up
    bool busy = false;         ///< it has a test, and will be done with it some time
    bool clients = false;      ///< its domains are clients': nothing of it can be had
    friend bool operator==(const Claim&, const Claim&) = default;
  };

  void set(const Prefix& prefix, const Claim& claim);
  [[nodiscard]] std::uint64_t total() const { return needed_ + idle_; }
  /// Of the total, what is nobody's need.
  [[nodiscard]] std::uint64_t idle() const { return idle_ - idle_of_clients_; }
  /// What all prefixes but this one cannot do without.
  [[nodiscard]] std::uint64_t needed_by_others(const Prefix& prefix) const;
  /// Whether another prefix has a test that will end.
  [[nodiscard]] bool others_busy(const Prefix& prefix) const;

  /// Somebody was refused memory.
  void refuse() { refused_ = true; }
  /// Whether claims have changed since then, so that it is worth asking again. Once.
  bool take_changed();

 private:
  void add(const Claim& claim, bool remove);
  [[nodiscard]] Claim of(const Prefix& prefix) const;

  std::map<Prefix, Claim> claims_;
  std::uint64_t needed_ = 0;
  std::uint64_t idle_ = 0;
  std::uint64_t idle_of_clients_ = 0;
  unsigned busy_ = 0;
  bool refused_ = false;
  bool changed_ = false;  ///< since somebody was refused
};

}  // namespace kvmtest::core
