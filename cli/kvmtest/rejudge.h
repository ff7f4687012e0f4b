#pragma once
// Output of libreswan's that is there already, judged again: what results and diffs do with directories.

#include <optional>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "kvmtest/choosing.h"
#include "report/text.h"
#include "settings/settings.h"
#include "suite/filter.h"

namespace kvmtest::command {

/// The options that are for directories alone.
struct DirectoryOptions {
  suite::Filter filter;
  planning::Earlier earlier;
  bool sanitize = false;  ///< run the checkout's sanitizer where no answer of it is stored
  bool update = false;    ///< write the sanitized consoles, differences and results anew

  void add_to(client::Command& verb);
  /// Throws core::InputError when one of them was given.
  void refuse() const;
};

/// `given`: options that are for runs of the database, with directories. Throws core::InputError then.
void refuse_run(bool given);

/// Output of libreswan's that is to be judged again, without running anything.
struct Rejudging {
  std::vector<std::string> paths;
  DirectoryOptions options;
  bool diffs = false;  ///< print these instead of results
  bool json = false;
  std::optional<report::Options> people{};  ///< how differences look to them; none: a program reads
};
/// Prints what is asked for. Returns 0, 1 with failures, or 125 when something cannot be told, for whatever reason.
int rejudge(const settings::Settings& settings, const Rejudging& wish);

}  // namespace kvmtest::command
