#pragma once
// The files of one attempt:
//
//   HOST.console.raw   every byte the console printed, prompts included, within the capture bound
//   HOST.console.txt   its commands and their output, clean
//   HOST.kernel.txt    what its kernel said, if anything: time since the start, the kernel's time, level, text
//   transcript.txt     all hosts in the order of the script
//   transcript.diff    expected to actual, when they differ; patch -p1 applies it
//   result.json        verdict, issues, times
//   execution.json     what each command printed, for `kvmtest accept`

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/open_directory.h"
#include "core/record.h"
#include "judge/judgement.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// RUN/TEST/NUMBER: where an attempt's files go. Whatever had that name before, of a run whose daemon died or of a
/// database that is gone, stays: then it is RUN/TEST/NUMBER-2, NUMBER-3 and so on. One thread at a time.
class AttemptDirectory {
 public:
  AttemptDirectory() = default;
  AttemptDirectory(std::filesystem::path run, const suite::TestName& test, unsigned number)
      : run_(std::move(run)), wanted_(test.path() / std::to_string(number)) {}

  /// Opens it. It is made the first time. Throws HostFault.
  base::OpenDirectory open();
  /// Absolute; empty: it has not been made.
  [[nodiscard]] std::filesystem::path path() const { return made_.empty() ? made_ : run_ / made_; }

 private:
  std::filesystem::path run_;
  std::filesystem::path wanted_;  ///< beneath it
  std::filesystem::path made_;    ///< beneath it
};

struct AttemptFiles {
  const suite::Test& test;
  const suite::Execution& execution;
  const judge::Judgement& judgement;
  const std::map<std::string, std::string>& raw;  ///< by host
  core::AttemptId attempt;
  core::Prefix prefix;
  unsigned number = 1;
  core::Duration test_time{};
};

/// Writes the files. Throws HostFault.
void write_attempt(const base::OpenDirectory& directory, const AttemptFiles& files);

/// Writes a file whole or, failing that, throws HostFault.
void write_file(const base::OpenDirectory& directory, const std::string& name, std::string_view bytes,
                mode_t mode = 0666);

}  // namespace kvmtest::engine
