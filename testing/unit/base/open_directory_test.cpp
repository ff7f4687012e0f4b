#include "base/open_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <system_error>

#include "../directory.h"

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;
using Kind = OpenDirectory::Kind;

/// A directory that everybody may write in, and beside it one that nothing reaches.
class OpenDirectoryTest : public testing::Test {
 protected:
  OpenDirectoryTest() { kvmtest::write(secret_, "untouched"); }
  ~OpenDirectoryTest() override { EXPECT_EQ(kvmtest::read(secret_), "untouched"); }

  void link(const fs::path& target, const std::string& name) { fs::create_symlink(target, open_ / name); }

  static std::string reason(const std::function<void()>& what) {
    try {
      what();
    } catch (const FileError& error) {
      return error.what();
    }
    return "nothing was thrown";
  }

  Directory directory_;
  fs::path outside_ = directory_ / "outside";
  fs::path secret_ = outside_ / "secret";
  fs::path open_ = directory_ / "open";
  OpenDirectory here_ = OpenDirectory::made(open_);
};

TEST_F(OpenDirectoryTest, OnlyNamesAreBeneath) {
  for (const char* path :
       {"", ".", "..", "../outside/secret", "a/../../outside/secret", "a/./b", "/etc/passwd", "a//", "a/", "./a"}) {
    EXPECT_THROW((void)here_.open_file(path), FileError) << path;
    EXPECT_THROW((void)here_.make(path), FileError) << path;
    EXPECT_THROW(here_.remove(path), FileError) << path;
    EXPECT_THROW(here_.write(path, "x"), FileError) << path;
  }
  EXPECT_THROW(here_.write(std::string("a\0b", 3), "x"), FileError);
  EXPECT_EQ(reason([&] { here_.write("..", "x"); }), open_.string() + ": '..' is no path beneath it");
}

TEST_F(OpenDirectoryTest, NoLinkIsFollowed) {
  link(outside_, "out");
  link(secret_, "file");
  EXPECT_EQ(reason([&] { (void)here_.open("out"); }), (open_ / "out").string() + ": is a link");
  EXPECT_THROW((void)here_.open_file("file"), FileError);
  EXPECT_THROW((void)here_.read("file", 100), FileError);
  EXPECT_THROW((void)here_.read("out/secret", 100), FileError);
  EXPECT_THROW((void)here_.open_or_create("file"), FileError);
  EXPECT_THROW((void)here_.create("file"), FileError);
  EXPECT_THROW((void)here_.make("out"), FileError);
  EXPECT_THROW((void)here_.make("out/new"), FileError);
  EXPECT_THROW((void)here_.make_new("out"), FileError);
  EXPECT_THROW(here_.write("out/new", "x"), FileError);
  EXPECT_THROW(here_.remove("out/secret"), FileError);
  EXPECT_THROW(here_.move("out/secret", here_, "mine"), FileError);
  EXPECT_THROW(OpenDirectory(open_ / "out"), FileError);
  EXPECT_THROW((void)OpenDirectory::made(open_ / "out"), FileError);
  EXPECT_FALSE(fs::exists(outside_ / "new"));
}

TEST_F(OpenDirectoryTest, WritingAndRemovingTakeTheLinkAndNotWhatItLeadsTo) {
  link(secret_, "file");
  here_.write("file", "mine");
  EXPECT_EQ(here_.kind("file"), Kind::file);
  EXPECT_EQ(here_.read("file", 100)->bytes, "mine");
  link(outside_, "out");
  here_.remove("out");
  EXPECT_EQ(here_.kind("out"), std::nullopt);
  fs::create_directories(open_ / "tree/below");
  fs::create_symlink(outside_, open_ / "tree/below/out");
  here_.remove("tree");
  EXPECT_FALSE(fs::exists(open_ / "tree"));
}

TEST_F(OpenDirectoryTest, WritingLeavesOtherNamesOfAFileAlone) {
  fs::create_hard_link(secret_, open_ / "file");
  here_.write("file", "mine");
  EXPECT_EQ(kvmtest::read(open_ / "file"), "mine");
  EXPECT_EQ(fs::hard_link_count(secret_), 1U);
}

TEST_F(OpenDirectoryTest, WhatIsWrittenIsWhole) {
  here_.write("file", "a longer text that was there");
  here_.write("file", "short", 0600);
  EXPECT_EQ(here_.read("file", 100)->bytes, "short");
  struct stat status {};
  ASSERT_EQ(stat((open_ / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  (void)here_.make("directory");
  EXPECT_THROW(here_.write("directory", "x"), FileError);
  const auto left = here_.list();
  ASSERT_EQ(left.size(), 2U) << "a file that was begun is not left";
  EXPECT_EQ(left[0].name, "directory");
  EXPECT_EQ(left[1].name, "file");
}

TEST_F(OpenDirectoryTest, PipesAndDevicesAreNotOpened) {
  ASSERT_EQ(mkfifo((open_ / "pipe").c_str(), 0666), 0);
  const auto refused = (open_ / "pipe").string() + ": is not a plain file";
  EXPECT_EQ(reason([&] { (void)here_.read("pipe", 100); }), refused);
  EXPECT_EQ(reason([&] { (void)here_.open_or_create("pipe"); }), refused);
  EXPECT_EQ(here_.kind("pipe"), Kind::other);
  here_.write("pipe", "a file");
  EXPECT_EQ(here_.read("pipe", 100)->bytes, "a file");
}

TEST_F(OpenDirectoryTest, ReadingHasABound) {
  here_.write("file", std::string(100'000, 'x'));
  const auto some = here_.read("file", 99'999);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->bytes.size(), 99'999U);
  EXPECT_FALSE(some->whole);
  const auto all = here_.read("file", 100'000);
  EXPECT_EQ(all->bytes.size(), 100'000U);
  EXPECT_TRUE(all->whole);
  EXPECT_TRUE(here_.read("file", 0)->bytes.empty());
  EXPECT_FALSE(here_.read("nothing", 10));
  EXPECT_FALSE(here_.read("no/thing", 10));
}

TEST_F(OpenDirectoryTest, FilesAreMadeOnceAndOpenedAgain) {
  EXPECT_TRUE(here_.create("file"));
  EXPECT_THROW((void)here_.create("file"), FileError);
  {
    const Descriptor file = here_.open_or_create("file");
    ASSERT_EQ(::write(file.number(), "text", 4), 4);
  }
  (void)here_.open_or_create("file");
  EXPECT_EQ(here_.read("file", 10)->bytes, "text");
}

TEST_F(OpenDirectoryTest, DirectoriesAreMade) {
  (void)here_.make("a/b/c");
  const OpenDirectory again = here_.make("a/b");
  EXPECT_EQ(again.path(), open_ / "a/b");
  again.write("file", "x");
  EXPECT_EQ(kvmtest::read(open_ / "a/b/file"), "x");
  (void)here_.make_new("a/b/d");
  try {
    (void)here_.make_new("a/b/d");
    ADD_FAILURE() << "it was there";
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), std::errc::file_exists);
  }
  const auto entries = again.list();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "c");
  EXPECT_EQ(entries[0].kind, Kind::directory);
  EXPECT_EQ(entries[2].name, "file");
  EXPECT_EQ(entries[2].kind, Kind::file);
  EXPECT_EQ(again.list().size(), 3U) << "from the start each time";
  EXPECT_THROW((void)again.list(2), FileError);
}

TEST_F(OpenDirectoryTest, ADirectoryStaysItselfWhenItsPathChanges) {
  const OpenDirectory below = here_.make("below");
  fs::rename(open_ / "below", open_ / "renamed");
  link(outside_, "below");
  below.write("secret", "mine");
  EXPECT_EQ(kvmtest::read(open_ / "renamed/secret"), "mine");
}

TEST_F(OpenDirectoryTest, MovesBetweenDirectories) {
  const OpenDirectory there = here_.make("there");
  here_.write("file", "x");
  here_.move("file", there, "renamed");
  EXPECT_FALSE(here_.kind("file"));
  EXPECT_EQ(here_.read("there/renamed", 10)->bytes, "x");
  EXPECT_THROW(here_.move("nothing", there, "x"), FileError);
}

TEST_F(OpenDirectoryTest, IsClearedAndStays) {
  here_.write("file", "x");
  (void)here_.make("a/b");
  link(outside_, "out");
  here_.clear();
  EXPECT_TRUE(here_.list().empty());
  here_.clear();
  here_.write("file", "x");
  EXPECT_EQ(kvmtest::read(open_ / "file"), "x");
}

TEST_F(OpenDirectoryTest, RemovesWhatIsDeeperThanDescriptorsReach) {
  constexpr int levels = 200;
  Descriptor at(::open(open_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(mkdirat(at.number(), "d", 0777), 0);
    Descriptor file(openat(at.number(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    at = Descriptor(openat(at.number(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  const rlimit few{40, usual.rlim_max};
  setrlimit(RLIMIT_NOFILE, &few);
  here_.remove("d");
  setrlimit(RLIMIT_NOFILE, &usual);
  EXPECT_FALSE(here_.kind("d"));
  here_.remove("d");
  here_.remove("nothing/there");
}

}  // namespace
}  // namespace kvmtest::base
