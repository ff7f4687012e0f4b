#include "base/state_directory.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace kvmtest::base {
namespace {

// The names are documented, and scripts, tests and earlier versions' directories have them.
TEST(StateDirectory, EverythingHasItsPlace) {
  const StateDirectory state(std::filesystem::path("/p/.kvmtest"));
  EXPECT_EQ(state.path(), "/p/.kvmtest");
  EXPECT_EQ(state.database(), "/p/.kvmtest/kvmtest.db");
  EXPECT_EQ(state.socket(), "/p/.kvmtest/kvmtestd.sock");
  EXPECT_EQ(state.programs_socket(), "/p/.kvmtest/programs.sock");
  EXPECT_EQ(state.lock(), "/p/.kvmtest/kvmtestd.pid");
  EXPECT_EQ(state.log(), "/p/.kvmtest/kvmtestd.log");
  EXPECT_EQ(state.run(core::RunId{17}), "/p/.kvmtest/runs/17");
  EXPECT_EQ(state.runs(), "/p/.kvmtest/runs");
  EXPECT_EQ(state.states(), "/p/.kvmtest/states");
  EXPECT_EQ(state.ram().parent_path(), "/dev/shm");
  EXPECT_NE(state.ram(), StateDirectory(std::filesystem::path("/q/.kvmtest")).ram());
  EXPECT_EQ(state.guest("tiny"), "/p/.kvmtest/guest/tiny");
  EXPECT_EQ(state.sanitized(), "/p/.kvmtest/sanitized");
  EXPECT_EQ(state.share(core::Prefix{"a."}), "/p/.kvmtest/shares/a.share");
  EXPECT_EQ(state.share(core::Prefix{""}), "/p/.kvmtest/shares/share");
  EXPECT_EQ(state.accelerator(), "/p/.kvmtest/accelerator.json");
}

TEST(StateDirectory, WhatADaemonMakesHasTheDatabaseAndItsCompanions) {
  const auto made = StateDirectory(std::filesystem::path("s")).made_at_start();
  for (const char* file :
       {"s", "s/kvmtest.db", "s/kvmtest.db-wal", "s/kvmtest.db-shm", "s/kvmtestd.log", "s/kvmtestd.pid"})
    EXPECT_EQ(std::count(made.begin(), made.end(), file), 1) << file;
}

TEST(StateDirectory, NoneIsEmpty) {
  EXPECT_TRUE(StateDirectory().empty());
  EXPECT_FALSE(StateDirectory(std::filesystem::path("s")).empty());
}

}  // namespace
}  // namespace kvmtest::base
