// Machines that restart in their tests, on fake domains.

#include "engine/reboot.h"

#include <thread>

#include <sys/stat.h>

#include "fixture.h"

namespace kvmtest::engine {
namespace {

using suite::StepKind;

class Reboots : public EngineTest {
 protected:
  /// A test on one host; a command behind "!" is one that restarts it.
  static suite::LoadedTest test_of(const std::vector<std::string>& commands) {
    suite::LoadedTest loaded = script("t", {});
    loaded.test.hosts = {"east"};
    for (const std::string& command : commands) {
      const bool reboots = command.starts_with("!");
      loaded.test.steps.push_back(
          {"east", reboots ? StepKind::reboot : StepKind::run, {}, reboots ? command.substr(1) : command, {}, 0});
    }
    return loaded;
  }
  core::Verdict verdict_of(const std::vector<std::string>& commands) {
    engine_.start_run(order({test_of(commands)}));
    memory_.wait_for<record::RunFinished>();
    return memory_.all<record::AttemptJudged>().at(0).verdict;
  }
  std::string why() {
    const auto issues = memory_.all<record::AttemptJudged>().at(0).issues;
    return issues.empty() ? "" : issues.front().detail;
  }

  static constexpr const char* which_boot = "cat /proc/sys/kernel/random/boot_id";
};

TEST_F(Reboots, TheScriptGoesOnAfterTheBoot) {
  EXPECT_EQ(verdict_of({which_boot, "!reboot", which_boot}), core::Verdict::passed) << why();
  EXPECT_EQ(transcript("t"), "boot-1\nboot-2\n");
  EXPECT_TRUE(memory_.all<record::DomainLost>().empty());
}

TEST_F(Reboots, OneThatRestartsByItselfNeedsNoStart) {
  EXPECT_EQ(verdict_of({"!kexec", which_boot}), core::Verdict::passed) << why();
  EXPECT_TRUE(transcript("t").ends_with("boot-2\n"));
}

TEST_F(Reboots, WithoutACommandThePowerIsTakenAway) {
  EXPECT_EQ(verdict_of({"!", which_boot}), core::Verdict::passed) << why();
  EXPECT_EQ(transcript("t"), "boot-2\n");
}

TEST_F(Reboots, ACommandThatFailsRestartsNothing) {
  EXPECT_EQ(verdict_of({"!false", "echo next"}), core::Verdict::failed);
  EXPECT_EQ(why(), "it exited with 1, and the machine goes on");
  EXPECT_EQ(transcript("t"), "");
}

TEST_F(Reboots, AMachineThatIsSwitchedOffIsNotWaitedFor) {
  EXPECT_EQ(verdict_of({"!poweroff"}), core::Verdict::failed);
  EXPECT_EQ(why(), "the guest shut itself down");
}

TEST_F(Reboots, AShellThatEndsIsNoReboot) {
  EXPECT_EQ(verdict_of({"!exit"}), core::Verdict::failed);
  EXPECT_EQ(why(), "its shell ended, and the machine did not restart");
}

TEST_F(Reboots, OneThatDoesNotComeUpIsToldAtTheLimit) {
  hypervisor_.prepare = [&, booted = false](const core::Domain&, console::FakeGuest& guest) mutable {
    if (std::exchange(booted, true)) guest.faults.silent = true;
  };
  auto test = test_of({"!reboot"});
  test.test.steps[0].limit = 50ms;
  engine_.start_run(order({test}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_NE(why().find("it is not back"), std::string::npos) << why();
}

TEST_F(Reboots, OneThatCannotBeStartedIsTheHostsFault) {
  engine_.start_run(order({test_of({"hang", "!reboot"})}));
  for (unsigned attempt = 1; attempt <= 2; ++attempt) {
    hypervisor_.wait_until_up(east);
    hypervisor_.plan(east, {1, 0, 0});
    hypervisor_.interrupt(east);
    memory_.wait_for<record::AttemptJudged>([&](const auto& judged) { return judged.number == attempt; });
  }
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  EXPECT_EQ(memory_.all<record::AttemptJudged>().at(0).issues.at(0).name, "HOST-FAULT");
}

TEST_F(Reboots, OneThatNobodyAskedForSaysSo) {
  EXPECT_EQ(verdict_of({"reboot", "echo next"}), core::Verdict::unresolved);
  EXPECT_EQ(why(), "the guest rebooted");
}

TEST_F(Reboots, AShellThatEndsInAnotherStepDoesToo) {
  EXPECT_EQ(verdict_of({"exit", "echo next"}), core::Verdict::failed);
  EXPECT_EQ(why(), "the console's shell has ended; last line on the console: 'guest login: '");
}

TEST_F(Reboots, TheNextTestHasACleanDomain) {
  auto run = order({test_of({"!reboot", which_boot}), script("u", {{"east", which_boot}})});
  run.plan.states.of[east] = core::SavedStateId{"east"};
  engine_.start_run(std::move(run));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  EXPECT_EQ(transcript("t"), "boot-2\n");
  EXPECT_EQ(transcript("u"), "boot-1\n") << "it did not go back";
}

TEST_F(Reboots, AProgramsDomainComesBack) {
  const std::string told = directory_ / "told";
  const std::string go = directory_ / "go";
  for (const std::string& path : {told, go}) ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  suite::LoadedTest program = script("t", {});
  program.test.hosts = {"east"};
  program.test.program = suite::Program{{"/bin/sh", "-c", "echo -n $KVMTEST_TOKEN >" + told + "; cat " + go}, "/"};
  engine_.start_run(order({program}));
  std::string token;
  std::ifstream(told) >> token;
  {
    const auto session = engine_.lend(east, token);
    const auto rebooted = engine_.reboot(east, *session, "reboot", 60s);
    EXPECT_EQ(rebooted.command.status, 0) << rebooted.failure;
    EXPECT_EQ(session->run(which_boot, 60s).output, "boot-2\n");
  }
  std::ofstream(go) << "go\n";
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
}

}  // namespace
}  // namespace kvmtest::engine
