// Trees as streams: what is kept of ours, and what is not taken of others'.

#include "archive/tree.h"

#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../directory.h"
#include "base/descriptor.h"

namespace kvmtest::archive {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const fs::path& file) {
  struct stat status {};
  return lstat(file.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

class Trees : public ::testing::Test {
 protected:
  Trees() {
    fs::create_directory(from_);
    fs::create_directory(into_);
  }

  /// Packs and unpacks at the same time.
  Unpacked through(const std::vector<Item>& items, Unpacking how) const {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const base::Descriptor reading(ends[0]);
    base::Descriptor writing(ends[1]);
    std::thread packing([&] {
      pack(items, writing.number());
      writing = base::Descriptor();
    });
    how.directory = into_;
    const Unpacked unpacked = unpack(reading.number(), how);
    packing.join();
    return unpacked;
  }

  struct Entry {
    const char* name;
    mode_t type = AE_IFREG;
    mode_t mode = 0644;
    const char* link = nullptr;  ///< where it leads
    const char* bytes = "";
  };
  /// What somebody else made.
  Unpacked unpacked(const std::vector<Entry>& entries, Unpacking how = {}) const {
    const std::string file = (directory_.path() / "strange.tar").string();
    ::archive* const out = archive_write_new();
    archive_write_set_format_gnutar(out);
    archive_write_open_filename(out, file.c_str());
    for (const Entry& each : entries) {
      archive_entry* const entry = archive_entry_new();
      archive_entry_set_pathname(entry, each.name);
      archive_entry_set_filetype(entry, each.type);
      archive_entry_set_perm(entry, each.mode);
      if (each.link != nullptr && each.type == AE_IFLNK) archive_entry_set_symlink(entry, each.link);
      if (each.link != nullptr && each.type == AE_IFREG) archive_entry_set_hardlink(entry, each.link);
      archive_entry_set_size(entry, static_cast<la_int64_t>(std::strlen(each.bytes)));
      archive_write_header(out, entry);
      archive_write_data(out, each.bytes, std::strlen(each.bytes));
      archive_entry_free(entry);
    }
    archive_write_free(out);
    const base::Descriptor in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    how.directory = into_;
    return unpack(in.number(), how);
  }

  Directory directory_;
  const fs::path from_ = directory_.path() / "from";
  const fs::path into_ = directory_.path() / "into";
};

TEST_F(Trees, ModesTimesLinksAndBytesAreKept) {
  const std::string odd = "a name\nwith\x01 \xff any bytes";
  fs::create_directories(from_ / "deep/er");
  std::ofstream(from_ / "deep/er/file") << std::string(200'000, 'x') << '\0' << "end";
  std::ofstream(from_ / odd) << "odd";
  fs::permissions(from_ / "deep/er/file", static_cast<fs::perms>(0751));
  fs::create_symlink("nowhere/at/all", from_ / "link");
  fs::create_symlink(".", from_ / "loop");
  const auto before = fs::last_write_time(from_ / "deep/er/file") - std::chrono::hours(1000);
  fs::last_write_time(from_ / "deep/er/file", before);
  const Unpacked unpacked = through({{from_, "copy"}}, {});
  EXPECT_EQ(unpacked.left_out, "");
  EXPECT_EQ(read(into_ / "copy/deep/er/file"), read(from_ / "deep/er/file"));
  EXPECT_EQ(read(into_ / "copy" / odd), "odd");
  EXPECT_EQ(mode_of(into_ / "copy/deep/er/file"), 0751U);
  EXPECT_EQ(fs::read_symlink(into_ / "copy/link"), "nowhere/at/all");
  EXPECT_EQ(fs::read_symlink(into_ / "copy/loop"), ".");
  EXPECT_LT(std::chrono::abs(fs::last_write_time(into_ / "copy/deep/er/file") - before), std::chrono::seconds(1));
}

TEST_F(Trees, SeveralAndUnderAnotherName) {
  std::ofstream(from_ / "one") << "1";
  std::ofstream(from_ / "two") << "2";
  through({{from_ / "one", "one"}, {from_ / "two", "2nd"}}, {});
  EXPECT_EQ(read(into_ / "one"), "1");
  EXPECT_EQ(read(into_ / "2nd"), "2");
  through({{from_, "from"}}, {.directory = {}, .rename = "renamed"});
  EXPECT_EQ(read(into_ / "renamed/one"), "1");
  EXPECT_THROW(pack({{from_ / "none", "none"}}, base::Descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC)).number()),
               Failed);
}

TEST_F(Trees, NobodyReadsItToTheEnd) {
  std::ofstream(from_ / "large") << std::string(1'000'000, 'x');
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  std::signal(SIGPIPE, SIG_IGN);
  base::Descriptor reading(ends[0]);
  const base::Descriptor writing(ends[1]);
  reading = base::Descriptor();
  EXPECT_NO_THROW(pack({{from_, "from"}}, writing.number()));
}

// What a guest may send.
TEST_F(Trees, NoNameLeadsOutOfTheDirectory) {
  for (const char* name : {"../out", "/tmp/kvmtest-out", "a/../../out", "..", "/"}) {
    const Unpacked result = unpacked({{.name = name, .bytes = "bad"}, {.name = "good", .bytes = "good"}});
    EXPECT_NE(result.left_out.find("the name leads elsewhere"), std::string::npos) << name << ": " << result.left_out;
    EXPECT_EQ(read(into_ / "good"), "good") << "what is not wanted is passed by";
  }
  EXPECT_FALSE(fs::exists(directory_.path() / "out"));
  EXPECT_FALSE(fs::exists("/tmp/kvmtest-out"));
}

TEST_F(Trees, NothingIsWrittenThroughALink) {
  const std::string outside = (directory_.path() / "outside").string();
  fs::create_directory(outside);
  const Unpacked result = unpacked(
      {{.name = "way", .type = AE_IFLNK, .mode = 0777, .link = outside.c_str()}, {.name = "way/file", .bytes = "bad"}});
  EXPECT_FALSE(fs::exists(outside + "/file")) << result.left_out;
  const Unpacked hard =
      unpacked({{.name = "hard", .link = "../outside/file"}, {.name = "other", .link = "/etc/passwd"}});
  EXPECT_NE(hard.left_out.find("the link's name leads elsewhere"), std::string::npos) << hard.left_out;
  EXPECT_FALSE(fs::exists(into_ / "other"));
}

TEST_F(Trees, OnlyFilesDirectoriesAndLinksWithPlainModes) {
  const Unpacked result = unpacked({{.name = "dir", .type = AE_IFDIR, .mode = 0},
                                    {.name = "dir/file", .mode = 06755, .bytes = "x"},
                                    {.name = "device", .type = AE_IFCHR},
                                    {.name = "pipe", .type = AE_IFIFO}});
  EXPECT_EQ(mode_of(into_ / "dir/file"), 0755U) << "no set-user-id";
  EXPECT_FALSE(fs::exists(into_ / "device"));
  EXPECT_FALSE(fs::exists(into_ / "pipe"));
  EXPECT_NE(result.left_out.find("neither a file"), std::string::npos) << result.left_out;
}

TEST_F(Trees, BeyondTheBoundsNothingIsTaken) {
  const Unpacked bytes = unpacked({{.name = "small", .bytes = "123"}, {.name = "large", .bytes = "12345678"}},
                                  {.directory = {}, .rename = {}, .most_bytes = 10});
  EXPECT_TRUE(fs::exists(into_ / "small"));
  EXPECT_FALSE(fs::exists(into_ / "large"));
  EXPECT_EQ(bytes.left_out, "there are more than 10 bytes");
  const Unpacked files = unpacked({{.name = "one"}, {.name = "two"}, {.name = "three"}},
                                  {.directory = {}, .rename = {}, .most_bytes = 10, .most_files = 2});
  EXPECT_EQ(files.left_out, "there are more than 2 files");
  EXPECT_FALSE(fs::exists(into_ / "three"));
}

TEST_F(Trees, WhatIsNoStreamIsToldSo) {
  std::ofstream(directory_.path() / "none") << "tar: no such file\n";
  const base::Descriptor in(open((directory_.path() / "none").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(unpack(in.number(), {.directory = into_}), Failed);
}

}  // namespace
}  // namespace kvmtest::archive
