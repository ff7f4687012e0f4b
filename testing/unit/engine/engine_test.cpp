// The engine's threads around the scheduler, on fake domains. Run under the thread sanitizer by `make tsan`.

#include "engine/engine.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include <poll.h>

#include "fixture.h"

namespace kvmtest::engine {
namespace {

TEST_F(EngineTest, RunsASuiteOnTwoPrefixesWithOneVerdictATest) {
  std::vector<suite::LoadedTest> tests;
  Verdicts expected;
  for (int i = 10; i < 50; ++i) {
    const std::string name = "t" + std::to_string(i);
    tests.push_back(script(name, {{"east", "echo hello"}, {"west", "echo there"}}));
    expected.emplace_back(name, core::Verdict::passed);
  }
  engine_.start_run(order(std::move(tests), {a, b}));
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.passed, 40U);
  EXPECT_EQ(finished.exit_status, 0);
  EXPECT_EQ(verdicts(), expected);
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_TRUE(std::filesystem::exists(directory_ / "t10/1/east.console.raw"));
}

TEST_F(EngineTest, ARunThatTestedNothingFailsWhereSomethingIsRequired) {
  const auto unsupported = [&] {
    auto test = script("t", {{"east", "false"}});
    test.test.steps[0].kind = suite::StepKind::requires_;
    return std::vector{test};
  };
  engine_.start_run(order(unsupported()));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().exit_status, 0);
  engine_.wait_for_no_run(10s);
  auto strict = order(unsupported());
  strict.require_some = true;
  engine_.start_run(std::move(strict));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>([](const auto& end) { return end.exit_status == 1; }).unsupported,
            1U);
}

TEST_F(EngineTest, AHangingCommandEndsAtItsLimit) {
  auto hanging = script("hangs", {{"east", "hang"}});
  hanging.test.command_limit = 10ms;
  engine_.start_run(order({hanging, script("next", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().exit_status, 1);
  EXPECT_EQ(verdicts(), (Verdicts{{"hangs", core::Verdict::failed}, {"next", core::Verdict::passed}}));
}

TEST_F(EngineTest, WhatPreparesAGuestComesFirstAndMustSucceed) {
  auto good = script("good", {{"east", "echo hello"}});
  good.test.preparation.push_back({"east", suite::StepKind::run, {}, "echo made ready", {}, 0});
  auto bad = script("bad", {{"east", "echo never"}});
  bad.test.preparation.push_back({"east", suite::StepKind::run, {}, "false", {}, 0});
  engine_.start_run(order({good, bad}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"bad", core::Verdict::unresolved}, {"good", core::Verdict::passed}}));
  EXPECT_EQ(transcript("good"), "hello\n");
  EXPECT_EQ(transcript("bad"), "");
}

TEST_F(EngineTest, ThePostMortemGoesOnAfterATimeOutOfItsOwnButNotAfterTheScripts) {
  auto own = script("own", {{"east", "hang"}, {"west", "echo over"}});
  for (auto& step : own.test.steps) step.post_mortem = true;
  own.test.steps.insert(own.test.steps.begin(), {"", suite::StepKind::comment, {}, "# nobody's", {}, 0});
  auto of_script = script("of_script", {{"east", "hang"}, {"west", "echo over"}});
  of_script.test.steps[1].post_mortem = true;
  own.test.command_limit = of_script.test.command_limit = 100ms;
  engine_.start_run(order({own, of_script}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"of_script", core::Verdict::failed}, {"own", core::Verdict::failed}}));
  EXPECT_EQ(transcript("own"), "over\n");
  EXPECT_EQ(transcript("of_script"), "");
}

/// Has no room for output.
class RoomlessJudge final : public suite::Judge, public suite::OwnOutput {
 public:
  [[nodiscard]] std::string begin(const suite::Times& times) const override {
    return times.run <= times.begin ? "no room" : "the run began after its test";
  }
  [[nodiscard]] std::vector<std::string> take(const base::OpenDirectory&) const override { return {}; }
  void missed(const suite::Times&, const std::vector<core::Issue>&) const override {}
  [[nodiscard]] std::optional<core::Verdict> earlier() const override { return core::Verdict::untested; }
  [[nodiscard]] judge::Judgement judge(const suite::Execution& execution, judge::Effort&) const override {
    judge::Judgement judgement;
    judgement.verdict = core::Verdict::unresolved;
    judgement.transcript = execution.ending.detail + std::to_string(execution.results.size());
    return judgement;
  }
};

TEST_F(EngineTest, ATestWithoutRoomForItsOutputRunsNothing) {
  auto test = script("t", {{"east", "echo never"}});
  const auto judge = std::make_shared<RoomlessJudge>();
  test.judge = judge;
  test.own_output = judge;
  engine_.start_run(order({test}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::unresolved}}));
  EXPECT_EQ(transcript("t"), "no room0");
}

TEST_F(EngineTest, WhatLiesInAnAttemptsPlaceStays) {
  const auto there = [&](const std::string& file) {
    std::ifstream in(directory_ / file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  std::filesystem::create_directories(directory_ / "s/one/1");
  std::ofstream(directory_ / "s/one/1/transcript.txt") << "of a daemon that died";
  std::filesystem::create_directories(directory_ / "elsewhere/1");
  std::ofstream(directory_ / "elsewhere/1/transcript.txt") << "not ours";
  std::filesystem::create_directory_symlink(directory_ / "elsewhere", directory_ / "s/two");
  suite::LoadedTest program = script("s/three", {});
  program.test.hosts = {"east"};
  program.test.program = suite::Program{{"/bin/sh", "-c", "echo evidence >$KVMTEST_OUTPUT/file"}, directory_};
  std::filesystem::create_directories(directory_ / "s/three/1/files");
  std::ofstream(directory_ / "s/three/1/files/old") << "of before";
  engine_.start_run(order({script("s/one", {{"east", "echo new"}}), script("s/two", {{"east", "echo new"}}), program}));
  ASSERT_TRUE(engine_.wait_for_no_run(60s));
  EXPECT_EQ(verdicts(), (Verdicts{{"s/one", core::Verdict::passed},
                                  {"s/three", core::Verdict::passed},
                                  {"s/two", core::Verdict::unresolved}}));
  EXPECT_EQ(there("s/one/1/transcript.txt"), "of a daemon that died");
  EXPECT_EQ(there("s/one/1-2/transcript.txt"), "new\n");
  EXPECT_EQ(there("elsewhere/1/transcript.txt"), "not ours");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere/1-2"));
  EXPECT_EQ(there("s/three/1/files/old"), "of before");
  EXPECT_EQ(there("s/three/1-2/files/file"), "evidence\n");
  for (const auto& judged : memory_.all<record::AttemptJudged>()) {
    if (judged.test == "s/two") {
      ASSERT_FALSE(judged.issues.empty());
      EXPECT_EQ(judged.issues.back().detail, (directory_ / "s/two").string() + ": is a link");
      EXPECT_EQ(judged.output, "");
    } else {
      EXPECT_EQ(judged.output, (directory_ / judged.test / "1-2").string());
    }
  }
}

TEST_F(EngineTest, StoppingEndsAHangingTestAndEveryDomain) {
  engine_.start_run(order({script("hangs", {{"east", "hang"}, {"west", "true"}}), script("next", {{"east", "true"}})}));
  memory_.wait_for<record::TestStarted>();
  engine_.stop_run("somebody");
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.outcome, record::Outcome::stopped);
  EXPECT_EQ(finished.exit_status, 130);
  EXPECT_EQ(finished.untested, 2U);
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_TRUE(verdicts().empty());
}

TEST_F(EngineTest, WhoeverHasReadOfARunsEndMayStartTheNextOne) {
  std::future<void> next;
  memory_.at_end = [&] {
    const auto asks = std::make_shared<std::promise<void>>();
    next = std::async(std::launch::async, [this, asks] {
      asks->set_value();
      engine_.make_room({a}, 1);
    });
    asks->get_future().wait();
  };
  for (int i = 0; i < 20; ++i) {
    engine_.start_run(order({}));
    ASSERT_TRUE(engine_.wait_for_no_run(60s));
    ASSERT_NO_THROW(next.get()) << i;
  }
}

TEST_F(EngineTest, ASuiteHearsOfAnAttemptThatNeverBegan) {
  struct Suite final : suite::Judge, suite::OwnOutput {
    explicit Suite(std::vector<std::string>& to_told) : told(to_told) {}
    [[nodiscard]] std::string begin(const suite::Times&) const override {
      told.emplace_back("begin");
      return {};
    }
    [[nodiscard]] std::vector<std::string> take(const base::OpenDirectory&) const override { return {}; }
    void missed(const suite::Times&, const std::vector<core::Issue>& issues) const override {
      told.push_back("missed: " + issues.at(0).name);
    }
    [[nodiscard]] std::optional<core::Verdict> earlier() const override { return core::Verdict::untested; }
    [[nodiscard]] judge::Judgement judge(const suite::Execution&, judge::Effort&) const override {
      told.emplace_back("judge");
      return {};
    }
    std::vector<std::string>& told;
  };
  std::vector<std::string> told;
  auto test = script("t", {{"east", "true"}});
  const auto suite = std::make_shared<Suite>(told);
  test.judge = suite;
  test.own_output = suite;
  hypervisor_.plan(east, {.starts_that_fail = 1});
  engine_.start_run(order({test}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_EQ(told, (std::vector<std::string>{"missed: HOST-FAULT", "begin", "judge"}));
}

// One boundary for each kind of thread: no exception ends the daemon.
TEST_F(EngineTest, WhatAJudgeThrowsIsTheHostsFaultInThatAttempt) {
  class Throwing final : public suite::Judge {
    [[nodiscard]] judge::Judgement judge(const suite::Execution&, judge::Effort&) const override {
      throw std::runtime_error("no such pattern");
    }
  };
  auto bad = script("bad", {{"east", "true"}});
  bad.judge = std::make_shared<Throwing>();
  engine_.start_run(order({bad, script("good", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  EXPECT_EQ(verdicts(), (Verdicts{{"bad", core::Verdict::unresolved}, {"good", core::Verdict::passed}}));
  const auto judged = memory_.wait_for<record::AttemptJudged>([](const auto& j) { return j.test == "bad"; });
  ASSERT_EQ(judged.issues.size(), 1U);
  EXPECT_EQ(judged.issues[0].name, core::issue::host_fault);
  EXPECT_EQ(judged.issues[0].detail, "no such pattern");
}

TEST_F(EngineTest, ManyCommandsThatPrintMuchAreKeptWithinTheBoundOfOne) {
  struct Keeping final : suite::Judge {
    [[nodiscard]] judge::Judgement judge(const suite::Execution& execution, judge::Effort&) const override {
      for (const auto& result : execution.results) {
        bytes += result.output.size();
        truncated.push_back(result.truncated);
      }
      return {};
    }
    mutable std::size_t bytes = 0;
    mutable std::vector<bool> truncated;
  };
  std::vector<std::pair<std::string, std::string>> lines(20, {"east", "bytes 10000"});
  lines.emplace_back("east", "echo short");
  auto test = script("t", lines);
  const auto judge = std::make_shared<Keeping>();
  test.judge = judge;
  engine_.start_run(order({test}));
  memory_.wait_for<record::RunFinished>();
  ASSERT_EQ(judge->truncated.size(), 21U);
  EXPECT_TRUE(judge->truncated[19]);
  EXPECT_FALSE(judge->truncated[20]);
  EXPECT_LT(judge->bytes, 65536U + 20 * 4200U);
}

TEST_F(EngineTest, AStopHaltsJudging) {
  class Patient final : public suite::Judge {
   public:
    [[nodiscard]] judge::Judgement judge(const suite::Execution&, judge::Effort& effort) const override {
      begun.set_value();
      pollfd halted{effort.descriptor(), POLLIN, 0};
      poll(&halted, 1, 60'000);
      judge::Judgement judgement;
      judgement.verdict = effort.halted() ? core::Verdict::passed : core::Verdict::failed;
      return judgement;
    }
    mutable std::promise<void> begun;
  };
  auto test = script("t", {{"east", "true"}});
  const auto judge = std::make_shared<Patient>();
  test.judge = judge;
  engine_.start_run(order({test}));
  judge->begun.get_future().wait();
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::passed}})) << "what was judged counts";
}

TEST_F(EngineTest, WhatASuitesOwnOutputThrowsIsTheHostsFaultInThatAttempt) {
  class Throwing final : public suite::OwnOutput {
    std::string begin(const suite::Times&) const override { throw std::runtime_error("a broken link"); }
    [[nodiscard]] std::vector<std::string> take(const base::OpenDirectory&) const override { return {}; }
    void missed(const suite::Times&, const std::vector<core::Issue>&) const override {
      throw std::runtime_error("a broken link");
    }
    std::optional<core::Verdict> earlier() const override { return core::Verdict::untested; }
  };
  auto bad = script("bad", {{"east", "true"}});
  bad.own_output = std::make_shared<Throwing>();
  engine_.start_run(order({bad}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  EXPECT_EQ(memory_.all<record::AttemptJudged>().size(), 2U) << "a host fault is tried again";
}

TEST_F(EngineTest, StoppingEndsABootThatHangs) {
  hypervisor_.plan(east, {.silent_boots = 9});
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  memory_.wait_for<record::ResetStarted>();
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(EngineTest, AFaultAtTheStartOfADomainIsRetried) {
  hypervisor_.plan(west, {.starts_that_fail = 1});
  engine_.start_run(order({script("t", {{"east", "true"}, {"west", "true"}})}));
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.passed, 1U);
  EXPECT_EQ(finished.flaky, 1U);
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::passed}, {"t", core::Verdict::unresolved}}));
  const auto failed = memory_.wait_for<record::ResetFailed>();
  EXPECT_TRUE(failed.host_fault);
  EXPECT_EQ(failed.reason, "start a.west: no memory");
}

TEST_F(EngineTest, ADomainLostUnderATestIsAHostFaultEvenWhileItsScriptIsElsewhere) {
  engine_.start_run(order({script("t", {{"east", "hang"}, {"west", "true"}})}));
  memory_.wait_for<record::TestStarted>();
  hypervisor_.kill(west);
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.number == 2; });
  hypervisor_.kill(west);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  const auto judged = memory_.all<record::AttemptJudged>();
  ASSERT_EQ(judged.size(), 2U);
  EXPECT_FALSE(judged[0].final);
  EXPECT_EQ(judged[1].issues, (std::vector<core::Issue>{{"west", "HOST-FAULT", "QEMU died"}}));
}

TEST_F(EngineTest, AGuestThatLeavesIsItsTestsResult) {
  engine_.start_run(order({script("t", {{"east", "die"}, {"east", "true"}}), script("u", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().exit_status, 1);
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::unresolved}, {"u", core::Verdict::passed}}));
}

TEST_F(EngineTest, ADomainThatCannotBeDestroyedDoesNotKeepTheRunFromEnding) {
  hypervisor_.plan(east, {.destroys_that_fail = 99});
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_TRUE(memory_.wait_for<record::Notice>().warning);
}

TEST_F(EngineTest, RecordsWaitForADiskThatIsFull) {
  memory_.fail(2);
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::passed}}));
}

TEST_F(EngineTest, ClientsBorrowDomainsOutsideRuns) {
  engine_.request_domain(east, {});
  {
    const auto session = engine_.borrow(east);
    EXPECT_EQ(session->run("echo hi", 60s).output, "hi\n");
    EXPECT_THROW(engine_.borrow(east), Busy);
    EXPECT_THROW(engine_.start_run(order({script("t", {{"east", "true"}})})), Busy);
  }
  EXPECT_THROW(engine_.borrow(west), Busy);
  engine_.give_up(east, *engine_.borrow(east));
  engine_.request_domain(east, {});
  EXPECT_EQ(engine_.borrow(east)->run("echo new", 60s).output, "new\n");
  engine_.destroy_domain(east);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(EngineTest, AnInterruptedRunHasNoEndAndCanGoOn) {
  engine_.start_run(order({script("t", {{"east", "hang"}})}));
  memory_.wait_for<record::TestStarted>();
  engine_.interrupt_run("the daemon's end");
  EXPECT_TRUE(engine_.wait_for_no_run(60s));
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_TRUE(memory_.all<record::StopRequested>().empty());
  EXPECT_TRUE(memory_.all<record::AttemptJudged>().empty());
  EXPECT_TRUE(memory_.all<record::RunFinished>().empty());
  engine_.start_run(order({script("t", {{"east", "echo hello"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
}

TEST_F(EngineTest, OnceItBeginsToEndNothingElseBegins) {
  engine_.start_run(order({script("t", {{"east", "hang"}})}));
  memory_.wait_for<record::TestStarted>();
  engine_.begin_to_end();
  EXPECT_THROW(engine_.request_domain({b, core::Host{"east"}}, {}), Ending);
  engine_.interrupt_run("the daemon's end");
  EXPECT_TRUE(engine_.wait_for_no_run(60s));
  EXPECT_THROW(engine_.make_room({a}, 1), Ending);
  EXPECT_THROW(engine_.start_run(order({script("t", {{"east", "true"}})})), Ending);
  EXPECT_THROW(engine_.request_domain(east, {}), Ending);
  EXPECT_EQ(engine_.active_run(), std::nullopt);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(EngineTest, AnAttemptTellsWhatItsHostsHadOfTheProcessors) {
  hypervisor_.processors = [start = std::chrono::steady_clock::now()](const core::Domain& domain) {
    const auto at = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(at - start);
    if (domain.host.value != "east") return process::ProcessorReading{};
    return process::ProcessorReading{7, at, passed / 8, {{7, passed / 2}}, 0ms};
  };
  engine_.start_run(order({script("t", {{"east", "true"}, {"west", "true"}})}));
  memory_.wait_for<record::RunFinished>();
  const auto judged = memory_.all<record::AttemptJudged>();
  ASSERT_EQ(judged.size(), 1U);
  ASSERT_EQ(judged[0].use.size(), 1U);
  EXPECT_EQ(judged[0].use[0].host, "east");
  EXPECT_GT(judged[0].use[0].used, 0us);
  EXPECT_NEAR(core::seconds(judged[0].use[0].starved), 4 * core::seconds(judged[0].use[0].used), 1e-5);
}

/// One of the domains wants a processor all the time, and has none.
class Starved : public EngineTest {
 protected:
  Starved() {
    hypervisor_.processors = [this](const core::Domain& domain) {
      const auto at = std::chrono::steady_clock::now();
      if (domain == starved) ++looks;
      const auto waited = domain == starved ? at - start_ : 0ns;
      return process::ProcessorReading{7, at, 0ns, {{7, waited}}, 0ns};
    };
  }
  core::Domain starved = east;
  std::atomic<unsigned> looks = 0;

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST_F(Starved, NoLimitPassesForAGroupOfWhichOneIs) {
  starved = west;
  auto slow = script("slow", {{"east", "hang"}, {"west", "true"}});
  slow.test.command_limit = 200ms;
  engine_.start_run(order({slow}));
  hypervisor_.wait_until_up(east);
  hypervisor_.with_hanging(east, [](console::FakeGuest&) {});
  // Whoever looks has seen the limit pass by the clock on the wall. It goes on a while before that passed ten times.
  const unsigned before = looks;
  while (looks < before + 3) std::this_thread::yield();
  hypervisor_.interrupt(east);
  memory_.wait_for<record::RunFinished>();
  EXPECT_TRUE(memory_.all<record::AttemptJudged>().at(0).issues.empty()) << "it has come to its end";
}

TEST_F(Starved, WhatHangsIsFoundAllTheSame) {
  auto hanging = script("hangs", {{"east", "hang"}});
  hanging.test.command_limit = 20ms;
  const auto begun = std::chrono::steady_clock::now();
  engine_.start_run(order({hanging}));
  memory_.wait_for<record::RunFinished>();
  const auto issue = memory_.all<record::AttemptJudged>().at(0).issues.at(0);
  EXPECT_NE(issue.detail.find("no prompt within 0.02 s of 'hang'"), std::string::npos) << issue.detail;
  // It may take ten times its limit, and no more.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 180ms);
}

TEST_F(EngineTest, ARunKeepsItsPrefixesForItself) {
  engine_.start_run(order({script("t", {{"east", "hang"}})}));
  memory_.wait_for<record::TestStarted>();
  EXPECT_THROW(engine_.request_domain(east, {}), Busy);
  EXPECT_THROW(engine_.start_run(order({})), Busy);
  EXPECT_THROW(engine_.borrow(east), Busy);
  engine_.request_domain({b, core::Host{"east"}}, {});
  EXPECT_EQ(engine_.status().run, core::RunId{1});
  engine_.stop_run("somebody");
  memory_.wait_for<record::RunFinished>();
  engine_.destroy_domain({b, core::Host{"east"}});
}

}  // namespace
}  // namespace kvmtest::engine
