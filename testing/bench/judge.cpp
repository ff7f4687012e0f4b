// Judging a long attempt: 40 commands of 50 lines each, equal, different, and expected as patterns.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "suite/transcript.h"

namespace kvmtest::suite {
namespace {

using core::Verdict;

constexpr std::size_t commands = 40;
constexpr std::size_t lines_each = 50;

template <class Line>
std::string lines(Line line) {
  std::string text;
  for (std::size_t i = 0; i < lines_each; ++i) text += line(i) + "\n";
  return text;
}

std::string route(std::size_t i) {
  return "10.0." + std::to_string(i) + ".0/24 via 192.1.2.254 dev eth1 proto static metric " + std::to_string(i * 7);
}
std::string route_glob(std::size_t i) { return "10.0." + std::to_string(i) + ".0/24 via * dev eth1 * (glob)"; }
std::string route_re(std::size_t i) {
  return "10\\.0\\." + std::to_string(i) + "\\.0/24 via [0-9.]+ dev eth1 proto (static|kernel) metric \\d+ (re)";
}

/// Each command is to print `expected` and prints `actual`. Counts the bytes printed.
void judge(benchmark::State& state, const std::string& expected, const std::string& actual, Verdict verdict) {
  std::string text = "# A long one\n# hosts: east west\n\n";
  Execution execution;
  for (std::size_t i = 0; i < commands; ++i) {
    text += (i % 2 == 0 ? "east" : "west") + ("# ip route show table " + std::to_string(i)) + "\n" + expected;
    StepResult& result = execution.results.emplace_back();
    result.step = i;
    result.output = actual;
    result.status = 0;
  }
  const Transcript transcript = parse_transcript(text, "suites/bench/long.test", "bench/long");
  for (auto _ : state) {
    judge::Effort effort;
    const Judgement judgement = judge_transcript(transcript, execution, effort);
    if (judgement.verdict != verdict || judgement.diff.empty() != (verdict == Verdict::passed)) {
      state.SkipWithError("not the verdict that this is to measure");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(commands * actual.size()));
}

void equal(benchmark::State& state) { judge(state, lines(route), lines(route), Verdict::passed); }
BENCHMARK(equal)->Name("judge/equal")->Unit(benchmark::kMillisecond);

void glob(benchmark::State& state) { judge(state, lines(route_glob), lines(route), Verdict::passed); }
BENCHMARK(glob)->Name("judge/glob")->Unit(benchmark::kMillisecond);

void re(benchmark::State& state) { judge(state, lines(route_re), lines(route), Verdict::passed); }
BENCHMARK(re)->Name("judge/re")->Unit(benchmark::kMillisecond);

void one_line_differs(benchmark::State& state) {
  const auto changed = [](std::size_t i) { return i == lines_each / 2 ? "unreachable default" : route(i); };
  judge(state, lines(route), lines(changed), Verdict::failed);
}
BENCHMARK(one_line_differs)->Name("judge/one_line_differs")->Unit(benchmark::kMillisecond);

void all_lines_differ(benchmark::State& state) {
  judge(state, lines(route), lines([](std::size_t i) { return route(i) + " onlink"; }), Verdict::failed);
}
BENCHMARK(all_lines_differ)->Name("judge/all_lines_differ")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::suite
