#pragma once
// Which of the loaded tests run, in what order, and how often. Pure; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "suite/format.h"

namespace kvmtest::suite {

enum class Order {
  automatic,  ///< longest once anything is known of the past, else listed; listed with Selection::start_at
  listed,     ///< as named and loaded
  reverse,
  longest,  ///< those first that took longest in the past; those that never ran before all others
  failed,   ///< those first that did not pass the last time, then those that never ran
  shuffle,
};

/// The word users type: auto, listed, reverse, longest, failed, shuffle.
std::string_view to_string(Order order);

struct Selection {
  std::vector<std::string> only;  ///< these, by name, in this order, whatever else is said; empty: all
  Order order = Order::automatic;
  std::uint64_t seed = 0;         ///< of shuffle
  std::string start_at;           ///< leave out those before this one, in the run's order; empty: none
  std::vector<std::string> tags;  ///< only tests that have one of these; empty: all
  unsigned retries = 0;           ///< further attempts at a test that did not pass
  unsigned repeat = 1;            ///< attempts at each test, whatever comes of them; 0: without end, with until_fail
  bool until_fail = false;        ///< a test that did not pass is not repeated
};

/// What earlier runs tell, by the tests' names.
struct Past {
  std::map<std::string, core::Duration> durations;  ///< medians
  std::map<std::string, bool> passed;               ///< the last time
};

/// Reads "longest" or "shuffle=4711" into `selection`; a shuffle without a seed gets `fresh_seed`. Throws
/// core::InputError, whose line begins with `origin`.
void parse_order(std::string_view text, std::string_view origin, std::uint64_t fresh_seed, Selection& selection);
/// The inverse: "shuffle=4711".
std::string order_text(const Selection& selection);

/// Throws core::InputError where the wishes exclude each other.
void check(const Selection& selection);

/// The tests to run, in their order. Throws core::InputError: a name or tag that no test has, no test `start_at`.
std::vector<LoadedTest> choose(std::vector<LoadedTest> tests, const Selection& selection, const Past& past);

/// What Order::automatic comes to.
Order resolved(const Selection& selection, const Past& past);

}  // namespace kvmtest::suite
