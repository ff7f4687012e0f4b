#pragma once
// A directory of a test's own, gone with it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace kvmtest::testing {

class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::path(::testing::TempDir()) / "kvmtest.XXXXXX";
    path_ = std::filesystem::canonical(mkdtemp(pattern.data()));
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void write(const std::filesystem::path& relative, const std::string& text) const {
    std::filesystem::create_directories((path_ / relative).parent_path());
    std::ofstream(path_ / relative, std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::filesystem::path& relative) const {
    std::ostringstream text;
    text << std::ifstream(path_ / relative, std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace kvmtest::testing
