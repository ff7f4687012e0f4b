// Which groups stand still, by what they want of the processors.

#include "core/governor.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

using namespace std::chrono_literals;

const AttemptId one{1};
const AttemptId two{2};
const AttemptId three{3};

class GovernorTest : public ::testing::Test {
 protected:
  GovernorTest() { governor.set({.freezing = true, .share = 1, .slice = 400ms}); }

  /// Groups that want so many processors, measured for a while every 100 ms; those that stand still use none.
  void go_on(std::chrono::milliseconds time, const std::map<AttemptId, double>& wanted) {
    for (const Instant end = now + time; now < end;) {
      now += 100ms;
      Load load{.interval = 100ms, .processors = processors, .foreign = foreign, .groups = {}};
      for (const auto& [attempt, processors_wanted] : wanted) {
        const auto used = std::chrono::duration_cast<Duration>(100ms * processors_wanted);
        const bool stands = still.contains(attempt);
        load.groups.push_back({attempt, stands ? 0us : used, 0us, exempt.contains(attempt)});
        if (!stands) had[attempt] += 100ms;
      }
      const auto changes = governor.measured(load, boots, now);
      for (const AttemptId attempt : changes.freeze) EXPECT_TRUE(still.insert(attempt).second);
      for (const AttemptId attempt : changes.thaw) EXPECT_EQ(still.erase(attempt), 1U);
      if (!still.empty()) ever = true;
    }
  }
  void begin(std::initializer_list<AttemptId> attempts) {
    for (const AttemptId attempt : attempts) governor.begin(attempt);
  }

  Governor governor;
  double processors = 2;
  double foreign = 0;
  unsigned boots = 0;
  std::set<AttemptId> exempt;
  Instant now{};
  std::set<AttemptId> still;          ///< stand still
  std::map<AttemptId, Duration> had;  ///< for how long each went on
  bool ever = false;                  ///< any stood still
};

TEST_F(GovernorTest, WhereThereAreProcessorsForAllNobodyStandsStill) {
  begin({one, two});
  go_on(2s, {{one, 1}, {two, 1}});
  EXPECT_FALSE(ever);
}

TEST_F(GovernorTest, ThoseThatWantMoreThanThereAreTakeTurnsOfEqualLength) {
  begin({one, two, three});
  go_on(12s, {{one, 1}, {two, 1}, {three, 1}});
  for (const auto& [attempt, time] : had) EXPECT_NEAR(seconds(time), 8, 0.5) << attempt.value;
}

TEST_F(GovernorTest, WhoSleepsIsLeftAloneAndCostsNobodyATurn) {
  begin({one, two, three});
  go_on(1s, {{one, 1}, {two, 1}, {three, 0}});
  ever = false;
  go_on(5s, {{one, 1}, {two, 1}, {three, 0}});
  EXPECT_FALSE(ever) << "there are processors for the two that work";
}

TEST_F(GovernorTest, WhoMayNotStandStillDoesNot) {
  exempt = {one, two};
  begin({one, two, three});
  go_on(5s, {{one, 1}, {two, 1}, {three, 1}});
  EXPECT_GE(had[one], 5s);
  EXPECT_GE(had[two], 5s);
  EXPECT_GE(had[three], 5s) << "one of those that may goes on in any case";
  exempt = {one};
  go_on(8s, {{one, 1}, {two, 1}, {three, 1}});
  EXPECT_GE(had[one], 13s);
  EXPECT_NEAR(seconds(had[two] - 5s), 4, 0.5);
}

TEST_F(GovernorTest, AGroupThatWantsAllGetsItsTurn) {
  begin({one, two});
  go_on(8s, {{one, 8}, {two, 1}});
  EXPECT_NEAR(seconds(had[one]), 4, 0.5);
  EXPECT_NEAR(seconds(had[two]), 4, 0.5);
}

TEST_F(GovernorTest, ThoseThatBeginDoNotKeepOneThatWaitsFromItsTurn) {
  begin({one});
  processors = 1;
  go_on(1s, {{one, 1}});
  // A short test after the other.
  for (std::uint64_t next = 10; next < 60; ++next) {
    governor.begin(AttemptId{next});
    go_on(300ms, {{one, 1}, {AttemptId{next}, 1}});
    still.erase(AttemptId{next});
    governor.end(AttemptId{next});
  }
  EXPECT_GE(had[one], 6s);
}

TEST_F(GovernorTest, BootsTakeProcessorsAsWell) {
  boots = 1;
  begin({one, two});
  go_on(8s, {{one, 1}, {two, 1}});
  EXPECT_NEAR(seconds(had[one]), 4, 0.5);
}

TEST_F(GovernorTest, WhereOthersWantProcessorsItTakesItsShareAndNoMore) {
  processors = 4;
  governor.set({.freezing = true, .share = 0.5, .slice = 400ms});
  begin({one, two, three});
  const std::map<AttemptId, double> all{{one, 1}, {two, 1}, {three, 1}};
  go_on(2s, all);
  EXPECT_FALSE(ever) << "nobody else wants any";
  foreign = 4;
  go_on(1s, all);
  had.clear();
  go_on(9s, all);
  for (const auto& [attempt, time] : had) EXPECT_NEAR(seconds(time), 6, 0.5) << "two of three at a time";
  foreign = 0;
  go_on(1s, all);
  EXPECT_TRUE(still.empty()) << "what others leave is used";
}

TEST_F(GovernorTest, WhereGuestsNoticeNobodyStandsStill) {
  governor.set({.freezing = false});
  begin({one, two, three});
  go_on(3s, {{one, 1}, {two, 1}, {three, 1}});
  EXPECT_FALSE(ever);
}

TEST_F(GovernorTest, OneThatEndedIsNotToldOfAnyMore) {
  begin({one, two, three});
  go_on(1s, {{one, 1}, {two, 1}, {three, 1}});
  ASSERT_FALSE(still.empty());
  const AttemptId ended = *still.begin();
  EXPECT_TRUE(governor.frozen(ended));
  governor.end(ended);
  EXPECT_FALSE(governor.frozen(ended));
  still.clear();
  std::map<AttemptId, double> rest{{one, 1}, {two, 1}, {three, 1}};
  rest.erase(ended);
  go_on(2s, rest);
  EXPECT_TRUE(still.empty());
}

}  // namespace
}  // namespace kvmtest::core
