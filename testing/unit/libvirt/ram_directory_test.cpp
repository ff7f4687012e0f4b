// The place for saved states in RAM. These tests make directories in the machine's own tmpfs, and remove them.

#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../directory.h"
#include "libvirt/ram_directory.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

class RamDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    mine = RamDirectory(state.path()).path();
    if (mine.empty()) GTEST_SKIP() << "there is no tmpfs that may be written to";
  }
  void TearDown() override {
    std::error_code ignored;
    for (const fs::path& directory : made) fs::remove_all(directory, ignored);
    if (!mine.empty()) fs::remove_all(mine, ignored);
  }
  /// Another one beside ours, of that owner.
  fs::path other(const std::string& name, const fs::path& owner) {
    made.push_back(mine.parent_path() / (mine.filename().string() + name));
    write(made.back() / "owner", owner.string() + "\n");
    write(made.back() / "kept/x/memory.qcow2", "memory");
    return made.back();
  }

  Directory state;
  fs::path mine;
  std::vector<fs::path> made;
};

TEST_F(RamDirectoryTest, IsOursAlone) {
  struct stat status {};
  ASSERT_EQ(lstat(mine.c_str(), &status), 0);
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0711U);
  EXPECT_EQ(read(mine / "owner"), state.path().string() + "\n");
}

TEST_F(RamDirectoryTest, IsTheSameForTheSameStateDirectory) {
  write(mine / "kept/x/state.json", "{}");
  EXPECT_EQ(RamDirectory(state.path()).path(), mine);
  EXPECT_TRUE(fs::exists(mine / "kept/x/state.json"));
}

TEST_F(RamDirectoryTest, ThoseOfVanishedStateDirectoriesGo) {
  const fs::path orphan = other("-orphan", state / "vanished");
  const fs::path others = other("-other", state.path());
  const fs::path nobodys = other("-nobody", "");
  fs::remove(nobodys / "owner");
  const RamDirectory again(state.path());
  EXPECT_FALSE(fs::exists(orphan));
  EXPECT_TRUE(fs::exists(others)) << "its state directory is there";
  EXPECT_TRUE(fs::exists(nobodys)) << "perhaps it is just being made";
}

// Its daemon may be in another mount namespace.
TEST_F(RamDirectoryTest, OneInUseStaysWhoseStateDirectoryIsNotToBeSeen) {
  const fs::path unseen = state / "unseen";
  const RamDirectory in_use(unseen);
  made.push_back(in_use.path());
  write(in_use.path() / "live/a.east/memory.qcow2", "memory");
  const RamDirectory again(state.path());
  EXPECT_TRUE(fs::exists(in_use.path() / "live/a.east/memory.qcow2"));
}

TEST_F(RamDirectoryTest, OneInUseIsNobodyElses) {
  const RamDirectory in_use(state.path());
  EXPECT_EQ(in_use.path(), mine);
  EXPECT_EQ(RamDirectory(state.path()).path(), fs::path());
}

// Anybody may make names in a tmpfs.
TEST_F(RamDirectoryTest, ALinkInItsPlaceIsRefused) {
  fs::remove_all(mine);
  fs::create_directory_symlink(state.path(), mine);
  EXPECT_EQ(RamDirectory(state.path()).path(), fs::path());
  EXPECT_TRUE(fs::is_empty(state.path()));
}

TEST_F(RamDirectoryTest, AFileInItsPlaceIsRefused) {
  fs::remove_all(mine);
  write(mine, "a file");
  EXPECT_EQ(RamDirectory(state.path()).path(), fs::path());
}

TEST_F(RamDirectoryTest, SomebodyElsesDirectoryIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(chown(mine.c_str(), 65534, 65534), 0);
  EXPECT_EQ(RamDirectory(state.path()).path(), fs::path());
}

}  // namespace
}  // namespace kvmtest::libvirt
