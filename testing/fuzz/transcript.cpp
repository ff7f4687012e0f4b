// The native format: reading a file, judging what its commands printed, and accepting it. The input is the file, then a
// NUL byte before each command's output.

#include <cstdint>
#include <cstdlib>

#include "suite/transcript.h"

using namespace kvmtest;

namespace {

suite::Execution execution_of(const suite::Transcript& transcript, std::string_view outputs) {
  suite::Execution execution;
  for (std::size_t i = 0; i < transcript.test.steps.size() && !outputs.empty(); ++i) {
    outputs.remove_prefix(1);
    const auto size = std::min(outputs.find('\0'), outputs.size());
    suite::StepResult result;
    result.step = i;
    result.output = outputs.substr(0, size);
    result.status = static_cast<int>(size % 3);
    outputs.remove_prefix(size);
    execution.results.push_back(std::move(result));
  }
  return execution;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto nul = std::min(input.find('\0'), input.size());
  try {
    const auto transcript = suite::parse_transcript(input.substr(0, nul), "fuzz.test", "fuzz/fuzz");
    const auto execution = execution_of(transcript, input.substr(nul));
    judge::Effort effort;
    (void)suite::judge_transcript(transcript, execution, effort);
    // What accept() writes parses again, and expects just this.
    const std::string accepted = suite::accept(transcript, execution);
    const auto again = suite::parse_transcript(accepted, "fuzz.test", "fuzz/fuzz");
    require(again.test.steps.size() == transcript.test.steps.size());
    require(suite::judge_transcript(again, execution, effort).diff.empty());
    require(suite::accept(again, execution) == accepted);
  } catch (const core::InputError&) {
    return 0;
  }
  return 0;
}
