#include "kvmtest/follow.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/threads.h"
#include "kvmtest/active_run.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/baseline.h"
#include "kvmtest/display.h"
#include "kvmtest/next_steps.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/record_lines.h"
#include "kvmtest/report_file.h"
#include "kvmtest/text_look.h"
#include "report/summary.h"
#include "telemetry/database.h"
#include "telemetry/queries.h"
#include "wire/record_json.h"

namespace kvmtest::command {

namespace record = core::record;

namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A daemon that is there says something every half second.
constexpr auto patience = 10s;

/// Those that a display wants besides: a new size, and control-Z unless whoever started us wants it ignored.
void add_terminal_signals(sigset_t& signals) {
  sigaddset(&signals, SIGWINCH);
  struct sigaction stop {};
  if (sigaction(SIGTSTP, nullptr, &stop) == 0 && stop.sa_handler != SIG_IGN) sigaddset(&signals, SIGTSTP);
}

/// What is followed, and how control-C ends it.
struct Followed {
  const settings::Settings& settings;
  core::RunId run;
  OnInterrupt on_interrupt;
};

/// Beside the following, on a thread of its own: takes signals and draws. Sleeps while there is nothing to do.
class Attendant {
 public:
  Attendant(const Followed& followed, StopSignals& stop_signals, Display& display)
      : followed_(followed), stop_signals_(stop_signals), display_(display), wake_(eventfd(0, EFD_CLOEXEC)) {
    sigset_t signals = StopSignals::all();
    if (display.live()) add_terminal_signals(signals);
    pthread_sigmask(SIG_BLOCK, &signals, &mask_);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    stopping_.emplace("control-C");  // now: else it would take the signals
    stop_signals_.hand_over();
    thread_ = base::start_thread("control-C", [this] { attend(); });
  }
  Attendant(const Attendant&) = delete;
  Attendant& operator=(const Attendant&) = delete;
  ~Attendant() {
    done_ = true;
    wake();
    thread_.join();
    stopping_->join();
    close(signals_);
    close(wake_);
    stop_signals_.give_back();
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
  }

  /// There is something to draw. Any thread.
  void wake() const { eventfd_write(wake_, 1); }
  /// The daemon is there. Any thread.
  void heard() { heard_ = steady_clock::now(); }

 private:
  void attend() {
    while (!done_) {
      auto wait = display_.tick();
      if (asked_) {
        if (steady_clock::now() - heard_.load() > patience)
          leave("kvmtest: leaving; the daemon does not answer, and may stop the run later");
        if (wait < 0ms || wait > 1s) wait = 1s;
      }
      std::array<pollfd, 2> sources{pollfd{signals_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
      if (poll(sources.data(), sources.size(), static_cast<int>(wait.count())) <= 0) continue;
      std::uint64_t ignored = 0;
      if ((sources[1].revents & POLLIN) != 0) eventfd_read(wake_, &ignored);
      signalfd_siginfo signal{};
      while (read(signals_, &signal, sizeof signal) == sizeof signal) on_signal(static_cast<int>(signal.ssi_signo));
    }
  }

  void on_signal(int signal) {
    if (signal == SIGWINCH) {
      display_.redraw();
    } else if (signal == SIGTSTP) {
      display_.hide();
      // To this thread, so that it does not go on before all are stopped.
      raise(SIGSTOP);
      display_.redraw();
    } else if (followed_.on_interrupt == OnInterrupt::leave) {
      leave(fmt::format("kvmtest: no longer watching; run {} goes on", followed_.run.value));
    } else if (asked_) {
      leave("kvmtest: leaving; the daemon goes on stopping the run");
    } else {
      stop();
    }
  }

  [[noreturn]] void leave(const std::string& line) {
    display_.close();
    std::cerr << line + '\n';
    std::_Exit(130);
  }

  void stop() {
    display_.tell("kvmtest: stopping the run");
    heard();
    asked_ = true;
    stopping_->begin([this] {
      try {
        client::Client(followed_.settings).post("/v1/stop", {{"by", "control-C"}, {"keep", true}});
      } catch (const std::exception& e) {
        display_.tell(fmt::format("kvmtest: {}", e.what()));
      }
    });
  }

  const Followed followed_;
  StopSignals& stop_signals_;
  Display& display_;
  int wake_;
  int signals_ = -1;
  sigset_t mask_{};
  std::atomic<bool> done_{false};
  std::atomic<steady_clock::time_point> heard_{};
  std::optional<base::Companion> stopping_;  ///< asks the daemon, which answers when all is down; there from the start
  bool asked_ = false;                       ///< thread_'s
  std::thread thread_;
};

/// Why a run's records came to an end and the run did not.
std::string without_end(const Context& context, client::Client& client, const Followed& followed) {
  try {
    client.get("/v1/status?at_once=1");
    return fmt::format("run {} has no end on record; {} says why", followed.run.value,
                       followed.settings.state_dir.log().string());
  } catch (const client::Refused&) {
    return fmt::format("the daemon ended under run {}; '{} --resume' goes on with it", followed.run.value,
                       context.verb("run"));
  }
}

std::optional<record::RunFinished> attend(const Context& context, client::Client& client, const Followed& followed,
                                          StopSignals& signals, Display& display,
                                          const std::function<void(const record::Record&)>& on_record) {
  std::optional<record::RunFinished> finished;
  {
    Attendant attendant(followed, signals, display);
    client.lines(
        "GET", fmt::format("/v1/runs/{}/records", followed.run.value), nlohmann::json::object(),
        [&](const nlohmann::json& json) {
          const record::Record entry = wire::record_from(json);
          on_record(entry);
          attendant.wake();
          if (const auto* end = std::get_if<record::RunFinished>(&entry.body)) finished = *end;
          return !finished;
        },
        [&] { attendant.heard(); });
  }
  display.close();
  if (!finished) std::cerr << fmt::format("kvmtest: {}\n", without_end(context, client, followed));
  return finished;
}

report::Expected expected(const settings::Settings& settings, const std::vector<std::string>& tests) {
  telemetry::Database database(settings.state_dir.database());
  telemetry::Queries queries(database);
  return {queries.past_durations(tests), queries.past_overhead()};
}

}  // namespace

core::RunId run_quietly(const Context& context, client::Client& client, const settings::Settings& settings,
                        const planning::RunRequest& request, std::optional<StopSignals>& signals) {
  const core::RunId run = start_run(context, client, request, signals);
  const auto finished = follow_records(context, client, settings, run, *signals, [](const core::record::Record&) {});
  if (!finished || finished->outcome != core::record::Outcome::completed)
    throw Ended{finished ? finished->exit_status : 3};
  return run;
}

void add_verbosity(client::Command& verb, bool& quiet, bool& verbose) {
  const auto is_quiet = verb.add_flag("-q,--quiet", quiet, "print failures and the summary only");
  verb.add_flag("-v,--verbose", verbose, "print every command and every domain's every step").excludes(is_quiet);
}

client::Option add_reports(client::Command& verb, std::vector<std::string>& reports) {
  return verb
      .add_option(
          "--report", reports,
          fmt::format("write a report of what is known so far to FILE, and keep it up to date: {}; may be given "
                      "several times",
                      report_formats()))
      .type_name("FORMAT:FILE");
}

std::optional<record::RunFinished> follow_records(const Context& context, client::Client& client,
                                                  const settings::Settings& settings, core::RunId run,
                                                  StopSignals& signals,
                                                  const std::function<void(const record::Record&)>& on_record) {
  Display display(false);
  return attend(context, client, {settings, run, OnInterrupt::stop}, signals, display, on_record);
}

int follow(const Context& context, client::Client& client, const settings::Settings& settings, core::RunId run,
           const Following& how, StopSignals& signals) {
  Display display(!how.quiet && can_draw());
  const auto wanted = how.quiet        ? report::Verbosity::quiet
                      : how.verbose    ? report::Verbosity::verbose
                      : display.live() ? report::Verbosity::live
                                       : report::Verbosity::normal;
  RecordLines lines(wanted, RecordLines::Stamp::time, text_options(), display.live());
  if (how.reports != nullptr) how.reports->tell_by([&](const std::string& line) { display.tell(line); });
  const auto finished =
      attend(context, client, {settings, run, how.on_interrupt}, signals, display, [&](const record::Record& entry) {
        display.take(entry);
        const auto* started = std::get_if<record::RunStarted>(&entry.body);
        if (started != nullptr && display.live()) display.expect(expected(settings, started->tests));
        if (is_decision(entry) && how.reports != nullptr) how.reports->update(run);
        if (const std::string text = lines.text(entry); !text.empty()) display.print(text);
      });
  const bool reported = how.reports == nullptr || how.reports->finish(run);
  if (!finished) return 3;
  const report::RunSummary summary = read_summary(settings, run);
  const report::Options options = text_options();  // the terminal may have changed since
  std::cout << '\n'
            << report::summary_text(summary, options, read_differences)
            << comparison(settings, summary, how.baseline, options) << next_steps(context, summary) << std::flush;
  return finished->exit_status == 0 && !reported ? 3 : finished->exit_status;
}

}  // namespace kvmtest::command
