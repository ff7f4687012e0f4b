#pragma once
// What each prefix and each slot of the reboot pool did when, as spans in lanes: the picture of a run, for the page and
// for the trace. Pure; any thread.

#include <string>
#include <vector>

#include "report/run_report.h"

namespace kvmtest::report {

/// One thing in a lane; times are since the run's start.
struct Span {
  std::string name;
  std::string kind;  ///< waiting, reset, test, boot, restore, load, failed
  core::Duration begin{};
  core::Duration length{};
  std::string verdict{};  ///< of a test
  const Attempt* attempt = nullptr;
};

struct Lane {
  std::string name;
  std::vector<Span> spans{};  ///< by their beginnings; none overlaps
};

struct Timeline {
  std::vector<Lane> prefixes{};
  std::vector<Lane> boots{};  ///< slots that boot
  std::vector<Lane> quick{};  ///< slots that go back to a saved state
};

/// Points into `run`. An attempt without a start has no place in a prefix's lane, but its resets have theirs.
Timeline timeline(const RunReport& run);

}  // namespace kvmtest::report
