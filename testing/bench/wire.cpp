// Records to JSON and back: each is written once, for the database, and read by each follower.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/stream.h"
#include "wire/record_json.h"

namespace kvmtest::wire {
namespace {

void to_text(benchmark::State& state) {
  const auto records = bench::records_of_test(core::RunId{17}, 3, 1003);
  std::size_t bytes = 0;
  for (auto _ : state) {
    for (const auto& record : records) bytes += dump(to_json(record)).size();
  }
  if (bytes == 0) state.SkipWithError("nothing was written");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(records.size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(to_text)->Name("wire/to_json")->Unit(benchmark::kMicrosecond);

void from_text(benchmark::State& state) {
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (const auto& record : bench::records_of_test(core::RunId{17}, 3, 1003)) {
    texts.push_back(dump(to_json(record)));
    bytes += texts.back().size();
    if (dump(to_json(record_from(nlohmann::json::parse(texts.back())))) != texts.back()) {
      state.SkipWithError("a record does not survive the way there and back");
      return;
    }
  }
  for (auto _ : state) {
    for (const std::string& text : texts) benchmark::DoNotOptimize(record_from(nlohmann::json::parse(text)));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}
BENCHMARK(from_text)->Name("wire/from_json")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kvmtest::wire
