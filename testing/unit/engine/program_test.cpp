// Programs as tests: real processes, and fake domains whose consoles are lent to them.

#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

#include "engine/program_runner.h"
#include "fixture.h"
#include "suite/program.h"

namespace kvmtest::engine {
namespace {

using suite::Ending;

class Programs : public EngineTest {
 protected:
  ProgramOrder shell(const std::string& command) const {
    return {.program = {{"/bin/sh", "-c", command}, directory_},
            .environment = {"PATH=/usr/bin:/bin", "ANSWER=42"},
            .limit = 120s,
            .capture_bound = 65536};
  }
  suite::LoadedTest program(const std::string& name, const std::string& command,
                            std::vector<std::string> hosts = {"east"}) const {
    suite::LoadedTest loaded;
    loaded.test.name = name;
    loaded.test.hosts = std::move(hosts);
    loaded.test.program = suite::Program{{"/bin/sh", "-c", command}, directory_};
    loaded.judge = std::make_shared<EndingJudge>();
    return loaded;
  }
  [[nodiscard]] std::string fifo(const std::string& name) const {
    const std::string path = directory_ / name;
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  /// Waits for a writer, and for all that it says.
  static std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  static void write(const std::string& path) { std::ofstream(path) << "go\n"; }

  StopSignal stop_;
};

TEST_F(Programs, OutputErrorsAndStatusComeBack) {
  const auto execution = run_program(shell("pwd; echo $ANSWER; echo no >&2; cat; exit 3"), stop_);
  EXPECT_EQ(execution.ending.why, Ending::Why::completed);
  EXPECT_EQ(execution.program->output, std::filesystem::canonical(directory_).string() + "\n42\n");
  EXPECT_EQ(execution.program->errors, "no\n");
  EXPECT_EQ(execution.program->status, 3);
  EXPECT_EQ(run_program(shell("kill -ABRT $$"), stop_).program->signal, SIGABRT);
}

// The kernel does it for want of memory, for one; the test has nothing to do with it.
TEST_F(Programs, OneThatWasKilledIsTheHostsFault) { EXPECT_THROW(run_program(shell("kill -9 $$"), stop_), HostFault); }

TEST_F(Programs, OneThatCannotBeStartedSaysWhy) {
  ProgramOrder order = shell("");
  order.program.command = {"/nosuch/program"};
  const auto execution = run_program(order, stop_);
  EXPECT_EQ(execution.program->status, std::nullopt);
  EXPECT_EQ(execution.program->signal, 0);
  EXPECT_EQ(execution.ending.detail, "/nosuch/program: No such file or directory");
}

TEST_F(Programs, KeepsNoMoreOutputThanItMay) {
  ProgramOrder order = shell("head -c 1000000 /dev/zero; echo end");
  order.capture_bound = 1000;
  const auto execution = run_program(order, stop_);
  EXPECT_TRUE(execution.program->truncated);
  EXPECT_LT(execution.program->output.size(), 2000U);
  EXPECT_TRUE(execution.program->output.ends_with("end\n"));
}

TEST_F(Programs, AtItsLimitTheWholeGroupEnds) {
  ProgramOrder order = shell("trap '' TERM; cat " + fifo("never") + " & wait; wait; wait");
  order.limit = 10ms;
  order.grace = 10ms;
  const auto execution = run_program(order, stop_);
  EXPECT_EQ(execution.ending.why, Ending::Why::timeout);
  EXPECT_EQ(execution.ending.detail, "the test's limit of 0.01 s passed");
  EXPECT_NE(execution.program->signal, 0);
}

TEST_F(Programs, OneThatIsToldToEndMayTidyUp) {
  const std::string ready = fifo("ready");
  const std::string tidied = directory_ / "tidied";
  std::thread stopper([&] {
    read(ready);
    stop_.raise();
  });
  EXPECT_THROW(run_program(shell("trap 'echo yes >" + tidied + "; exit 0' TERM; echo >" + ready + "; cat " +
                                 fifo("never") + " & wait"),
                           stop_),
               console::Interrupted);
  stopper.join();
  EXPECT_EQ(read(tidied), "yes\n");
}

TEST_F(Programs, WhatItLeavesBehindIsKilled) {
  const std::string held = fifo("held");
  const int reader = open(held.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  fcntl(reader, F_SETFL, 0);
  ProgramOrder order = shell("sleep 1000 3>" + held + " & echo done");
  order.linger = 10ms;
  const auto execution = run_program(order, stop_);
  EXPECT_EQ(execution.program->output, "done\n");
  EXPECT_EQ(execution.program->status, 0);
  char byte = 0;
  EXPECT_EQ(::read(reader, &byte, 1), 0) << "who holds the other end lives";
  close(reader);
}

TEST_F(Programs, ATestIsGivenItsDomainsAndFiles) {
  engine_.start_run(order({program(
      "s/t",
      "echo $KVMTEST_TEST $KVMTEST_PREFIX $KVMTEST_HOSTS $KVMTEST_DOMAIN_west; head -n 2 $KVMTEST_RUN_east; command "
      "-v west; echo kept >$KVMTEST_OUTPUT/file; test $KVMTEST_DEADLINE -gt 0 && test -n \"$KVMTEST_TOKEN\"",
      {"east", "west"})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  const auto output = directory_ / "s/t/1";
  EXPECT_EQ(read(output / "stdout.txt"), "s/t a. east west a.west\n#!/bin/sh\nexec 'kvmsh' 'a.east' \"$@\"\n" +
                                             (output / "bin/west").string() + "\n");
  EXPECT_EQ(read(output / "files/file"), "kept\n");
  EXPECT_FALSE(std::filesystem::exists(output / "bin"));
}

TEST_F(Programs, ConsolesAreLentToTheTestsOwnProgramAlone) {
  const std::string told = fifo("told");
  const std::string go = fifo("go");
  engine_.start_run(order({program("t", "echo -n $KVMTEST_TOKEN >" + told + "; cat " + go)}));
  const std::string token = read(told);
  EXPECT_THROW(engine_.borrow(east), Busy);
  EXPECT_THROW(engine_.lend(east, "another"), Busy);
  EXPECT_THROW(engine_.lend(east, ""), Busy);
  EXPECT_THROW(engine_.lend(west, token), Busy);
  {
    auto session = engine_.lend(east, token);
    const auto result = session->run("echo hi", 60s);
    EXPECT_EQ(result.output, "hi\n");
    engine_.command_ran(east, token, "echo hi", result);
    // A second command waits for the first one's end.
    std::thread second([&] { EXPECT_EQ(engine_.lend(east, token)->run("echo again", 60s).status, 0); });
    session.reset();
    second.join();
  }
  write(go);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_THROW(engine_.lend(east, token), Busy);
  const auto command = memory_.wait_for<record::CommandFinished>();
  EXPECT_EQ(command.host, "east");
  EXPECT_EQ(command.command, "echo hi");
  const auto execution = read(directory_ / "t/1/execution.json");
  EXPECT_NE(execution.find("east# echo hi\\nhi\\n"), std::string::npos) << execution;
}

TEST_F(Programs, PointsOfTapAreResults) {
  struct TapJudge final : suite::Judge {
    [[nodiscard]] judge::Judgement judge(const suite::Execution& execution, judge::Effort&) const override {
      return suite::judge_program({}, execution);
    }
  };
  auto test = program("t", "echo 1..2500; seq -f 'ok %.0f' 2499; echo not ok 2500 - the last");
  test.judge = std::make_shared<TapJudge>();
  engine_.start_run(order({test}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().failed, 1U);
  std::vector<core::Point> points;
  for (const auto& judged : memory_.all<record::PointsJudged>()) {
    EXPECT_EQ(judged.attempt.value, 1U);
    EXPECT_LE(judged.points.size(), 1000U);
    points.insert(points.end(), judged.points.begin(), judged.points.end());
  }
  ASSERT_EQ(points.size(), 2500U);
  EXPECT_EQ(points.at(1000).number, 1001U);
  EXPECT_EQ(points.back(), (core::Point{2500, "the last", "not ok", ""}));
}

TEST_F(Programs, ACommandThatOutlivesItsProgramIsInterrupted) {
  const std::string told = fifo("told");
  const std::string go = fifo("go");
  engine_.start_run(order(
      {program("t", "echo -n $KVMTEST_TOKEN >" + told + "; cat " + go), script("next", {{"east", "echo hello"}})}));
  const std::string token = read(told);
  std::thread hanging([&] {
    const auto session = engine_.lend(east, token);
    write(go);
    EXPECT_THROW(session->run("hang", 600s), console::Interrupted);
  });
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 2U);
  hanging.join();
}

TEST_F(Programs, StoppingARunEndsThem) {
  const std::string ready = fifo("ready");
  engine_.start_run(order({program("t", "echo >" + ready + "; cat " + fifo("never"))}));
  read(ready);
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(Programs, ADomainLostUnderOneIsAHostFault) {
  const std::string ready = fifo("ready");
  engine_.start_run(order({program("t", "echo >" + ready + "; cat " + fifo("never"))}));
  for (int attempt = 0; attempt < 2; ++attempt) {
    read(ready);
    hypervisor_.kill(east);
  }
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  EXPECT_EQ(memory_.all<record::AttemptJudged>().at(0).issues.at(0).name, "HOST-FAULT");
}

}  // namespace
}  // namespace kvmtest::engine
