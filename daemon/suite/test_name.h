#pragma once
// The name of a test: what a user reads and types, and below a run's directory the path of its attempts' files.

#include <compare>
#include <cstddef>
#include <filesystem>
#include <ostream>
#include <string>

namespace kvmtest::suite {

/// Names separated by slashes, as "netlab/gre". None is empty, "." or "..", or longer than a file's name may be. All
/// are UTF-8 without control characters. So there is no test whose name leads out of a directory, that no file can be
/// named by, or that does something to a terminal. Any thread.
class TestName {
 public:
  static constexpr std::size_t longest = 255;  ///< bytes of each (NAME_MAX of Linux)

  /// None yet; it has no path.
  TestName() = default;
  /// Throws core::InputError, which names it and says what is wrong.
  TestName(std::string text);                                  // NOLINT(google-explicit-constructor)
  TestName(const char* text) : TestName(std::string(text)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] const std::string& string() const { return text_; }
  operator const std::string&() const { return text_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// Relative. Of no name: throws std::logic_error.
  [[nodiscard]] std::filesystem::path path() const;

  friend bool operator==(const TestName&, const TestName&) = default;
  friend auto operator<=>(const TestName&, const TestName&) = default;
  friend bool operator==(const TestName& name, const std::string& text) { return name.text_ == text; }
  friend bool operator==(const TestName& name, const char* text) { return name.text_ == text; }
  friend std::ostream& operator<<(std::ostream& out, const TestName& name) { return out << name.text_; }

 private:
  std::string text_;
};

/// The name, or core::InputError with `file` and `line` (0: none) before what is wrong with it.
TestName test_name(std::string text, const std::filesystem::path& file, unsigned line = 0);

/// What a format names the test after whose file this is: its directory, and `base`. Throws core::InputError with
/// `label`, the file for messages, before what is wrong, also where it lies in no directory but the root.
TestName test_name_of(const std::filesystem::path& file, const std::string& base, const std::filesystem::path& label);

}  // namespace kvmtest::suite
