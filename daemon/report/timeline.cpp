#include "report/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "report/text.h"

namespace kvmtest::report {
namespace {

using core::Duration;

void add_attempt(Lane& lane, const RunReport& run, const TestResult& test, const Attempt& attempt) {
  if (!attempt.started) return;
  const Duration started = *attempt.started - run.summary.started;
  const Duration taken = started - attempt.split.reset - attempt.split.waiting;
  const auto add = [&](const char* kind, Duration begin, Duration length) {
    // What a resumed run did before its daemon died may lie before its start; it has no place here.
    if (length.count() > 0 && begin.count() >= 0) lane.spans.push_back({test.name, kind, begin, length, "", &attempt});
  };
  add("waiting", taken, attempt.split.waiting);
  add("reset", taken + attempt.split.waiting, attempt.split.reset);
  lane.spans.push_back({test.name, "test", started, attempt.split.test,
                        attempt.verdict ? std::string(to_string(*attempt.verdict)) : "", &attempt});
}

/// The slots that did these resets, as few as can have done them: the records do not tell which did which.
std::vector<Lane> slots(const RunReport& run, const char* name, bool boots) {
  std::vector<const ResetSpan*> resets;
  for (const ResetSpan& reset : run.resets)
    if ((reset.method == "boot") == boots) resets.push_back(&reset);
  std::stable_sort(resets.begin(), resets.end(), [](const auto* a, const auto* b) { return a->begin < b->begin; });
  std::vector<std::pair<core::WallTime, core::WallTime>> times;
  for (const ResetSpan* reset : resets) times.emplace_back(reset->begin, reset->begin + reset->total);
  const std::vector<std::size_t> taken = lanes(times);
  std::vector<Lane> out;
  for (std::size_t i = 0; i < resets.size(); ++i) {
    while (out.size() <= taken[i]) out.push_back({fmt::format("{} {}", name, out.size() + 1)});
    out[taken[i]].spans.push_back({resets[i]->domain.name(), resets[i]->ok ? resets[i]->method : "failed",
                                   resets[i]->begin - run.summary.started, resets[i]->total, "", nullptr});
  }
  return out;
}

}  // namespace

Timeline timeline(const RunReport& run) {
  Timeline out;
  for (const std::string& prefix : run.summary.prefixes)
    out.prefixes.push_back({fmt::format("prefix {}", prefix_text(prefix))});
  for (const TestResult& test : run.summary.tests)
    for (const Attempt& attempt : test.attempts) {
      const auto& known = run.summary.prefixes;
      const auto at = std::find(known.begin(), known.end(), attempt.prefix.value);
      if (at != known.end())
        add_attempt(out.prefixes[static_cast<std::size_t>(at - known.begin())], run, test, attempt);
    }
  for (Lane& lane : out.prefixes) {
    std::stable_sort(lane.spans.begin(), lane.spans.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    // Times taken on different threads may be some microseconds apart, and a viewer would nest what overlaps.
    for (std::size_t i = 1; i < lane.spans.size(); ++i)
      lane.spans[i - 1].length = std::min(lane.spans[i - 1].length, lane.spans[i].begin - lane.spans[i - 1].begin);
  }
  out.boots = slots(run, "boots", true);
  out.quick = slots(run, "saved states", false);
  return out;
}

}  // namespace kvmtest::report
