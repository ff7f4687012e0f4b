#include "settings/input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "../directory.h"
#include "core/input_error.h"

namespace kvmtest::settings {
namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& file) {
  try {
    (void)read_input_file(file, "label", "the test");
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "it was read";
}

TEST(InputFile, IsReadWhole) {
  const Directory directory;
  write(directory / "file", std::string(200'000, 'x') + "\n");
  EXPECT_EQ(read_input_file(directory / "file", "label", "the test").size(), 200'001U);
  EXPECT_EQ(file_text(directory / "file")->size(), 200'001U);
  fs::create_symlink(directory / "file", directory / "link");
  EXPECT_EQ(file_text(directory / "link")->size(), 200'001U);
}

TEST(InputFile, WhatIsNoPlainFileIsNotRead) {
  const Directory directory;
  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  fs::create_symlink(directory / "fifo", directory / "link");
  for (const char* name : {"fifo", "link", "nothing"}) EXPECT_EQ(file_text(directory / name), std::nullopt) << name;
  EXPECT_EQ(file_text("/dev/zero"), std::nullopt);
  EXPECT_EQ(refusal(directory / "link"), "label: is a FIFO and not a file");
  EXPECT_EQ(refusal(directory / "nothing"), "label: cannot read the test: No such file or directory");
}

TEST(InputFile, WhatIsLargerThanMemoryIsRefused) {
  const Directory directory;
  write(directory / "file", "begin\n");
  fs::resize_file(directory / "file", std::uintmax_t{1} << 40U);
  EXPECT_EQ(file_text(directory / "file"), std::nullopt);
  EXPECT_EQ(refusal(directory / "file"), "label: is larger than 64 MiB");
}

}  // namespace
}  // namespace kvmtest::settings
