// Runs the benchmarks, and ends with how those that belong together compare. Times differ from machine to machine; the
// ratios of one run much less.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

using Run = benchmark::BenchmarkReporter::Run;

struct Ratio {
  const char* what;
  const char* of;
  const char* to;
};

// Both are counted in the same thing: bytes, records, events.
constexpr Ratio ratios[] = {
    {"prompt: a byte, read 16 at a time instead of 4096", "prompt/plain/16", "prompt/plain/4096"},
    {"prompt: a byte of coloured output instead of plain", "prompt/coloured/4096", "prompt/plain/4096"},
    {"prompt: a byte of output full of near-prompts instead of plain", "prompt/near_prompts/4096", "prompt/plain/4096"},
    {"capture: a byte kept instead of one appended to a string", "capture/within_bound", "capture/string"},
    {"capture: a byte past the bound instead of one kept", "capture/past_bound", "capture/within_bound"},
    {"judge: a line that differs in each command instead of none", "judge/one_line_differs", "judge/equal"},
    {"judge: all lines differ instead of none", "judge/all_lines_differ", "judge/equal"},
    {"judge: globs instead of plain lines", "judge/glob", "judge/equal"},
    {"judge: regular expressions instead of plain lines", "judge/re", "judge/equal"},
    {"scheduler: an event of 4 prefixes instead of 1", "scheduler/1500_tests/boot/4", "scheduler/1500_tests/boot/1"},
    {"scheduler: an event of 16 prefixes instead of 1", "scheduler/1500_tests/boot/16", "scheduler/1500_tests/boot/1"},
    {"scheduler: an event of 16 prefixes that load instead of boot", "scheduler/1500_tests/load/16",
     "scheduler/1500_tests/boot/16"},
    {"wire: a record read instead of written", "wire/from_json", "wire/to_json"},
    {"telemetry: a record in a batch of 16 instead of alone", "telemetry/append/16", "telemetry/append/1"},
    {"telemetry: a record in a batch of 256 instead of alone", "telemetry/append/256", "telemetry/append/1"},
};

/// Google Benchmark 1.9, of Debian 13, tells it by another member than 1.7.
template <class Run>
bool broke(const Run& run) {
  if constexpr (requires { run.error_occurred; })
    return run.error_occurred;
  else
    return run.skipped == decltype(run.skipped)::SkippedWithError;
}

/// The usual table, and what it says besides.
class Reporter : public benchmark::ConsoleReporter {
 public:
  Reporter() : ConsoleReporter(isatty(STDOUT_FILENO) != 0 ? OO_ColorTabular : OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      failed_ = failed_ || broke(run);
      if (run.run_type == Run::RT_Iteration && !broke(run)) note(run);
    }
  }

  void print_ratios() const {
    bool any = false;
    for (const Ratio& ratio : ratios) {
      const auto of = cost_.find(ratio.of);
      const auto to = cost_.find(ratio.to);
      if (of == cost_.end() || to == cost_.end()) continue;
      if (!any) std::printf("\nHow many times as much it costs:\n");
      any = true;
      std::printf("  %-66s %7.2f\n", ratio.what, of->second / to->second);
    }
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  /// The least of its repetitions: what else the machine did only ever adds.
  void note(const Run& run) {
    std::string name = run.run_name.function_name;
    if (!run.run_name.args.empty()) name += "/" + run.run_name.args;
    for (const char* counter : {"items_per_second", "bytes_per_second"}) {
      const auto rate = run.counters.find(counter);
      if (rate == run.counters.end()) continue;
      const double cost = 1 / rate->second.value;
      const auto [known, added] = cost_.emplace(name, cost);
      if (!added && cost < known->second) known->second = cost;
      return;
    }
  }

  std::map<std::string, double> cost_;  ///< seconds of an item or a byte
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_ratios();
  return reporter.failed() ? 1 : 0;
}
