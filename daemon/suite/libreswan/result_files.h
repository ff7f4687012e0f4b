#pragma once
// The files beside the consoles in an OUTPUT directory: times, result, sanitized text, differences. Any thread.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/open_directory.h"
#include "suite/libreswan/output_judge.h"

namespace kvmtest::suite::libreswan {

/// An attempt's times, as its debug.log has them. What is not there is left out of the result.
struct OutputTimes {
  using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
  std::optional<WallTime> start{};
  std::optional<WallTime> stop{};
  std::optional<double> total{};  ///< seconds, as all that follow
  std::optional<double> boot{};
  std::optional<double> test{};
};

/// The text of a debug.log that says these times the way libreswan's tools look for them: local time, and seconds with
/// one decimal.
std::string debug_log(const OutputTimes& times, const std::string& test_name);
/// From the text of a debug.log, any runner's.
OutputTimes read_debug_log(std::string_view text);
/// From the debug.log of `output`, if there is one that can be read.
OutputTimes read_times(const base::OpenDirectory& output);

/// The text of result.json.
std::string result_json(const JudgedTest& test, const OutputJudgement& judgement, const OutputTimes& times);
/// The text of RESULT, an older form; empty for a verdict that it has no word for.
std::string old_result(const JudgedTest& test, const OutputJudgement& judgement);

/// Writes HOST.console.txt, HOST.console.diff, result.json and RESULT into `output`, in place of whatever has these
/// names. Throws base::FileError.
void save_judgement(const JudgedTest& test, const base::OpenDirectory& output, const OutputJudgement& judgement);

}  // namespace kvmtest::suite::libreswan
