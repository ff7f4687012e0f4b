#pragma once
// From the files of an OUTPUT directory to verdict, issues and differences, as libreswan's own results do it. Reads
// files and, where that is wanted, runs the sanitizer; writes nothing. Any thread.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/verdict.h"
#include "judge/effort.h"
#include "suite/libreswan/guests.h"
#include "suite/libreswan/sanitizer.h"

namespace kvmtest::suite::libreswan {

/// The names that libreswan's results have for what is wrong.
namespace issue {
inline constexpr const char* output_missing = "output-missing";        ///< unresolved
inline constexpr const char* eof = "EOF";                              ///< unresolved
inline constexpr const char* exception = "EXCEPTION";                  ///< unresolved
inline constexpr const char* output_truncated = "output-truncated";    ///< unresolved
inline constexpr const char* sanitizer_failed = "sanitizer-failed";    ///< unresolved
inline constexpr const char* sanitizer_not_run = "sanitizer-not-run";  ///< unresolved
inline constexpr const char* timeout = "TIMEOUT";                      ///< failed, as all that follow
inline constexpr const char* assertion = "ASSERTION";
inline constexpr const char* expectation = "EXPECTATION";
inline constexpr const char* core = "CORE";
inline constexpr const char* segfault = "SEGFAULT";
inline constexpr const char* gpfault = "GPFAULT";
inline constexpr const char* printf_null = "PRINTF_NULL";
inline constexpr const char* kernel = "KERNEL";
inline constexpr const char* leak = "LEAK";
inline constexpr const char* refcnt = "REFCNT";
inline constexpr const char* iscntrl = "iscntrl";
inline constexpr const char* output_unchecked = "output-unchecked";
inline constexpr const char* output_whitespace = "output-whitespace";
inline constexpr const char* output_different = "output-different";
}  // namespace issue

/// The verdict that an issue makes by itself.
::kvmtest::core::Verdict verdict_of(const std::string& issue_name);

/// A test directory, as judging sees it.
struct JudgedTest {
  std::filesystem::path directory;  ///< T/pluto/NAME
  std::string label;                ///< of it in diffs: "testing/pluto/NAME"
  std::vector<Guest> guests;        ///< sorted by name
  std::string name;
  std::string kind;
  std::string status;
  SanitizerParameters parameters;
};

struct OutputJudgement {
  ::kvmtest::core::Verdict verdict = ::kvmtest::core::Verdict::untested;
  std::vector<::kvmtest::core::Issue> issues;    ///< in the order found, of each name one a host
  std::map<std::string, std::string> sanitized;  ///< HOST.console.txt by host, "all" included
  std::map<std::string, std::string> diffs;      ///< HOST.console.diff by host; empty where equal
  bool left = false;  ///< a console was not sanitized, for no answer was stored: that is all the verdict says
};

/// Untested where there is no such directory. `output`: absolute. No link in it is followed, and no file read without a
/// bound: a guest may have written it. Spends `effort`.
OutputJudgement judge_output(const JudgedTest& test, const std::filesystem::path& output, const Sanitizer& sanitizer,
                             Unstored unstored, judge::Effort& effort);

}  // namespace kvmtest::suite::libreswan
