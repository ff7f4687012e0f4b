// Writing the stream durably, in batches as long as the recorder finds them: one record when little happens, hundreds
// when many prefixes report at once. The disk's own time is most of it, so it is the wall clock that counts. TMPDIR
// says which disk.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/stream.h"
#include "telemetry/queries.h"
#include "telemetry/writer.h"
#include "unit/telemetry/state_directory.h"

namespace kvmtest::telemetry {
namespace {

using core::record::Record;

/// An endless stream: test after test, run after run.
class Stream {
 public:
  explicit Stream(Writer& writer) : writer_(writer) {}

  std::vector<Record> next(std::size_t count) {
    std::vector<Record> batch;
    while (batch.size() < count) {
      if (at_ == told_.size()) begin_test();
      const std::size_t take = std::min(count - batch.size(), told_.size() - at_);
      const auto from = told_.begin() + static_cast<std::ptrdiff_t>(at_);
      batch.insert(batch.end(), from, from + static_cast<std::ptrdiff_t>(take));
      at_ += take;
    }
    return batch;
  }

 private:
  static constexpr std::uint64_t tests_each = 1500;

  void begin_test() {
    if (attempt_ % tests_each == 0) {
      std::vector<std::string> names;
      for (std::uint64_t i = 0; i < tests_each; ++i) names.push_back(bench::test_name(i));
      run_ = writer_.create_run(run_of(names), at(0));
    }
    told_ = bench::records_of_test(run_, attempt_ % tests_each, attempt_ + 1);
    ++attempt_;
    at_ = 0;
  }

  Writer& writer_;
  core::RunId run_;
  std::uint64_t attempt_ = 0;
  std::vector<Record> told_;
  std::size_t at_ = 0;
};

void append(benchmark::State& state) {
  const StateDirectory directory;
  Database database(directory.database());
  Writer writer(database);
  Stream stream(writer);
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<Record> batch;
  for (auto _ : state) {
    state.PauseTiming();
    batch = stream.next(size);
    state.ResumeTiming();
    writer.append(batch);
  }
  const auto appended = state.iterations() * state.range(0);
  // Another connection sees the last of them, and no more.
  Database reader(directory.database());
  const auto last = Queries(reader).records(core::RunId(batch.back().run), appended - 1, 2);
  if (last.size() != 1 || last.front().sequence != appended) state.SkipWithError("records are missing");
  state.SetItemsProcessed(appended);
}
BENCHMARK(append)->Name("telemetry/append")->Arg(1)->Arg(16)->Arg(256)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::telemetry
