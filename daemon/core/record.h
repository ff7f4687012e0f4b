#pragma once
// What happened, as one stream of plain records. The database, the log, live clients and every report are derived from
// it; nothing else is. Records are numbered by the recorder and durable before anybody sees them.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "core/verdict.h"

namespace kvmtest::core::record {

/// Where an attempt's time went. Sums to the wall time between the worker taking the test and its verdict.
struct Split {
  Duration waiting{};  ///< for a slot of the reboot pool
  Duration reset{};    ///< domains of the group being brought up, less the waiting
  Duration test{};     ///< the test's own commands
  Duration judging{};
};

/// What a host had of this machine's processors while its test ran. A host that was restarted: since then.
struct HostUse {
  std::string host;
  Duration used{};     ///< processor time of its QEMU, all threads together
  Duration starved{};  ///< in which it wanted a processor and had none
  friend bool operator==(const HostUse&, const HostUse&) = default;
};
/// Of all hosts together: what they used; and how long the one was starved that was so the longest.
inline HostUse of_group(const std::vector<HostUse>& hosts) {
  HostUse group;
  for (const HostUse& host : hosts) {
    group.used += host.used;
    group.starved = std::max(group.starved, host.starved);
  }
  return group;
}

struct RunStarted {
  std::vector<std::string> prefixes;
  unsigned workers = 0;            ///< slots of the reboot pool
  std::vector<std::string> tests;  ///< names, by TestIndex
  std::string uri;
  std::string accelerator;            ///< "kvm" or "emulated"
  std::string settings;               ///< JSON of what the client asked for; a resumed run starts from it
  std::vector<std::string> inputs{};  ///< names of all that decides about each test, by TestIndex; empty: unknown
};
/// An interrupted run goes on. `done` tests already had a verdict.
struct RunResumed {
  unsigned done = 0;
  unsigned abandoned = 0;  ///< attempts that died with the previous daemon
};
struct ResetQueued {
  Domain domain;
  Ticket ticket;
  unsigned ahead = 0;      ///< jobs before it in the queue
  unsigned submitted = 0;  ///< jobs given to the pool in this run so far, this one included
  unsigned pending = 0;    ///< jobs queued or being worked on, this one included
  unsigned workers = 0;
  std::string method = "boot";  ///< see ResetFinished; the figures are those of its kind
  std::string test{};           ///< which it is for; empty: a client wants the domain
};
struct ResetStarted {
  Domain domain;
  Ticket ticket;
  Duration waited{};
  std::string method = "boot";
  AttemptId attempt{};  ///< 0: for none
};
struct ResetFinished {
  Domain domain;
  Ticket ticket;
  std::string method = "boot";  ///< or "restore": started from a saved state; "load": went back to it while running;
                                ///< "swap": a spare that had gone back to it took its place
  Duration total{};             ///< all of the following
  Duration boot{};              ///< start to login prompt; of a restore the start alone
  Duration login{};             ///< login prompt to verified shell
  Duration waited{};            ///< in the queue, before `total` began
  Duration save{};              ///< of the state, after a boot
  Duration load{};              ///< of the saved state
  Duration verify{};            ///< that it is clean, clock and random pool included
  AttemptId attempt{};          ///< 0: for none
  std::string note{};           ///< why its state was not saved, or what else is worth knowing
};
struct ResetFailed {
  Domain domain;
  Ticket ticket;
  bool host_fault = false;
  std::string reason;
  Duration total{};
  bool again = false;  ///< it will be tried again, after a load or restore with a boot
  Duration waited{};   ///< in the queue, before `total` began
  std::string method = "boot";
  AttemptId attempt{};  ///< 0: for none
};
/// The domain is only booted from now on, until the run ends.
struct SnapshotsGivenUp {
  Domain domain;
  std::string reason;
};
struct DomainDestroyed {
  Domain domain;
  Duration total{};
};
struct DomainLost {
  Domain domain;
  bool host_fault = false;
  std::string reason;
};
struct TestStarted {
  AttemptId attempt;
  std::string test;
  Prefix prefix;
  unsigned number = 1;     ///< first try is 1
  Duration ready_after{};  ///< from taking the test until its domains were ready
};
struct CommandFinished {
  AttemptId attempt;
  std::string host;
  unsigned index = 0;  ///< in the test's script, from 0
  std::string command;
  Duration at{};  ///< since the test's start
  Duration took{};
  int status = 0;  ///< exit status; -1 when there was none (time-out, closed console)
  std::uint64_t output_bytes = 0;
};
/// Results that a test told apart itself, in their order; many of them come in several of these. Before AttemptJudged.
struct PointsJudged {
  AttemptId attempt;
  std::vector<Point> points;
};
struct AttemptJudged {
  AttemptId attempt;
  std::string test;
  Prefix prefix;
  unsigned number = 1;
  Verdict verdict = Verdict::untested;
  std::vector<Issue> issues;
  Split split;
  std::string output;                     ///< directory, absolute
  bool final = true;                      ///< false: the test will be tried again
  std::optional<Verdict> test_verdict{};  ///< the test's, where it is another than that of its final attempt
  std::vector<HostUse> use{};             ///< of the hosts of which it is known
  Duration frozen{};                      ///< all its hosts stood still, of Split::test
};
/// A test that ends without a (further) attempt: no prefix was left to run it, for example.
struct TestUntested {
  std::string test;
  std::string reason;
  Verdict verdict = Verdict::untested;  ///< what earlier attempts came to, where there were any
};
struct PrefixQuarantined {
  Prefix prefix;
  std::string reason;
};
struct StopRequested {
  std::string by;
};
/// Something a person wants to read in the log.
struct Notice {
  bool warning = false;
  std::string text;
};
/// Sampled every few seconds while a run is on.
struct Sample {
  double load = 0;                     ///< one-minute load average
  double cpu = 0;                      ///< busy share of all cores, 0 to 1
  std::uint64_t memory_available = 0;  ///< bytes
  std::uint64_t daemon_rss = 0;        ///< bytes
  unsigned resetting = 0;
  unsigned testing = 0;
  // Share of the last 10 s in which some task waited for it, 0 to 1 (pressure stall information, PSI).
  double cpu_pressure = 0;
  double memory_pressure = 0;
  double io_pressure = 0;
};
enum class Outcome { completed, stopped, infrastructure };
/// The outcome's own word.
constexpr std::string_view to_string(Outcome outcome) {
  if (outcome == Outcome::completed) return "completed";
  return outcome == Outcome::stopped ? "stopped" : "infrastructure";
}
struct RunFinished {
  Outcome outcome = Outcome::completed;
  unsigned passed = 0;
  unsigned failed = 0;
  unsigned unresolved = 0;
  unsigned untested = 0;
  unsigned unsupported = 0;
  unsigned flaky = 0;  ///< tests that passed, but not on their first attempt
  Duration makespan{};
  int exit_status = 0;
};

using Body = std::variant<RunStarted, RunResumed, ResetQueued, ResetStarted, ResetFinished, ResetFailed,
                          SnapshotsGivenUp, DomainDestroyed, DomainLost, TestStarted, CommandFinished, PointsJudged,
                          AttemptJudged, TestUntested, PrefixQuarantined, StopRequested, Notice, Sample, RunFinished>;

/// One entry of the stream.
struct Record {
  std::int64_t run = 0;       ///< 0: outside any run
  std::int64_t sequence = 0;  ///< given by the recorder, rising within a state directory
  WallTime time;
  Body body;
};

}  // namespace kvmtest::core::record
