// Verdicts on their way: from the recorder into the database, to a client that follows, and into a JUnit file. Items
// are verdicts; a daemon in which they come more slowly than this has no queue that grows.

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/stream.h"
#include "engine/recorder.h"
#include "report/run_report.h"
#include "telemetry/queries.h"
#include "telemetry/run_report.h"
#include "telemetry/writer.h"
#include "unit/telemetry/state_directory.h"
#include "wire/record_json.h"

namespace kvmtest::telemetry {
namespace {

using core::record::Record;
using namespace std::chrono_literals;

class DatabaseSink final : public engine::EventSink {
 public:
  explicit DatabaseSink(Database& database) : writer_(database) {}

  core::RunId create_run(const std::vector<std::string>& names) { return writer_.create_run(run_of(names), at(0)); }
  void append(std::span<Record> records) override { writer_.append(records); }
  void told(std::span<const Record>) override {}

 private:
  Writer writer_;
};

/// What a client gets that follows the run (api/routes.cpp), until it has seen `verdicts` of them. Bytes.
std::size_t follow(engine::Recorder& recorder, Database& database, core::RunId run, std::size_t verdicts) {
  Queries queries(database);
  std::int64_t sequence = 0;
  std::size_t seen = 0;
  std::size_t bytes = 0;
  while (seen < verdicts) {
    recorder.wait_beyond(sequence, 500ms);
    for (const Record& record : queries.records(run, sequence, 1000)) {
      sequence = record.sequence;
      bytes += wire::dump(wire::to_json(record)).size();
      if (std::holds_alternative<core::record::AttemptJudged>(record.body)) ++seen;
    }
  }
  return bytes;
}

void verdicts(benchmark::State& state) {
  const auto tests = static_cast<std::size_t>(state.range(0));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < tests; ++i) names.push_back(bench::test_name(i));
  for (auto _ : state) {
    state.PauseTiming();
    const StateDirectory directory;
    Database written(directory.database());
    DatabaseSink sink(written);
    const core::RunId run = sink.create_run(names);
    std::vector<core::record::Body> told;
    for (std::size_t i = 0; i < tests; ++i)
      for (Record& record : bench::records_of_test(run, i, i + 1))
        if (std::holds_alternative<core::record::TestStarted>(record.body) ||
            std::holds_alternative<core::record::AttemptJudged>(record.body))
          told.push_back(std::move(record.body));
    Database read(directory.database());
    std::string failure;
    state.ResumeTiming();
    {
      engine::Recorder recorder(sink, {[&](const std::string& why) { failure = why; },
                                       [&](const Record&, const std::string& why) { failure = why; }});
      std::thread client([&] { benchmark::DoNotOptimize(follow(recorder, read, run, tests)); });
      for (core::record::Body& body : told) recorder.put(run.value, std::move(body));
      client.join();
    }
    const std::string junit = report::junit_report(
        run_report(read, run), [](const report::TestResult&, const report::Attempt&) { return report::AttemptText{}; });
    if (!failure.empty()) state.SkipWithError(failure.c_str());
    if (junit.find("\"t" + std::to_string(tests - 1) + "\"") == std::string::npos)
      state.SkipWithError("the report lacks a test");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(verdicts)->Name("verdicts")->Arg(10'000)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kvmtest::telemetry
