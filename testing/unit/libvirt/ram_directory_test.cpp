// The place for saved states in RAM. These tests make directories in the machine's own tmpfs, and remove them.

#include <gtest/gtest.h>
#include <unistd.h>

#include "../directory.h"
#include "libvirt/places.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

class RamDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    mine = ram_directory(state.path());
    if (mine.empty()) GTEST_SKIP() << "there is no tmpfs that may be written to";
  }
  void TearDown() override {
    std::error_code ignored;
    if (!mine.empty()) fs::remove_all(mine, ignored);
  }

  Directory state;
  fs::path mine;
};

TEST_F(RamDirectory, IsOursAlone) {
  struct stat status {};
  ASSERT_EQ(lstat(mine.c_str(), &status), 0);
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_EQ(read(mine / "owner"), state.path().string() + "\n");
}

TEST_F(RamDirectory, IsTheSameForTheSameStateDirectory) {
  write(mine / "kept/x/about.json", "{}");
  EXPECT_EQ(ram_directory(state.path()), mine);
  EXPECT_TRUE(fs::exists(mine / "kept/x/about.json"));
}

TEST_F(RamDirectory, ThoseOfVanishedStateDirectoriesGo) {
  const fs::path orphan = mine.parent_path() / (mine.filename().string() + "-orphan");
  const fs::path others = mine.parent_path() / (mine.filename().string() + "-other");
  const fs::path nobodys = mine.parent_path() / (mine.filename().string() + "-nobody");
  write(orphan / "owner", (state / "vanished").string() + "\n");
  write(orphan / "kept/x/memory.qcow2", "memory");
  write(others / "owner", state.path().string() + "\n");
  write(nobodys / "file", "no owner is named");
  ram_directory(state.path());
  EXPECT_FALSE(fs::exists(orphan));
  EXPECT_TRUE(fs::exists(others)) << "its state directory is there";
  EXPECT_TRUE(fs::exists(nobodys)) << "perhaps it is just being made";
  fs::remove_all(others);
  fs::remove_all(nobodys);
}

// Anybody may make names in a tmpfs.
TEST_F(RamDirectory, ALinkInItsPlaceIsRefused) {
  fs::remove_all(mine);
  fs::create_directory_symlink(state.path(), mine);
  EXPECT_EQ(ram_directory(state.path()), fs::path());
  EXPECT_TRUE(fs::is_empty(state.path()));
}

TEST_F(RamDirectory, AFileInItsPlaceIsRefused) {
  fs::remove_all(mine);
  write(mine, "a file");
  EXPECT_EQ(ram_directory(state.path()), fs::path());
}

TEST_F(RamDirectory, SomebodyElsesDirectoryIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(chown(mine.c_str(), 65534, 65534), 0);
  EXPECT_EQ(ram_directory(state.path()), fs::path());
}

}  // namespace
}  // namespace kvmtest::libvirt
