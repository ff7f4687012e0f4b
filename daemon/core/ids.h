#pragma once
// Strong names for the things the scheduler talks about. Mixing two of them does not compile.

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace kvmtest::core {

template <class Tag, class Value>
struct Id {
  Value value{};

  Id() = default;
  explicit Id(Value v) : value(std::move(v)) {}
  friend auto operator<=>(const Id&, const Id&) = default;
};

/// One complete, isolated set of domains and networks: "a.", "b.", or "" (the empty prefix).
using Prefix = Id<struct PrefixTag, std::string>;
/// A machine's role in a test: east, west, nic.
using Host = Id<struct HostTag, std::string>;
/// A test's place in its run's list, from 0.
using TestIndex = Id<struct TestTag, std::uint32_t>;
/// One try at one test. Unique for the life of a state directory.
using AttemptId = Id<struct AttemptTag, std::uint64_t>;
/// One job given to a pool. A result whose ticket is no longer awaited is late and ignored.
using Ticket = Id<struct TicketTag, std::uint64_t>;
/// One client's wish for a domain outside a run (kvmsh, doctor).
using RequestId = Id<struct RequestTag, std::uint64_t>;
/// A run, as numbered in the database.
using RunId = Id<struct RunTag, std::int64_t>;

/// The clean state of a domain, as saved: equal names, equal states.
using SavedStateId = Id<struct StateTag, std::string>;

/// A libvirt domain: prefix + host.
struct Domain {
  Prefix prefix;
  Host host;

  /// The name libvirt knows it by, for example "a.east".
  [[nodiscard]] std::string name() const { return prefix.value + host.value; }
  friend auto operator<=>(const Domain&, const Domain&) = default;
};

}  // namespace kvmtest::core
