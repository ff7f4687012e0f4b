// Following a run: its records as lines, control-C as its end.

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "kvmtest/command.h"
#include "kvmtest/report_file.h"
#include "report/line.h"
#include "report/summary.h"
#include "wire/record_json.h"

namespace kvmtest::command {

namespace record = core::record;

namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

/// Waits for a signal beside the following, and passes it on to the daemon as a wish to stop.
class Stopper {
 public:
  explicit Stopper(const settings::Settings& settings) : settings_(settings), thread_([this] { wait(); }) {}
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;
  ~Stopper() {
    done_ = true;
    thread_.join();
  }

 private:
  void wait() {
    const sigset_t signals = stop_signals();
    bool asked = false;
    while (!done_) {
      const timespec tick{0, 100'000'000};
      if (sigtimedwait(&signals, nullptr, &tick) <= 0) continue;
      if (asked) {
        std::cerr << "kvmtest: leaving; the daemon goes on stopping the run\n";
        std::_Exit(130);
      }
      asked = true;
      std::cerr << "kvmtest: stopping the run\n";
      std::thread([this] {
        try {
          client::Client(settings_).post("/v1/stop", {{"by", "control-C"}});
        } catch (const std::exception& e) {
          std::cerr << "kvmtest: " << e.what() << '\n';
        }
      }).detach();
    }
  }

  const settings::Settings& settings_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace

void prepare_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::optional<record::RunFinished> follow_records(client::Client& client, const settings::Settings& settings,
                                                  core::RunId run,
                                                  const std::function<void(const record::Record&)>& on_record) {
  std::optional<record::RunFinished> finished;
  const Stopper stopper(settings);
  client.lines("GET", fmt::format("/v1/runs/{}/records", run.value), nlohmann::json::object(),
               [&](const nlohmann::json& json) {
                 const record::Record entry = wire::record_from(json);
                 on_record(entry);
                 if (const auto* end = std::get_if<record::RunFinished>(&entry.body)) finished = *end;
                 return !finished;
               });
  if (!finished)
    std::cerr << fmt::format("kvmtest: the daemon died under run {}; 'kvmtest run --resume' goes on with it\n",
                             run.value);
  return finished;
}

int follow(client::Client& client, const settings::Settings& settings, core::RunId run, const Following& how) {
  const auto wanted = how.quiet     ? report::Verbosity::quiet
                      : how.verbose ? report::Verbosity::verbose
                                    : report::Verbosity::normal;
  unsigned total = 0;
  unsigned done = 0;
  const auto finished = follow_records(client, settings, run, [&](const record::Record& entry) {
    if (const auto* started = std::get_if<record::RunStarted>(&entry.body))
      total = static_cast<unsigned>(started->tests.size());
    const auto* judged = std::get_if<record::AttemptJudged>(&entry.body);
    const bool decided =
        (judged != nullptr && judged->final) || std::holds_alternative<record::TestUntested>(entry.body);
    if (decided) ++done;
    if (decided && how.reports != nullptr) how.reports->update(run);
    if (const auto line = report::line(entry); line && report::verbosity(entry) <= wanted) {
      const std::string time = wire::iso8601(entry.time).substr(11, 12);
      const std::string count = decided ? fmt::format("[{}/{}] ", done, total) : "";
      std::cout << fmt::format("{} {}{}", time, count, *line) << std::endl;
    }
  });
  const bool reported = how.reports == nullptr || how.reports->finish(run);
  if (!finished) return 3;
  const report::RunSummary summary = read_summary(settings, run);
  const report::Options options{colour_wanted(), terminal_width()};
  std::cout << '\n'
            << report::summary_text(summary, options) << comparison(settings, summary, how.baseline, options)
            << next_steps(summary) << std::flush;
  return finished->exit_status == 0 && !reported ? 3 : finished->exit_status;
}

}  // namespace kvmtest::command
