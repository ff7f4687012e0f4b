// What one asks of past runs, of 1,000 of them with 1,500 tests each. None may take more than 0.2 s.

#include "telemetry/history.h"

#include <benchmark/benchmark.h>

#include <memory>

#include "bench/past_runs.h"
#include "unit/telemetry/state_directory.h"

namespace kvmtest::telemetry {
namespace {

using bench::PastRuns;

/// Made when it is first asked for: it takes a minute or so, and a gigabyte under TMPDIR.
Database& past() {
  struct Past {
    Past() {
      bench::write_past_runs(directory.database(), {});
      database = std::make_unique<Database>(directory.database());
    }
    StateDirectory directory;
    std::unique_ptr<Database> database;
  };
  static Past past;
  return *past.database;
}

template <class Ask>
void ask(benchmark::State& state, Ask question) {
  History history(past());
  bool right = true;
  for (auto _ : state) right = question(history) && right;
  if (!right) state.SkipWithError("the answer is wrong");
}

void runs(benchmark::State& state) {
  ask(state, [](History& history) {
    const auto runs = history.runs(1000);
    return runs.size() == 1000 && runs.front().run.value == 1000 && runs.front().counts.failed == 31 &&
           runs.back().counts.failed == 15;
  });
}

void test(benchmark::State& state) {
  ask(state, [](History& history) {
    const auto test = history.test(PastRuns::name(100), 1000);
    return test && test->failed == 200 && test->compared == 998 && test->changed == 398;
  });
}

void slowest(benchmark::State& state) {
  ask(state, [](History& history) {
    const auto found = history.slowest(100, 20);
    return found.tests.size() == 20 && found.tests.front().runs == 100 &&
           found.tests.front().median >= std::chrono::seconds(60);
  });
}

void flaky(benchmark::State& state) {
  ask(state, [](History& history) {
    const auto found = history.flaky(100, 20);
    return found.tests.size() == 16 && found.tests.front().changed == 39 && found.tests.front().compared == 99;
  });
}

void load(benchmark::State& state) {
  ask(state, [](History& history) {
    const auto found = history.load(1000, 0);
    return found.rows.size() == 8 && found.rows.front().runs == 125;
  });
}

BENCHMARK(runs)->Name("history/runs")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(test)->Name("history/test")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(slowest)->Name("history/slowest")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(flaky)->Name("history/flaky")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(load)->Name("history/load")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::telemetry
