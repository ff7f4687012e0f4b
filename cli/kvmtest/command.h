#pragma once
// What the verbs of kvmtest share. Each verb is a file: it adds its subcommand and what to do when it is chosen.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/options.h"
#include "core/ids.h"
#include "core/record.h"
#include "domains/templates.h"
#include "planning/choice.h"
#include "report/comparison.h"
#include "report/run_summary.h"
#include "suite/filter.h"
#include "suite/format.h"

namespace kvmtest::command {

class ReportFiles;

/// One invocation.
struct Context {
  std::string program = "kvmtest";  ///< as it was called, for commands that are suggested
  client::CommonOptions common;
  std::function<int()> chosen;  ///< set by the verb that was given; returns the exit status

  /// A command that the user may type next, with the options that lead to the same state directory: verb("diffs").
  [[nodiscard]] std::string verb(const std::string& name) const { return program + ' ' + name + common.again(false); }
};

/// `name` as a verb of `app`, with the common options; `run` is what it does.
client::Command add_verb(client::Command& program, Context& context, const std::string& name, const std::string& what,
                         std::function<int()> run);

void add_run(client::Command& program, Context& context);
void add_attach(client::Command& program, Context& context);
void add_watch(client::Command& program, Context& context);
void add_stop(client::Command& program, Context& context);
void add_status(client::Command& program, Context& context);
void add_list(client::Command& program, Context& context);
void add_results(client::Command& program, Context& context);
void add_history(client::Command& program, Context& context);
void add_show(client::Command& program, Context& context);
void add_log(client::Command& program, Context& context);
void add_export(client::Command& program, Context& context);
void add_metrics(client::Command& program, Context& context);
void add_accept(client::Command& program, Context& context);
void add_install(client::Command& program, Context& context);
void add_domain(client::Command& program, Context& context);
void add_doctor(client::Command& program, Context& context);
void add_resets(client::Command& program, Context& context);
void add_settings(client::Command& program, Context& context);
void add_plan(client::Command& program, Context& context);
void add_bisect(client::Command& program, Context& context);

/// Output of libreswan's that is to be judged again, without running anything.
struct Rejudging {
  std::vector<std::string> paths;
  suite::Filter filter;
  planning::Earlier earlier;
  bool diffs = false;  ///< print these instead of results
  bool json = false;
  bool update = false;                      ///< write the sanitized consoles, differences and results anew
  std::optional<report::Options> people{};  ///< how differences look to them; none: a program reads
};
/// Prints what is asked for. Returns 0, 1 with failures, or 125 when something cannot be told, for whatever reason.
int rejudge(const settings::Settings& settings, const Rejudging& wish);

/// The tests that `paths` name, or those of the settings when there are none. Throws core::InputError.
std::vector<suite::LoadedTest> load_tests(const settings::Settings& settings, const std::vector<std::string>& paths,
                                          const std::string& format);
/// The paths as a run request wants them, and what they are relative to.
struct Paths {
  std::vector<std::string> tests;
  std::filesystem::path base;
};
Paths resolve(const settings::Settings& settings, const std::vector<std::string>& paths);

/// What SIGINT and SIGTERM do to a run that is followed; a second one always leaves at once, with status 130.
enum class OnInterrupt { stop, leave };

/// Follows a run to its end: prints what happens, draws its progress where standard output is a terminal, and ends with
/// the summary. Returns the run's exit status.
struct Following {
  bool quiet = false;  ///< failures and the summary only, and nothing drawn
  bool verbose = false;
  OnInterrupt on_interrupt = OnInterrupt::stop;
  ReportFiles* reports = nullptr;              ///< written as the run goes; may be null
  std::optional<report::Baseline> baseline{};  ///< to compare with; nothing: the last completed run
};
int follow(const Context& context, client::Client& client, const settings::Settings& settings, core::RunId run,
           const Following& how);
/// Hands a run's records to `on_record` until its end, and stops it at SIGINT or SIGTERM. Nothing: the daemon
/// died first.
std::optional<core::record::RunFinished> follow_records(
    const Context& context, client::Client& client, const settings::Settings& settings, core::RunId run,
    const std::function<void(const core::record::Record&)>& on_record);
/// Signals are blocked in every thread from here on, for follow() to take. Call before any thread starts.
void prepare_signals();

/// The run's number as the user gave it, or the newest. Throws core::InputError when there is none.
core::RunId chosen_run(const settings::Settings& settings, long run);
/// A run as the database has it. Throws core::InputError without a database, telemetry::Error.
report::RunSummary read_summary(const settings::Settings& settings, core::RunId run);

/// What `with` names, a run's number, a directory of attempts' files or a JSON file of kvmtest's; nothing when it is
/// empty. Throws core::InputError.
std::optional<report::Baseline> read_baseline(const settings::Settings& settings, const std::string& with);
/// The part of the summary that compares the run with that; without one, with the last completed run before it. Empty
/// when there is none.
std::string comparison(const settings::Settings& settings, const report::RunSummary& run,
                       const std::optional<report::Baseline>& with, const report::Options& options);
/// The commands that show the failures' diffs and run them again; empty when nothing failed.
std::string next_steps(const Context& context, const report::RunSummary& run);

/// The one of `names` that the user means by `typed`: it, the only one that ends in it, or the one whose file it is.
/// Throws core::InputError, whose line begins with `none` ("run 3 has no test") and suggests a near name.
std::string chosen_test(const std::vector<std::string>& names, const std::string& typed, const std::string& none);

/// --color auto, always or never.
void add_color(client::Command& verb, std::string& color);
/// How text for standard output is to look. `color` auto: in color on a terminal, unless NO_COLOR is set.
report::Options text_options(const std::string& color = "auto");
/// Columns and color of the terminal behind standard output.
unsigned terminal_width();
bool color_wanted();

}  // namespace kvmtest::command
