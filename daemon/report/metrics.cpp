#include "report/metrics.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "report/text.h"

namespace kvmtest::report {
namespace {

/// Label values may hold anything but a raw quote, backslash or line's end.
std::string label_value(const std::string& text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

class Exposition {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = fmt::format("kvmtest_{}", name);
    out_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name_, help, type);
  }
  void value(double number) { out_ += fmt::format("{} {}\n", name_, number); }
  void value(const char* label, const std::string& of, double number) {
    out_ += fmt::format("{}{{{}=\"{}\"}} {}\n", name_, label, label_value(of), number);
  }
  void values(const char* label, std::initializer_list<std::pair<const char*, double>> all) {
    for (const auto& [of, number] : all) value(label, of, number);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

double number(std::uint64_t count) { return static_cast<double>(count); }

void totals(Exposition& out, const Totals& totals) {
  out.family("runs_total", "counter", "Runs that have ended.");
  out.values("outcome", {{"completed", number(totals.completed)},
                         {"stopped", number(totals.stopped)},
                         {"infrastructure", number(totals.infrastructure)}});
  out.family("run_seconds_total", "counter", "Time from the start of those runs to their end.");
  out.value(core::seconds(totals.makespan));
  out.family("processor_seconds_total", "counter", "Processor time of the hosts of those runs' tests.");
  out.value(core::seconds(totals.used));
  out.family("starved_seconds_total", "counter", "Time in which those tests wanted a processor and had none.");
  out.value(core::seconds(totals.starved));
  out.family("frozen_seconds_total", "counter",
             "Time for which those tests stood still, so that others had processors.");
  out.value(core::seconds(totals.frozen));
  out.family("starved_attempts_total", "counter", "Attempts of those runs that did not pass for want of processors.");
  out.value(number(totals.starved_attempts));
  out.family("tests_total", "counter", "Verdicts of those runs.");
  out.values("verdict", {{"passed", number(totals.passed)},
                         {"failed", number(totals.failed)},
                         {"unresolved", number(totals.unresolved)},
                         {"untested", number(totals.untested)},
                         {"unsupported", number(totals.unsupported)}});
  out.family("tests_flaky_total", "counter", "Tests that passed, but not on their first attempt.");
  out.value(number(totals.flaky));
  out.family("attempts_timed_out_total", "counter", "Attempts with a time-out.");
  out.value(number(totals.timeouts));
  out.family("resets_total", "counter", "Domains that were brought to a clean shell, by the way they came to it.");
  out.values("method",
             {{"boot", number(totals.boots)}, {"restore", number(totals.restores)}, {"load", number(totals.loads)}});
  out.family("resets_failed_total", "counter", "Domains that were not.");
  out.value(number(totals.failed_resets));
}

void last_run(Exposition& out, const PastRun& run) {
  out.family("last_run_number", "gauge", "Number of the newest run that has ended.");
  out.value(number(static_cast<std::uint64_t>(run.run.value)));
  out.family("last_run_start_timestamp_seconds", "gauge", "When it started.");
  out.value(core::seconds(run.started.time_since_epoch()));
  out.family("last_run_seconds", "gauge", "Its time from start to end.");
  out.value(core::seconds(run.makespan));
  out.family("last_run_exit_status", "gauge",
             "0 all passed, 1 tests failed, 3 the infrastructure failed, 130 stopped.");
  out.value(run.exit_status);
  out.family("last_run_tests", "gauge", "Its verdicts.");
  out.values("verdict", {{"passed", run.counts.passed},
                         {"failed", run.counts.failed},
                         {"unresolved", run.counts.unresolved},
                         {"untested", run.counts.untested},
                         {"unsupported", run.counts.unsupported}});
}

void machine(Exposition& out, const core::record::Sample& sample, core::WallTime sampled) {
  out.family("sample_timestamp_seconds", "gauge", "When the machine was looked at last, which is done during runs.");
  out.value(core::seconds(sampled.time_since_epoch()));
  out.family("load1", "gauge", "Load average of one minute.");
  out.value(sample.load);
  out.family("cpu_busy_ratio", "gauge", "Busy share of all cores.");
  out.value(sample.cpu);
  out.family("pressure_ratio", "gauge", "Share of the ten seconds before in which some task waited (PSI).");
  out.values("resource",
             {{"cpu", sample.cpu_pressure}, {"memory", sample.memory_pressure}, {"io", sample.io_pressure}});
  out.family("memory_available_bytes", "gauge", "Memory that can be had without swapping.");
  out.value(number(sample.memory_available));
  out.family("daemon_resident_memory_bytes", "gauge", "Resident memory of kvmtestd.");
  out.value(number(sample.daemon_rss));
}

void activity(Exposition& out, const Activity& now) {
  out.family("run_active", "gauge", "Whether a run is active.");
  out.value(now.run ? 1 : 0);
  out.family("run_tests", "gauge", "Tests of the active run.");
  out.value(now.tests);
  out.family("run_tests_decided", "gauge", "Those of them that have their verdict.");
  out.value(now.decided);
  out.family("pool_slots", "gauge", "Slots of the reboot pool.");
  out.value(now.slots);
  out.family("pool_busy", "gauge", "Slots at work.");
  out.value(now.resetting);
  out.family("pool_queued", "gauge", "Domains that wait for a slot.");
  out.value(now.queued);
  if (now.prefixes.empty()) return;
  out.family("prefix_running", "gauge", "Whether the prefix runs a test.");
  for (const auto& prefix : now.prefixes) out.value("prefix", prefix.name, prefix.state == "running" ? 1 : 0);
}

}  // namespace

std::string metrics_text(const Metrics& metrics) {
  Exposition out;
  totals(out, metrics.totals);
  if (metrics.last) last_run(out, *metrics.last);
  if (metrics.sample && metrics.sampled) machine(out, *metrics.sample, *metrics.sampled);
  out.family("up", "gauge", "Whether a daemon serves the state directory.");
  out.value(metrics.activity ? 1 : 0);
  if (metrics.activity) activity(out, *metrics.activity);
  return out.take();
}

}  // namespace kvmtest::report
