#pragma once
// A checkout's sanitizer as it was at one moment. The guests of its tests may have the checkout as a share: what they
// write there later is not run. Any thread.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/open_directory.h"

namespace kvmtest::suite::libreswan {

/// What a test adds for the sanitizer.
struct SanitizerParameters {
  std::string test;                   ///< its name
  std::optional<std::string> text{};  ///< of its testparams.sh; none: it has none
  std::string obstacle{};             ///< why that cannot be read, one line; empty: it can
};

/// Reads testparams.sh of a test's directory in the checkout's `testing`. Does not throw.
SanitizerParameters read_parameters(const std::filesystem::path& testing, const std::filesystem::path& test);

/// utils/sanitizer.sh, default-testparams.sh and the files of sanitizers/. Immutable.
class SanitizerCopy {
 public:
  /// Reads them from the checkout's testing directory. Does not throw: see obstacle().
  explicit SanitizerCopy(const std::filesystem::path& testing);

  /// Why there is no copy, one line; empty: there is one.
  [[nodiscard]] const std::string& obstacle() const { return obstacle_; }
  /// Names what the copy holds.
  [[nodiscard]] const std::string& key() const { return key_; }

  /// Where things are in a directory that lay_out() has filled.
  static std::filesystem::path program_in(const std::filesystem::path& place);
  static std::filesystem::path test_in(const std::filesystem::path& place, const SanitizerParameters& parameters);
  static std::filesystem::path raw_in(const std::filesystem::path& place, const SanitizerParameters& parameters,
                                      const std::string& raw_name);

  /// Puts the copy into the empty `place`, with a test of these parameters that has printed `raw`; `raw_name` is
  /// HOST.console.verbose.txt. Throws base::FileError.
  void lay_out(const base::OpenDirectory& place, const SanitizerParameters& parameters, const std::string& raw_name,
               std::string_view raw) const;

 private:
  void read(const std::filesystem::path& testing);
  void add(const std::filesystem::path& testing, const std::filesystem::path& file);

  std::string obstacle_;
  std::string key_;
  std::map<std::string, std::string> files_;  ///< contents by path below the testing directory
};

}  // namespace kvmtest::suite::libreswan
