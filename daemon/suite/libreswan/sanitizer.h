#pragma once
// The checkout's own sanitizer, utils/sanitizer.sh, as a child process, and what it gave before: its answer depends on
// the raw text, the scripts and the test's parameters alone, so an equal question needs no second process.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace kvmtest::suite::libreswan {

/// Any thread, several at once.
class Sanitizer {
 public:
  /// `testing`: the checkout's testing directory. `cache`: directory for answers, made when needed; empty: none is
  /// kept.
  Sanitizer(std::filesystem::path testing, std::filesystem::path cache);

  struct Answer {
    std::optional<std::string> text;  ///< none: it failed, or wrote to standard error
    std::string error{};              ///< then one line that says how
  };
  /// Of `raw_file`, HOST.console.verbose.txt, whose bytes are `raw`, in the test of directory `test`. `stop`: see
  /// process::Order.
  Answer sanitize(const std::filesystem::path& raw_file, std::string_view raw, const std::filesystem::path& test,
                  int stop = -1);

 private:
  std::string scripts_key(const std::filesystem::path& test);
  [[nodiscard]] std::filesystem::path place_of(const std::string& key) const;

  const std::filesystem::path testing_;
  const std::filesystem::path cache_;
  base::Mutex mutex_;
  std::string stamp_ GUARDED_BY(mutex_);       ///< of the scripts whose key this is
  std::string shared_key_ GUARDED_BY(mutex_);  ///< of scripts and default parameters
};

/// Forgets answers that nobody asked for in the last two weeks. Reads the whole cache; any thread.
void prune_answers(const std::filesystem::path& cache);

}  // namespace kvmtest::suite::libreswan
