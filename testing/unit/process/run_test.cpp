// Programs that are run to their end: real processes.

#include "process/run.h"

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvmtest::process {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Run : public ::testing::Test {
 protected:
  Run() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~Run() override { fs::remove_all(directory_); }

  Order shell(const std::string& command) {
    return {.command = {"/bin/sh", "-c", command},
            .environment = {"PATH=/usr/bin:/bin", "ANSWER=42"},
            .limit = 120s,
            .take_output = into(output_),
            .take_errors = into(errors_)};
  }
  static TakeBytes into(std::string& text) {
    return [&text](std::string_view bytes) {
      text += bytes;
      return true;
    };
  }
  std::string fifo(const std::string& name) const {
    const std::string path = directory_ + "/" + name;
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return path;
  }

  std::string directory_ = ::testing::TempDir() + "kvmtest-run-XXXXXX";
  std::string output_;
  std::string errors_;
};

TEST_F(Run, OutputErrorsAndStatusComeBack) {
  Order order = shell("pwd; echo $ANSWER; cat; echo no >&2; exit 3");
  order.directory = "/";
  const Ended ended = run(order);
  EXPECT_EQ(output_, "/\n42\n");
  EXPECT_EQ(errors_, "no\n");
  EXPECT_EQ(ended.start_error, 0);
  EXPECT_EQ(exit_status(ended), 3);
  EXPECT_FALSE(ended.timed_out);
  EXPECT_FALSE(ended.stopped);
  EXPECT_EQ(exit_status(run(shell("kill -9 $$"))), 128 + SIGKILL);
}

TEST_F(Run, AllOfALongOutputComes) {
  EXPECT_EQ(exit_status(run(shell("head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2"))), 0);
  EXPECT_EQ(output_.size(), 1'000'000U);
  EXPECT_EQ(errors_.size(), 300'000U);
}

TEST_F(Run, OutputThatNobodyWantsHoldsNobodyUp) {
  Order order = shell("head -c 1000000 /dev/zero; exit 4");
  order.take_output = {};
  EXPECT_EQ(exit_status(run(order)), 4);
}

TEST_F(Run, OneThatCannotBeStartedSaysWhy) {
  Order order = shell("");
  order.command = {"/nosuch/program"};
  EXPECT_EQ(run(order).start_error, ENOENT);
  order.command = {"/etc/passwd"};
  EXPECT_EQ(run(order).start_error, EACCES);
}

TEST_F(Run, WhoeverTakesItsOutputMayHaveEnough) {
  Order order = shell("while :; do echo more; done");
  order.take_output = [this](std::string_view bytes) {
    output_ += bytes;
    return output_.size() < 1000;
  };
  const Ended ended = run(order);
  EXPECT_TRUE(WIFSIGNALED(ended.status));
  EXPECT_FALSE(ended.timed_out);
  EXPECT_GE(output_.size(), 1000U);
  EXPECT_LE(output_.size(), 1000U + 65536U) << "nothing is handed over behind that";
}

TEST_F(Run, AtTheLimitItIsEnded) {
  Order order = shell("cat " + fifo("never"));
  order.limit = 10ms;
  const Ended ended = run(order);
  EXPECT_TRUE(ended.timed_out);
  EXPECT_FALSE(ended.stopped);
  EXPECT_TRUE(WIFSIGNALED(ended.status));
}

/// A program that is told to end as soon as it has printed something.
class Stopped : public Run {
 protected:
  ~Stopped() override { close(stop_); }
  Order stopped(const std::string& command) {
    Order order = shell(command);
    order.stop = stop_;
    order.take_output = [this](std::string_view bytes) {
      output_ += bytes;
      eventfd_write(stop_, 1);
      return true;
    };
    return order;
  }

  int stop_ = eventfd(0, EFD_CLOEXEC);
};

TEST_F(Stopped, ItMayTidyUp) {
  Order order = stopped("trap 'echo told; exit 0' TERM; echo ready; cat " + fifo("never") + " & wait");
  order.grace = 120s;
  const Ended ended = run(order);
  EXPECT_TRUE(ended.stopped);
  EXPECT_FALSE(ended.timed_out);
  EXPECT_EQ(output_, "ready\ntold\n");
  EXPECT_TRUE(WIFEXITED(ended.status));
}

TEST_F(Stopped, OneThatDoesNotEndIsKilled) {
  Order order = stopped("trap '' TERM; echo ready; cat " + fifo("never"));
  order.grace = 10ms;
  const Ended ended = run(order);
  EXPECT_TRUE(ended.stopped);
  EXPECT_FALSE(ended.timed_out);
  ASSERT_TRUE(WIFSIGNALED(ended.status));
  EXPECT_EQ(WTERMSIG(ended.status), SIGKILL);
}

TEST_F(Run, WhatItLeavesBehindIsKilledAndTold) {
  const std::string up = fifo("up");
  const Ended ended =
      run(shell("setsid sh -c 'echo >" + up + "; : <" + fifo("never") + "' & cat " + up + "; echo done"));
  EXPECT_EQ(output_, "\ndone\n");
  EXPECT_EQ(exit_status(ended), 0);
  ASSERT_EQ(ended.left.size(), 1U);
  EXPECT_TRUE(ended.left.front().starts_with("sh -c echo >")) << ended.left.front();
}

TEST_F(Run, AProgramIsFoundByItsName) {
  EXPECT_EQ(find_program("sh").filename(), "sh");
  EXPECT_TRUE(find_program("sh").is_absolute());
  EXPECT_TRUE(find_program("no-such-program-anywhere").empty());
  EXPECT_TRUE(find_program("").empty()) << "a directory is no program";
  const std::string before = std::getenv("PATH");
  std::ofstream(directory_ + "/tool") << "#!/bin/sh\n";
  setenv("PATH", ("/nosuch:" + directory_).c_str(), 1);
  EXPECT_TRUE(find_program("tool").empty()) << "it may not be run";
  fs::permissions(directory_ + "/tool", fs::perms::owner_all);
  EXPECT_EQ(find_program("tool"), fs::path(directory_) / "tool");
  setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace kvmtest::process
