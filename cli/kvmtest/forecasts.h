#pragma once
// What forecasts of a suite are made from, and the numbers of workers and prefixes to look at: for plan and tune.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/ids.h"
#include "kvmtest/choosing.h"
#include "kvmtest/verb.h"
#include "planning/choice.h"
#include "planning/forecast.h"
#include "report/tuning.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// Which tests, and by which run's times on which machine.
struct SuiteOptions {
  std::vector<std::string> tests;
  std::string format;
  ChoiceOptions choice;
  long run = 0;        ///< 0: the newest
  double boot = 0;     ///< seconds; 0: as in the run
  unsigned cores = 0;  ///< of the machine to plan for; 0: of this one
  std::string memory;  ///< the same; empty: of this one

  void add_to(client::Command& verb);
};

/// A suite to forecast, and the run that tells how long it takes.
struct Suite {
  planning::Basis basis;
  planning::Order order = planning::Order::listed;
  core::RunId run;
};

/// Throws core::InputError.
Suite read_suite(const settings::Settings& settings, const SuiteOptions& options);

/// A number of workers or prefixes to look at.
struct Wish {
  std::optional<unsigned> number;  ///< none: as the load bears
  [[nodiscard]] std::string text() const { return report::wish_text(number); }
  /// Whether the settings have it so.
  [[nodiscard]] bool is(bool automatic, std::size_t set) const { return automatic ? !number : number == set; }
};

/// Those that the words name: numbers, or auto. Throws core::InputError, whose line begins with `option`.
std::vector<Wish> wishes(const std::vector<std::string>& words, const char* option);

/// For programs: the number, or "auto".
nlohmann::json number_or_auto(const std::optional<unsigned>& number);

/// "3.5s", "2m07s".
std::string minutes(core::Duration duration);

}  // namespace kvmtest::command
