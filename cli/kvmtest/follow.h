#pragma once
// Following a run: its records as lines and, in a terminal, its progress; control-C as its end.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "core/ids.h"
#include "core/record.h"
#include "kvmtest/stop_signals.h"
#include "kvmtest/verb.h"
#include "planning/request.h"
#include "report/comparison.h"
#include "settings/settings.h"

namespace kvmtest::command {

class ReportFiles;

/// What SIGINT and SIGTERM do to a run that is followed; a second one always leaves at once, with status 130, and so
/// does one after which nothing is heard of the daemon any more.
enum class OnInterrupt { stop, leave };

/// How a run is followed.
struct Following {
  bool quiet = false;  ///< failures and the summary only, and nothing drawn
  bool verbose = false;
  OnInterrupt on_interrupt = OnInterrupt::stop;
  ReportFiles* reports = nullptr;              ///< written as the run goes; may be null
  std::optional<report::Baseline> baseline{};  ///< to compare with; nothing: the last completed run
};

/// Follows a run to its end: prints what happens, draws its progress where standard output is a terminal, and ends with
/// the summary. Takes the signals meanwhile. Returns the run's exit status.
int follow(const Context& context, client::Client& client, const settings::Settings& settings, core::RunId run,
           const Following& how, StopSignals& signals);

/// Hands a run's records to `on_record` until its end, and stops it at SIGINT or SIGTERM. Nothing: the daemon
/// died first.
std::optional<core::record::RunFinished> follow_records(
    const Context& context, client::Client& client, const settings::Settings& settings, core::RunId run,
    StopSignals& signals, const std::function<void(const core::record::Record&)>& on_record);

/// A run came to no end of its own: it was stopped, or the infrastructure failed.
struct Ended {
  int exit_status;
};
/// Runs what the request wants, to its end, and prints nothing. `signals` are taken from when there is a daemon. Throws
/// Ended, client::Refused.
core::RunId run_quietly(const Context& context, client::Client& client, const settings::Settings& settings,
                        const planning::RunRequest& request, std::optional<StopSignals>& signals);

/// --quiet and --verbose.
void add_verbosity(client::Command& verb, bool& quiet, bool& verbose);
/// --report, FORMAT:FILE each.
client::Option add_reports(client::Command& verb, std::vector<std::string>& reports);

}  // namespace kvmtest::command
