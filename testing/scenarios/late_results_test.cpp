// Every result names its ticket or attempt; one that is no longer awaited changes nothing.

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class LateResults : public Scenario {
 protected:
  /// The timeline without what this file's tests put in.
  std::string without_late_ones() {
    test("one", {"east", "west"});
    test("two", {"east"});
    play();
    return timeline({"reset ", "destroy ", "run ", "judge ", "report", "finish"});
  }
};

TEST_F(LateResults, EveryResultTwiceIsAsOnce) {
  const std::string once = without_late_ones();
  for (const auto later : {0s, 1s, 7s, 40s}) {
    model.echo = [later] { return std::optional<core::Duration>(later); };
    play();
    EXPECT_EQ(timeline({"reset ", "destroy ", "run ", "judge ", "report", "finish"}), once)
        << later.count() << " s later";
  }
}

TEST_F(LateResults, TicketsAndAttemptsNobodyKnows) {
  const std::string without = without_late_ones();
  for (const auto when : {0s, 5s, 12s, 15s, 16s, 20s, 90s}) {
    const core::Ticket ticket{999};
    const core::AttemptId no_attempt{999};
    at(when, core::event::DomainReset{ticket});
    at(when, core::event::DomainResetFailed{ticket, Fault::host, "late"});
    at(when, core::event::DomainDestroyed{ticket});
    at(when, core::event::DomainDestroyFailed{ticket, "late"});
    at(when, core::event::TestRan{no_attempt});
    at(when, core::event::TestAborted{no_attempt, "east", "late"});
    at(when, core::event::AttemptJudged{no_attempt, core::Verdict::failed, {}});
    at(when, core::event::DeadlinePassed{});
  }
  play();
  EXPECT_EQ(timeline({"reset ", "destroy ", "run ", "judge ", "report", "finish"}), without);
}

TEST_F(LateResults, AnAnswerOfAnotherKindIsNotOne) {
  test("one", {"east"});
  // Ticket 1 is the reset of a.east, attempt 1 is its test.
  at(5s, core::event::DomainDestroyed{core::Ticket{1}});
  at(5s, core::event::DomainDestroyFailed{core::Ticket{1}, "no"});
  at(5s, core::event::TestRan{core::AttemptId{1}});
  at(5s, core::event::TestAborted{core::AttemptId{1}, "east", "no"});
  at(12s, core::event::DomainResetFailed{core::Ticket{1}, Fault::host, "no"});
  at(12s, core::event::AttemptJudged{core::AttemptId{1}, core::Verdict::failed, {}});
  play();
  EXPECT_EQ(timeline({"run ", "report", "finish"}), lines(R"(
    0 run submitted
    10 run one#1 on a.
    16 report one#1 passed
    16 finish the run: completed
  )"));
}

// A reset that answers after its attempt is over does not make the domain clean for the next.
TEST_F(LateResults, ACancelledResetThatSucceedsIsDestroyed) {
  test("one", {"east", "west"});
  reset("a.east", 1, {.takes = 2s, .fault = Fault::host});
  reset("a.west", 1, {.takes = 10s, .ignores_cancel = true});
  play();
  EXPECT_EQ(timeline({"a.west", "run "}), lines(R"(
    0 run submitted
    0 reset a.west
    2 cancel the reset of a.west
    10 a.west was reset
    10 destroy a.west
    11 a.west was destroyed
    11 reset a.west
    21 a.west was reset
    21 run one#2 on a.
    26 destroy a.west
    27 a.west was destroyed
  )"));
}

TEST_F(LateResults, AfterTheRunNothingIsLeftToAnswer) {
  const std::string without = without_late_ones();
  at(200s, core::event::TestRan{core::AttemptId{2}});
  at(200s, core::event::TestAborted{core::AttemptId{2}, "east", "late"});
  at(200s, core::event::AttemptJudged{core::AttemptId{2}, core::Verdict::failed, {}});
  at(200s, core::event::DomainReset{core::Ticket{1}});
  play();
  EXPECT_EQ(timeline({"reset ", "destroy ", "run ", "judge ", "report", "finish"}), without);
}

}  // namespace
}  // namespace kvmtest::scenarios
