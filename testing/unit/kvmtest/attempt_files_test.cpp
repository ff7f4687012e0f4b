// What commands read of an attempt's directory, in which a test's program may have put anything.

#include "kvmtest/attempt_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../directory.h"
#include "base/open_directory.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;

class AttemptFiles : public testing::Test {
 protected:
  AttemptFiles() {
    write(secret_, "{}");
    fs::create_directory(attempt_);
  }

  Directory directory_;
  fs::path attempt_ = directory_ / "attempt";
  fs::path secret_ = directory_ / "secret";
};

TEST_F(AttemptFiles, OnlyPlainFilesAreRead) {
  fs::create_symlink(secret_, attempt_ / "east.console.txt");
  fs::create_symlink(secret_, attempt_ / "east.diff");
  fs::create_symlink(secret_, attempt_ / "result.json");
  ASSERT_EQ(mkfifo((attempt_ / "west.console.txt").c_str(), 0666), 0);
  ASSERT_EQ(mkfifo((attempt_ / "execution.json").c_str(), 0666), 0);
  fs::create_directory(attempt_ / "nic.console.txt");
  write(attempt_ / "north.console.txt", "text");
  EXPECT_EQ(files_in(attempt_), std::vector<std::string>{"north.console.txt"});
  EXPECT_EQ(console_hosts(attempt_), std::vector<std::string>{"north"});
  for (const char* host : {"east", "west", "nic", "none"}) {
    EXPECT_EQ(first_bytes(attempt_, console_file(host, false), 100), "") << host;
    EXPECT_EQ(last_bytes(attempt_, console_file(host, false), 100), "") << host;
    EXPECT_THROW(each_piece(attempt_, console_file(host, false), [](std::string_view) {}), base::FileError) << host;
  }
  EXPECT_EQ(read_diff(attempt_), "");
  EXPECT_TRUE(json_in(attempt_, "result.json").is_discarded());
  EXPECT_TRUE(json_in(attempt_, "execution.json").is_discarded());
  fs::create_directory_symlink(attempt_, directory_ / "link");
  EXPECT_TRUE(files_in(directory_ / "link").empty());
}

TEST_F(AttemptFiles, NothingIsReadWithoutABound) {
  write(attempt_ / "east.diff", "begin\n");
  fs::resize_file(attempt_ / "east.diff", std::uintmax_t{1} << 40U);
  EXPECT_EQ(read_diff(attempt_).size(), 1U << 20U);
  EXPECT_EQ(last_bytes(attempt_, "east.diff", 3),
            "(1099511627773 bytes before this are left out)\n" + std::string(3, '\0'));
  EXPECT_TRUE(json_in(attempt_, "east.diff").is_discarded());
}

TEST_F(AttemptFiles, PiecesEndWithLines) {
  const std::string line = std::string(300'000, 'x') + "\n";
  const std::string whole = line + line + line + line + line + "end";
  write(attempt_ / "file", whole);
  std::string all;
  each_piece(attempt_, "file", [&](std::string_view piece) {
    EXPECT_TRUE(piece.ends_with('\n') || piece.ends_with("end"));
    all += piece;
  });
  EXPECT_EQ(all, whole);
  write(attempt_ / "file", std::string(3'000'000, 'y'));
  std::size_t size = 0;
  each_piece(attempt_, "file", [&](std::string_view piece) { size += piece.size(); });
  EXPECT_EQ(size, 3'000'000U) << "one line that is longer than a piece";
}

}  // namespace
}  // namespace kvmtest::command
