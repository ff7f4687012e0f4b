#pragma once
// A test as every format hands it over: hosts, limits, and steps to type at consoles. Pure data.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/verdict.h"
#include "suite/test_name.h"

namespace kvmtest::suite {

/// How a step is carried out.
enum class StepKind {
  run,         ///< type it, wait for the prompt
  background,  ///< start it, go on; `name` is how it is collected, and a shell variable holding its pid
  collect,     ///< wait for background `name` to end; its output and status are this step's
  until,       ///< run again until status 0 or the step's time limit; the last try's output and status count
  requires_,   ///< run; a non-zero status makes the test unsupported and ends it
  reboot,      ///< type it, wait until the machine has restarted; empty: its power is taken away and given back
  comment,     ///< nothing to type; it is part of what the test's output shows
};

struct Step {
  std::string host;  ///< one of Test::hosts; empty for a comment that concerns none
  StepKind kind = StepKind::run;
  std::string name;                                ///< of a background or collect step
  std::string command;                             ///< may hold several lines; empty for collect, perhaps for reboot
  std::optional<std::chrono::milliseconds> limit;  ///< own time limit, else the test's command limit
  unsigned line = 0;                               ///< in the test's file, or `file`, from 1; 0 when it has none
  bool post_mortem = false;  ///< looks at its host after the script has gone to its end: every such step runs, whatever
                             ///< became of the one before, and a run may leave them all out
  std::string file{};        ///< name in the test's directory, where the test has several
};

/// A program on the machine that kvmtest runs on, which drives the group's domains itself. docs/formats.md tells what
/// it is given.
struct Program {
  std::vector<std::string> command;  ///< its arguments, its own path first
  std::filesystem::path directory;   ///< where it runs; absolute
};

/// What a suite says of a test in words of its own. Most suites say nothing.
struct Attribute {
  std::string name;
  std::vector<std::string> values;
  std::string wanted{};  ///< expression (RE2) that each value must match where a user gives none; empty: any will do
};

/// The names of attributes that tests are chosen by or listed with.
namespace attribute {
inline constexpr std::string_view kind = "kind";              ///< what is done with it
inline constexpr std::string_view status = "status";          ///< how far it is to be trusted ("good", "wip")
inline constexpr std::string_view platform = "platform";      ///< of its machines, those that matter, sorted
inline constexpr std::string_view guest = "guest";            ///< the machines, one a host, in the order of Test::hosts
inline constexpr std::string_view guest_host = "guest-host";  ///< what each of these calls itself
}  // namespace attribute

struct Test {
  TestName name;  ///< unique within a run, as typed and reported: "netlab/gre"
  std::filesystem::path path;
  std::string title;
  std::vector<std::string> hosts;  ///< the group it needs, in the order it names them
  std::vector<Attribute> attributes;
  std::vector<std::string> tags;
  std::string obstacle;                                    ///< why it cannot run, one line; empty: it can
  std::optional<std::chrono::milliseconds> limit;          ///< whole test
  std::optional<std::chrono::milliseconds> command_limit;  ///< default for its steps
  std::optional<core::KernelWarnings> kernel_warnings{};   ///< where it is not as the settings say
  std::vector<Step> preparation{};  ///< typed first, each to end with status 0; no part of the test's output
  std::vector<Step> steps;
  std::optional<Program> program{};  ///< in place of steps

  /// Null: it has none of that name.
  [[nodiscard]] const Attribute* attribute(std::string_view wanted) const {
    const auto found = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const Attribute& candidate) { return candidate.name == wanted; });
    return found == attributes.end() ? nullptr : &*found;
  }
  /// The values of the attribute of that name; empty: it has none.
  [[nodiscard]] std::vector<std::string> values(std::string_view wanted) const {
    const Attribute* found = attribute(wanted);
    return found == nullptr ? std::vector<std::string>{} : found->values;
  }
  /// The first of them; empty: there is none.
  [[nodiscard]] std::string value(std::string_view wanted) const {
    const Attribute* found = attribute(wanted);
    return found == nullptr || found->values.empty() ? std::string() : found->values.front();
  }
};

/// A message of the kernel that came among what a command printed, and is no part of that.
struct KernelMessage {
  std::uint64_t offset = 0;  ///< in the output
  std::string bytes;         ///< as printed
};

/// A line of what a host's kernel said during an attempt, in its log or on the console.
struct KernelLine {
  std::optional<std::chrono::microseconds> at{};  ///< since the attempt's start, about; none: unknown
  std::int64_t stamp = 0;                         ///< microseconds on the kernel's own clock
  int level = -1;                                 ///< 0 (emergency) to 7 (debug); -1: unknown
  std::string text;
};

/// How a step that was started came out.
struct StepResult {
  std::size_t step = 0;       ///< index into Test::steps
  std::string output;         ///< bytes, as printed; cut in the middle and marked when it passed the capture bound
  std::optional<int> status;  ///< none: no prompt came back
  bool truncated = false;
  std::chrono::microseconds at{};  ///< since the test's start
  std::chrono::microseconds took{};
  unsigned tries = 1;
  std::vector<KernelMessage> kernel{};  ///< in the order of their offsets
};

/// How a program came out.
struct ProgramResult {
  std::string output{};    ///< standard output: bytes, cut in the middle and marked when it passed the capture bound
  std::string errors{};    ///< standard error, likewise
  bool truncated = false;  ///< `output` is
  std::optional<int> status{};                    ///< none: a signal ended it, or it could not be started
  int signal = 0;                                 ///< that ended it
  std::vector<std::string> left{};                ///< command lines of what it left running, which was ended then
  std::map<std::string, std::string> consoles{};  ///< by host: the commands it ran there, and their output
};

/// Why the script stopped before its last step.
struct Ending {
  enum class Why {
    completed,
    timeout,
    console_closed,
    restarted,    ///< the machine, in a step that does not say so
    shell_ended,  ///< another one answers at the console, or a login prompt
    not_back,     ///< the machine did not restart, or did not come up again
    unsupported,
    unprepared  ///< before its first step
  } why = Why::completed;
  std::string host;    ///< where; empty when completed
  std::string detail;  ///< one line for a person
};

/// When an attempt was made.
struct Times {
  std::chrono::system_clock::time_point run;    ///< its run's start
  std::chrono::system_clock::time_point begin;  ///< its script's
  std::chrono::system_clock::time_point end;
  std::chrono::microseconds resets{};  ///< from taking the test until its domains were ready
  std::chrono::microseconds script{};
};

/// All that a judge sees of one attempt.
struct Execution {
  std::vector<StepResult> results;
  Ending ending;
  std::optional<ProgramResult> program{};  ///< of a program, which has no results
  Times times{};
  std::map<std::string, std::vector<KernelLine>> kernel{};  ///< by host; those without a line left out
};

}  // namespace kvmtest::suite
