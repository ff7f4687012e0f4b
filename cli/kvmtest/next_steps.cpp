#include "kvmtest/next_steps.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/quoting.h"
#include "kvmtest/attempt_files.h"
#include "report/text.h"

namespace kvmtest::command {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// How a user would type the test's path.
std::string path_of(const report::TestResult& test) {
  for (auto attempt = test.attempts.rbegin(); attempt != test.attempts.rend(); ++attempt) {
    const json result = json_in(attempt->output, "result.json");
    if (!result.is_object() || !result.contains("file") || !result.at("file").is_string()) continue;
    const fs::path file = result.at("file").get<std::string>();
    const fs::path relative = file.lexically_relative(fs::current_path());
    return relative.empty() || relative.string().starts_with("..") ? file.string() : relative.string();
  }
  return {};
}

}  // namespace

std::string next_steps(const Context& context, const report::RunSummary& run) {
  constexpr std::size_t shown = 5;
  const std::string show = context.verb("diffs");
  std::string diffs;
  std::string again;
  std::size_t count = 0;
  for (const auto& test : run.tests) {
    if (test.verdict != core::Verdict::failed && test.verdict != core::Verdict::unresolved) continue;
    if (++count <= shown) diffs += fmt::format("  {} --run {} {}\n", show, run.run.value, base::shell_word(test.name));
    if (const std::string path = path_of(test); !path.empty()) again += ' ' + base::shell_word(path);
  }
  if (count == 0) return {};
  if (count > shown) diffs += fmt::format("  {} --run {}    # of all {}\n", show, run.run.value, count);
  if (!again.empty()) diffs += fmt::format("  {} run{}{}\n", context.program, context.common.again(true), again);
  return "\nwhat was expected, and the failures once more\n" + report::escaped_lines(diffs);
}

}  // namespace kvmtest::command
