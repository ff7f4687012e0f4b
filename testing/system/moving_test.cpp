// A project's directory moved or copied, on real domains: everything goes on where it is now.

#include <csignal>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* quick = "# quick\n# hosts: east west\n\neast# hostname\neast\n";

class Moving : public OnDomains {
 protected:
  /// To another place; returns the old one.
  fs::path move() {
    const fs::path old = directory_;
    directory_ += "m";  // sockets may not lie much deeper
    fs::rename(old, directory_);
    return old;
  }
  /// Nothing of the project's prefix is left.
  void uninstall() const {
    const Result gone = run_kvmtest({"uninstall"});
    EXPECT_EQ(gone.status, 0) << gone.output;
    EXPECT_TRUE(bridges().empty());
    EXPECT_TRUE(domains().empty());
  }
};

TEST_F(Moving, AMovedProjectGoesOnWhereItIs) {
  write_test("a", quick);
  EXPECT_EQ(run_kvmtest({"run"}).status, 0);
  const fs::path old = move();  // under its daemon
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_TRUE(processes_with(old.string() + "/").empty());
  move();
  EXPECT_EQ(run_kvmtest({"status"}).status, 0);
  EXPECT_EQ(run_kvmtest({"up", prefix_ + "east"}).status, 0);
  EXPECT_EQ(run_kvmtest({"destroy", prefix_ + "east"}).status, 0);
  move();
  uninstall();
}

TEST_F(Moving, WhatADeadDaemonLeftIsFoundWhereItWasMovedTo) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  EXPECT_EQ(run_kvmtest({"up", prefix_ + "east"}).status, 0);
  const auto left = domains();
  ASSERT_EQ(left.size(), 1U);
  kill_daemon();
  EXPECT_FALSE(domains().empty());
  const fs::path old = move();
  uninstall();
  EXPECT_TRUE(processes_with(old.string() + "/").empty());
}

TEST_F(Moving, OnTheMachinesNetworkACopyAndItsOriginalTakeTurns) {
  if (!use_network_of_host()) GTEST_SKIP() << "not root";
  write_test("a", quick);
  EXPECT_EQ(run_kvmtest({"run"}).status, 0);
  const fs::path original = directory_;
  const fs::path copy = original.string() + ".copy";
  EXPECT_EQ(run({"cp", "-a", original, copy}).status, 0);
  directory_ = copy;
  const Result refused = run_kvmtest({"run"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find(original.string()), std::string::npos) << refused.output;
  directory_ = original;
  EXPECT_EQ(run_kvmtest({"stop", "--daemon"}).status, 0);
  directory_ = copy;
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  uninstall();
  fs::remove_all(copy);
  directory_ = original;
  EXPECT_EQ(run_kvmtest({"run"}).status, 0);
}

}  // namespace
}  // namespace kvmtest::testing
