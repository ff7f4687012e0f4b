#pragma once
// Which of the loaded tests run, and in what order. Every verb and the daemon choose by this. Pure; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "core/verdict.h"
#include "suite/filter.h"
#include "suite/format.h"

namespace kvmtest::planning {

enum class Order {
  automatic,  ///< longest once anything is known of the past, else listed; listed with Choice::start_at
  listed,     ///< as named and loaded
  reverse,
  longest,  ///< those first that took longest in the past; those that never ran before all others
  failed,   ///< those first that did not pass the last time, then those that never ran
  shuffle,
};

/// The word users type: auto, listed, reverse, longest, failed, shuffle.
std::string_view to_string(Order order);

struct Ordering {
  Order order = Order::automatic;
  std::uint64_t seed = 0;  ///< of shuffle
};

/// Reads "longest" or "shuffle=4711"; a shuffle without a seed gets `fresh_seed`. Throws core::InputError, whose line
/// begins with `origin`.
Ordering parse_ordering(std::string_view text, std::string_view origin, std::uint64_t fresh_seed);
/// The inverse: "shuffle=4711".
std::string to_string(const Ordering& ordering);

/// A user's choice among the tests that the named paths hold.
struct Choice {
  suite::Filter filter{};
  std::vector<std::string> left_out{};  ///< not these, by name
  std::vector<std::string> only{};      ///< these, by name, in this order, whatever is said below; empty: all
  std::vector<std::string> tags{};      ///< only tests that have one of these; empty: all
  Ordering ordering{};
  std::string start_at{};             ///< leave out those before this one, in the run's order; empty: none
  std::optional<bool> post_mortem{};  ///< whether suites may look at the hosts afterwards; none: with several tests
};

/// Tests that are wanted, as loaded, and those that the filter leaves out.
struct Wanted {
  std::vector<suite::LoadedTest> tests;
  std::vector<suite::Ignored> ignored;
  std::size_t loaded = 0;  ///< how many there were

  /// "172 of 1410 tests are left out: 161 by status wip, 11 by kind uml"; empty when the filter leaves out none.
  [[nodiscard]] std::string told() const;
};

/// Applies the filter and Choice::left_out. Throws core::InputError for an expression of the filter that is none.
Wanted wanted(std::vector<suite::LoadedTest> loaded, const Choice& choice);

/// A choice by what tests gave the last time, in the words of core::Verdict.
struct Earlier {
  std::vector<std::string> skip;
  std::vector<std::string> result;  ///< only these; empty: all

  [[nodiscard]] bool empty() const { return skip.empty() && result.empty(); }
};
bool wanted(const Earlier& earlier, core::Verdict verdict);
/// Removes the tests that are not wanted and returns their names, for Choice::left_out. `verdicts`: one a test.
std::vector<std::string> leave_out(const Earlier& earlier, const std::vector<core::Verdict>& verdicts,
                                   std::vector<suite::LoadedTest>& tests);

/// Throws core::InputError when no test is left, and when each has an obstacle, with the first one's.
void check_any_can_run(const std::vector<suite::LoadedTest>& tests);

/// What earlier runs tell, by the tests' names.
struct Past {
  std::map<std::string, core::Duration> durations;  ///< medians
  std::map<std::string, bool> passed;               ///< the last time
};

/// What the choice's order comes to; never Order::automatic.
Order resolved(const Choice& choice, const Past& past);

/// Those of the wanted tests that run, in their order, by Choice::only, or by tags, ordering and start. Throws
/// core::InputError: a name or tag that no test has, no test `start_at`.
std::vector<suite::LoadedTest> in_order(std::vector<suite::LoadedTest> tests, const Choice& choice, const Past& past);

/// The same for a run: throws also what check_any_can_run() does, and removes steps that look at the hosts afterwards
/// unless they are wanted. Tests that cannot run are among them.
std::vector<suite::LoadedTest> choose(std::vector<suite::LoadedTest> tests, const Choice& choice, const Past& past);

/// The tests of a run that goes on: those of that name, in that order, whatever order they would have now. Throws
/// core::InputError for one that is gone; `run` is the run's name in that message.
std::vector<suite::LoadedTest> choose_again(std::vector<suite::LoadedTest> tests, const std::vector<std::string>& names,
                                            const std::string& run);

/// Whether, of so many wanted tests, those that look at their hosts afterwards do.
bool looks_at_hosts_afterwards(const Choice& choice, std::size_t tests);

/// How the run's order came about, in a line; empty where that is plain to see.
std::string ordering_told(const Choice& choice, const Past& past);

}  // namespace kvmtest::planning
