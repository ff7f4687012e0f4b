// What this process may use: real limits.

#include "process/limits.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "process/run.h"

namespace kvmtest::process {
namespace {

TEST(Limits, AllOpenFilesForThisProcessAndTheUsualForPrograms) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t most = limit.rlim_max;
  limit.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  allow_open_files();
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, most);

  std::string output;
  const Ended ended = run({.command = {"/bin/sh", "-c", "ulimit -n"},
                           .environment = {},
                           .limit = std::chrono::seconds(120),
                           .take_output = [&](std::string_view bytes) {
                             output += bytes;
                             return true;
                           }});
  EXPECT_EQ(exit_status(ended), 0);
  EXPECT_EQ(output, "100\n");
}

}  // namespace
}  // namespace kvmtest::process
