#include "base/plain_copy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "../directory.h"

namespace kvmtest::base {
namespace {

namespace fs = std::filesystem;

/// What a guest has written, and where it is to go.
class PlainCopy : public testing::Test {
 protected:
  PlainCopy() { kvmtest::write(directory_ / "outside/secret", "untouched"); }
  ~PlainCopy() override { EXPECT_EQ(kvmtest::read(directory_ / "outside/secret"), "untouched"); }

  std::vector<std::string> copy(const CopyBounds& bounds = {}) const {
    return copy_plain(OpenDirectory(from_), OpenDirectory(to_), bounds);
  }
  [[nodiscard]] static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }

  Directory directory_;
  fs::path from_ = OpenDirectory::made(directory_ / "from").path();
  fs::path to_ = OpenDirectory::made(directory_ / "to").path();
};

TEST_F(PlainCopy, FilesAndDirectoriesAreCopied) {
  kvmtest::write(from_ / "a", "one");
  kvmtest::write(from_ / "below/b", std::string(1'000'000, 'x'));
  EXPECT_EQ(copy(), std::vector<std::string>{});
  EXPECT_EQ(kvmtest::read(to_ / "a"), "one");
  EXPECT_EQ(kvmtest::read(to_ / "below/b").size(), 1'000'000U);
}

TEST_F(PlainCopy, NothingElseComesAlong) {
  fs::create_symlink(directory_ / "outside/secret", from_ / "a-link");
  fs::create_directory_symlink(directory_ / "outside", from_ / "b-link");
  ASSERT_EQ(mkfifo((from_ / "c-fifo").c_str(), 0666), 0);
  kvmtest::write(from_ / "d-program", "#!/bin/sh\n");
  ASSERT_EQ(chmod((from_ / "d-program").c_str(), 06755), 0);
  fs::create_hard_link(from_ / "d-program", from_ / "e-same");
  EXPECT_EQ(copy(), (std::vector<std::string>{"a-link: neither a file nor a directory",
                                              "b-link: neither a file nor a directory",
                                              "c-fifo: neither a file nor a directory"}));
  EXPECT_EQ(std::distance(fs::directory_iterator(to_), {}), 2);
  EXPECT_EQ(mode_of(to_ / "d-program") & 07111U, 0U);
  EXPECT_EQ(fs::hard_link_count(to_ / "e-same"), 1U);
}

TEST_F(PlainCopy, WhatHasTheNameIsReplacedAndNotWrittenThrough) {
  kvmtest::write(from_ / "a", "one");
  kvmtest::write(from_ / "below/b", "two");
  fs::create_symlink(directory_ / "outside/secret", to_ / "a");
  fs::create_directory_symlink(directory_ / "outside", to_ / "below");
  EXPECT_EQ(copy(), std::vector<std::string>{});
  EXPECT_EQ(kvmtest::read(to_ / "a"), "one");
  EXPECT_EQ(kvmtest::read(to_ / "below/b"), "two");
  EXPECT_FALSE(fs::exists(directory_ / "outside/b"));
}

TEST_F(PlainCopy, ItHasBounds) {
  kvmtest::write(from_ / "a", "12345");
  fs::resize_file(from_ / "a", std::uintmax_t{1} << 40U);
  kvmtest::write(from_ / "b", "12345");
  kvmtest::write(from_ / "c/d/e", "deep");
  const std::vector<std::string> told = copy({.file = 4, .total = 6, .depth = 1});
  EXPECT_EQ(told, (std::vector<std::string>{"a: only its beginning is kept: it is too large",
                                            "b: only its beginning is kept: it is too large", "c/d: too deep"}));
  EXPECT_EQ(kvmtest::read(to_ / "a"), "1234");
  EXPECT_EQ(kvmtest::read(to_ / "b"), "12");
  EXPECT_EQ(copy({.entries = 2}), std::vector<std::string>{".: too many files"});
  for (int i = 0; i < 20; ++i) fs::create_symlink("nowhere", from_ / ("link" + std::to_string(i)));
  EXPECT_EQ(copy().size(), 10U) << "more lines would be one more thing without a bound";
}

}  // namespace
}  // namespace kvmtest::base
