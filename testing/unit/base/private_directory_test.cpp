#include "base/private_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "../directory.h"
#include "core/input_error.h"

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;

mode_t rights(const fs::path& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

std::string refusal(const fs::path& path) {
  try {
    (void)make_private(path);
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "taken";
}

TEST(PrivateDirectory, IsMadeForItsOwnerAlone) {
  const Directory project;
  EXPECT_EQ(make_private(project / "a/.kvmtest"), "");
  EXPECT_EQ(rights(project / "a/.kvmtest"), 0700U);
  EXPECT_EQ(make_private(project / "a/.kvmtest"), "");
}

TEST(PrivateDirectory, OthersLoseTheRightsTheyHad) {
  const Directory project;
  write(project / ".kvmtest/kvmtest.db", "runs");
  for (const mode_t wide : {0755U, 0770U, 0701U}) {
    ASSERT_EQ(chmod((project / ".kvmtest").c_str(), wide), 0);
    EXPECT_EQ(make_private(project / ".kvmtest"),
              (project / ".kvmtest").string() + ": other users could look into it; now it is its owner's alone");
    EXPECT_EQ(rights(project / ".kvmtest"), 0700U);
    EXPECT_EQ(make_private(project / ".kvmtest"), "");
  }
  EXPECT_EQ(read(project / ".kvmtest/kvmtest.db"), "runs");
}

TEST(PrivateDirectory, ALinkInItsPlaceIsRefused) {
  const Directory project;
  fs::create_directory(project / "elsewhere");
  ASSERT_EQ(chmod((project / "elsewhere").c_str(), 0755), 0);
  fs::create_directory_symlink(project / "elsewhere", project / ".kvmtest");
  EXPECT_EQ(refusal(project / ".kvmtest"),
            "the state directory cannot be used: " + (project / ".kvmtest").string() + ": is a link");
  EXPECT_EQ(rights(project / "elsewhere"), 0755U);
}

TEST(PrivateDirectory, ALinkInsideIsRefused) {
  const Directory project;
  write(project / "mine", "untouched");
  for (const char* name : {"kvmtestd.log", "kvmtestd.pid", "kvmtest.db", "accelerator.json", "libvirt", "guest"}) {
    fs::create_directories(project / ".kvmtest");
    fs::create_symlink(project / "mine", project / ".kvmtest" / name);
    EXPECT_EQ(refusal(project / ".kvmtest"),
              (project / ".kvmtest" / name).string() + ": is a link, and nothing in a state directory is; remove it");
    fs::remove(project / ".kvmtest" / name);
  }
  EXPECT_EQ(read(project / "mine"), "untouched");
}

TEST(PrivateDirectory, AnotherUsersIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const Directory project;
  fs::create_directory(project / ".kvmtest");
  ASSERT_EQ(chown((project / ".kvmtest").c_str(), 12345, 12345), 0);
  EXPECT_EQ(refusal(project / ".kvmtest"),
            (project / ".kvmtest").string() +
                ": belongs to another user (uid 12345); run as that user, or name another "
                "state directory: state_dir in the settings, or --state-dir");
}

/// As sudo starts a program.
class UnderSudo : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "sudo gives root's rights";
    setenv("SUDO_UID", "12345", 1);
    setenv("SUDO_GID", "54321", 1);
  }
  void TearDown() override {
    unsetenv("SUDO_UID");
    unsetenv("SUDO_GID");
  }
};

TEST_F(UnderSudo, WhatIsMadeBelongsToWhoCalledIt) {
  const Directory project;
  EXPECT_EQ(make_private(project / ".kvmtest"), "");
  struct stat status {};
  ASSERT_EQ(stat((project / ".kvmtest").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345U);
  EXPECT_EQ(status.st_gid, 54321U);
  EXPECT_EQ(make_private(project / ".kvmtest"), "") << "it is the caller's own";
}

}  // namespace
}  // namespace kvmtest::base
