// Thousands of random runs; the invariants hold in each. One that fails prints its seed, and KVMTEST_SEED=seed plays it
// alone, with its log.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "random_run.h"
#include "simulator/narration.h"

namespace kvmtest::scenarios {
namespace {

constexpr unsigned blocks = 10;

/// 30,000 runs together, or KVMTEST_RANDOM_RUNS of them (make storm).
std::uint64_t runs_a_block() {
  const char* runs = std::getenv("KVMTEST_RANDOM_RUNS");
  return runs == nullptr ? 3'000 : std::max(1ULL, std::strtoull(runs, nullptr, 10) / blocks);
}

std::string story(const RandomResult& result, std::uint64_t seed, bool with_log) {
  std::string text = "seed " + std::to_string(seed) + "; KVMTEST_SEED=" + std::to_string(seed) + " plays it alone\n";
  for (const std::string& broken : result.broken) text += broken + "\n";
  if (with_log) text += narrate(result.outcome.log);
  return text;
}

class RandomRuns : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomRuns, KeepTheInvariants) {
  if (const char* seed = std::getenv("KVMTEST_SEED")) {
    if (GetParam() != 0) GTEST_SKIP() << "KVMTEST_SEED asks for one run";
    const auto number = std::strtoull(seed, nullptr, 10);
    const auto result = play_random(number, true, {}, true);
    std::puts(story(result, number, true).c_str());
    EXPECT_TRUE(result.broken.empty());
    return;
  }
  const std::uint64_t runs = runs_a_block();
  for (std::uint64_t i = 0; i < runs; ++i) {
    const std::uint64_t seed = 1 + GetParam() * runs + i;
    const auto result = play_random(seed, false, {}, seed % 20 == 0);
    ASSERT_TRUE(result.broken.empty()) << story(result, seed, false);
  }
}

INSTANTIATE_TEST_SUITE_P(Block, RandomRuns, ::testing::Range(0U, blocks));

TEST(RandomRun, IsTheSameForTheSameSeed) {
  for (const std::uint64_t seed : {3U, 77U, 4711U})
    EXPECT_EQ(simulator::narrate(play_random(seed, true).outcome.log),
              simulator::narrate(play_random(seed, true).outcome.log));
}

// The generator is worth its name: whatever can happen does.
TEST(RandomRun, ReachesEveryEventActionAndOutcome) {
  std::set<std::size_t> events;
  std::set<std::size_t> actions;
  std::set<core::record::Outcome> outcomes;
  unsigned retried = 0;
  unsigned refused = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const auto result = play_random(seed, false, [&](const core::Event& event, const core::Actions& answers) {
      events.insert(event.index());
      for (const core::Action& action : answers) actions.insert(action.index());
    });
    if (result.outcome.finished) outcomes.insert(*result.outcome.finished);
    for (const auto& [test, verdicts] : result.outcome.verdicts) retried += verdicts.size() > 1 ? 1 : 0;
    for (const auto& [request, error] : result.outcome.answers) refused += error ? 1 : 0;
  }
  EXPECT_EQ(events.size(), std::variant_size_v<core::Event>);
  EXPECT_EQ(actions.size(), std::variant_size_v<core::Action>);
  EXPECT_EQ(outcomes.size(), 3U);
  EXPECT_GT(retried, 100U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace kvmtest::scenarios
