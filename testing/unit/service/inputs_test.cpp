#include "service/inputs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace kvmtest::service {
namespace {

namespace fs = std::filesystem;

class Inputs : public ::testing::Test {
 protected:
  Inputs() {
    std::string pattern = (fs::temp_directory_path() / "kvmtest-inputs-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    directory = pattern;
    test.hosts = {"east", "west"};
  }
  ~Inputs() override {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(directory / name) << text; }
  [[nodiscard]] std::string of(const std::string& west = "") const {
    return inputs_of(test, [&](const std::string& host) { return host == "west" ? host + west : host; });
  }

  fs::path directory;
  suite::Test test;
};

TEST_F(Inputs, AreTheTestsFileAndItsGuests) {
  test.path = directory / "a.test";
  write("a.test", "east# true\n");
  const std::string before = of();
  EXPECT_EQ(before.size(), 32U);
  EXPECT_EQ(of(), before);
  EXPECT_NE(of(" with another kernel"), before);
  write("other.test", "somebody else's");
  EXPECT_EQ(of(), before);
  write("a.test", "east# false\n");
  EXPECT_NE(of(), before);
}

TEST_F(Inputs, OfADirectoryAreItsFilesButNotWhatLiesDeeper) {
  test.path = directory;
  write("eastrun.sh", "true\n");
  const std::string before = of();
  fs::create_directory(directory / "OUTPUT");
  write("OUTPUT/east.console.txt", "of an earlier attempt");
  EXPECT_EQ(of(), before);
  write("east.console.txt", "expected");
  EXPECT_NE(of(), before);
}

TEST_F(Inputs, WhatCannotBeReadIsEmpty) {
  test.path = directory / "nosuch.test";
  EXPECT_EQ(of(), of());
}

}  // namespace
}  // namespace kvmtest::service
