// Keeping output within its bound, in the pieces it is read in.

#include "console/capture.h"

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

namespace kvmtest::console {
namespace {

constexpr std::size_t piece = 4096;
constexpr std::size_t bound = 1U << 20;

template <class Into>
void append(Into& into, std::string_view bytes, std::size_t total) {
  for (std::size_t i = 0; i < total / piece; ++i) into.append(bytes);
}

void capture(benchmark::State& state, std::size_t printed) {
  const std::string bytes(piece, 'x');
  for (auto _ : state) {
    Capture kept(bound);
    append(kept, bytes, printed);
    if (kept.total() != printed || kept.truncated() != (printed > bound)) {
      state.SkipWithError("the capture lost count");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(printed));
}

void within_bound(benchmark::State& state) { capture(state, bound); }
BENCHMARK(within_bound)->Name("capture/within_bound")->Unit(benchmark::kMicrosecond);

// A command that never stops printing.
void past_bound(benchmark::State& state) { capture(state, 16 * bound); }
BENCHMARK(past_bound)->Name("capture/past_bound")->Unit(benchmark::kMicrosecond);

// What it is compared with.
void string(benchmark::State& state) {
  const std::string bytes(piece, 'x');
  for (auto _ : state) {
    std::string kept;
    append(kept, bytes, bound);
    benchmark::DoNotOptimize(kept);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bound));
}
BENCHMARK(string)->Name("capture/string")->Unit(benchmark::kMicrosecond);

void text(benchmark::State& state) {
  const std::string bytes(piece, 'x');
  Capture kept(bound);
  append(kept, bytes, 16 * bound);
  std::size_t size = 0;
  for (auto _ : state) {
    std::string all = kept.text();
    size = all.size();
    benchmark::DoNotOptimize(all);
  }
  if (size <= bound) state.SkipWithError("the text does not tell what was cut");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(text)->Name("capture/text")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kvmtest::console
