#pragma once
// Which of the loaded tests are wanted, by regular expressions (RE2). Any thread.

#include <optional>
#include <string>
#include <vector>

#include "suite/format.h"

namespace kvmtest::suite {

/// An expression is looked for anywhere in the word; an empty one is in every word. Where none is given, the one that
/// the test's attribute brings along counts (Attribute::wanted).
struct Filter {
  std::optional<std::string> kind{};      ///< of attribute::kind
  std::optional<std::string> status{};    ///< of attribute::status
  std::optional<std::string> name{};      ///< of the test's name; none: any
  std::optional<std::string> platform{};  ///< of all values of attribute::platform

  friend bool operator==(const Filter&, const Filter&) = default;
};

/// A test left out, and why: "status wip".
struct Ignored {
  std::string test;
  std::string reason;
};

/// Removes the tests that are not wanted and tells which. Throws core::InputError for an expression that is none, with
/// the option that it is the value of.
std::vector<Ignored> ignore_by(const Filter& filter, std::vector<LoadedTest>& tests);

/// "172 of 1410 tests are left out: 161 by status, 11 by kind"; empty when nothing is.
std::string told(const std::vector<Ignored>& ignored, std::size_t of);

}  // namespace kvmtest::suite
