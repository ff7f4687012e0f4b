#pragma once
// What verbs share that choose tests: their options, and what the database and earlier output tell of the tests.

#include <string>
#include <vector>

#include "client/command_line.h"
#include "planning/choice.h"
#include "settings/settings.h"
#include "suite/filter.h"
#include "suite/format.h"

namespace kvmtest::command {

/// The options that choose tests by regular expressions.
void add_filter(client::Command& verb, suite::Filter& filter);
/// Those that choose them by their earlier results.
void add_earlier(client::Command& verb, planning::Earlier& earlier);
void add_tags(client::Command& verb, planning::Choice& choice);

/// The options that say which tests run, and in what order.
struct ChoiceOptions {
  std::string order = "auto";
  planning::Choice choice;  ///< but for its ordering

  /// --order, --start-at and --tag.
  void add_to(client::Command& verb);
  /// With its ordering. Throws core::InputError.
  [[nodiscard]] planning::Choice read() const;
};

/// What the database tells of the tests; nothing when there is none yet. Throws telemetry::Error.
planning::Past read_past(const settings::Settings& settings, const std::vector<suite::LoadedTest>& tests);

/// Removes the tests that are not wanted for their earlier results and returns their names. Reads their output and the
/// database.
std::vector<std::string> leave_out(const settings::Settings& settings, const planning::Earlier& earlier,
                                   std::vector<suite::LoadedTest>& tests);

/// Says on standard error what the filter left out, and how many `more` are left out for their earlier results.
void tell_left_out(const std::string& told, std::size_t more);

}  // namespace kvmtest::command
