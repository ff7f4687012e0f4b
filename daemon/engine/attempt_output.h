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

#include "core/record.h"
#include "judge/judgement.h"
#include "suite/test.h"

namespace kvmtest::engine {

/// RUN/TEST/NUMBER: where an attempt's files go. Pure.
std::filesystem::path attempt_directory(const std::filesystem::path& run, const std::string& test, unsigned number);

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

/// Makes `directory` and writes the files; an earlier content is replaced, but for what the attempt's program wrote.
/// Throws HostFault.
void write_attempt(const std::filesystem::path& directory, const AttemptFiles& files);

/// Writes a file whole or, failing that, throws HostFault.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace kvmtest::engine
