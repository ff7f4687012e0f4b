#pragma once
// The checkout's own sanitizer, utils/sanitizer.sh, as a child process, and what it gave before: its answer depends on
// the raw text, the scripts and the test's parameters alone, so an equal question needs no second process.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "process/confinement.h"
#include "suite/libreswan/sanitizer_copy.h"

namespace kvmtest::suite::libreswan {

/// What is to be done where no answer is stored.
enum class Unstored { run, leave };

/// Immutable: any thread, several at once.
class Sanitizer {
 public:
  /// Takes the copy that it will run, and that its answers are stored for. `testing`: the checkout's testing directory,
  /// absolute. `cache`: directory for answers, made when needed; empty: none is kept. `confinement`: it is shown
  /// nothing besides but the copy.
  Sanitizer(std::filesystem::path testing, std::filesystem::path cache, process::Confinement confinement = {});

  [[nodiscard]] const std::filesystem::path& testing() const { return testing_; }

  struct Answer {
    std::optional<std::string> text{};  ///< none: it failed, or wrote to standard error, or was not to run
    std::string error{};                ///< then one line that says how
    bool left = false;                  ///< no answer is stored, and none was made
  };
  /// Of `raw_name`, HOST.console.verbose.txt, whose bytes are `raw`, in a test of these parameters. `stop`: see
  /// process::Order.
  [[nodiscard]] Answer sanitize(const std::string& raw_name, std::string_view raw,
                                const SanitizerParameters& parameters, Unstored unstored, int stop = -1) const;

 private:
  [[nodiscard]] std::filesystem::path place_of(const std::string& key) const;
  [[nodiscard]] Answer run(const std::string& raw_name, std::string_view raw, const SanitizerParameters& parameters,
                           int stop) const;

  const std::filesystem::path testing_;
  const std::filesystem::path cache_;
  const process::Confinement confinement_;
  const SanitizerCopy copy_;
};

/// Forgets answers that nobody asked for in the last two weeks, and what a run of the sanitizer left behind when it was
/// killed. Reads the whole cache; any thread.
void prune_answers(const std::filesystem::path& cache);

}  // namespace kvmtest::suite::libreswan
