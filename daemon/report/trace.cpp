#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "report/run_report.h"
#include "report/text.h"
#include "report/timeline.h"
#include "wire/record_json.h"

namespace kvmtest::report {
namespace {

using nlohmann::json;

// Perfetto shows a process as a group of tracks.
constexpr int prefixes_process = 1;
constexpr int pool_process = 2;
constexpr int machine_process = 3;

class Trace {
 public:
  explicit Trace(const RunReport& run) : run_(run) {}

  json write() {
    const Timeline times = timeline(run_);
    name("process_name", prefixes_process, 0, "prefixes");
    name("process_name", pool_process, 0, "reboot pool");
    name("process_name", machine_process, 0, "machine");
    int thread = 0;
    for (const Lane& lane : times.prefixes) add(prefixes_process, ++thread, lane);
    thread = 0;
    for (const auto* lanes : {&times.boots, &times.quick})
      for (const Lane& lane : *lanes) add(pool_process, ++thread, lane);
    for (const auto& [time, sample] : run_.samples) counters(time, sample);
    return {{"displayTimeUnit", "ms"},
            {"otherData",
             {{"run", std::to_string(run_.summary.run.value)}, {"started", wire::iso8601(run_.summary.started)}}},
            {"traceEvents", std::move(events_)}};
  }

 private:
  void name(const char* what, int process, int thread, const std::string& text) {
    events_.push_back({{"ph", "M"}, {"name", what}, {"pid", process}, {"tid", thread}, {"args", {{"name", text}}}});
  }

  void slice(int process, int thread, const std::string& text, const std::string& category, core::Duration begin,
             core::Duration length, json arguments) {
    events_.push_back({{"ph", "X"},
                       {"name", escaped(text)},
                       {"cat", category},
                       {"pid", process},
                       {"tid", thread},
                       {"ts", begin.count()},
                       {"dur", length.count()},
                       {"args", std::move(arguments)}});
  }

  void add(int process, int thread, const Lane& lane) {
    name("thread_name", process, thread, escaped(lane.name));
    for (const Span& span : lane.spans) {
      json arguments = json::object();
      if (!span.verdict.empty()) arguments["verdict"] = span.verdict;
      if (span.kind == "test" && !span.attempt->use.empty()) {
        const auto group = core::record::of_group(span.attempt->use);
        arguments["used"] = core::seconds(group.used);
        arguments["starved"] = core::seconds(group.starved);
        arguments["frozen"] = core::seconds(span.attempt->frozen);
      }
      const bool preparing = span.kind == "waiting" || span.kind == "reset";
      slice(process, thread, preparing ? span.kind : span.name, span.kind, span.begin, span.length,
            std::move(arguments));
      if (span.kind == "test") commands(process, thread, span);
    }
  }

  void commands(int process, int thread, const Span& test) {
    const auto found = run_.commands.find(test.attempt->id);
    if (found == run_.commands.end()) return;
    // One that others overlap, as those in the background are, would not nest: only what follows what came before.
    core::Duration free_from{};
    for (const CommandSpan& command : found->second) {
      if (command.at < free_from || command.at + command.took > test.length) continue;
      free_from = command.at + command.took;
      slice(process, thread, command.host + "# " + command.command, "command", test.begin + command.at, command.took,
            {{"status", command.status}});
    }
  }

  void counters(core::WallTime time, const core::record::Sample& sample) {
    const auto counter = [&](const char* what, json values) {
      events_.push_back({{"ph", "C"},
                         {"name", what},
                         {"pid", machine_process},
                         {"ts", (time - run_.summary.started).count()},
                         {"args", std::move(values)}});
    };
    counter("load", {{"load", sample.load}});
    counter("cpu", {{"busy", sample.cpu}});
    counter("pressure", {{"cpu", sample.cpu_pressure}, {"memory", sample.memory_pressure}, {"io", sample.io_pressure}});
    counter("memory available, MiB", {{"MiB", sample.memory_available >> 20U}});
  }

  const RunReport& run_;
  json events_ = json::array();
};

}  // namespace

std::string trace_report(const RunReport& run) { return wire::dump(Trace(run).write()) + "\n"; }

}  // namespace kvmtest::report
