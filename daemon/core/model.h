#pragma once
// What the scheduler is told about a run. Plain data; what a test's commands are is none of its business.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "core/verdict.h"

namespace kvmtest::core {

/// What the attempts at a test have come to so far, in this run. Those that host faults ended say nothing of it.
struct SoFar {
  unsigned counted = 0;             ///< attempts that say something of it
  Verdict worst = Verdict::passed;  ///< of those
  bool stumbled = false;            ///< an attempt did not pass, for whatever reason
};

struct PlannedTest {
  TestIndex index;
  std::string name;
  std::vector<Host> hosts;           ///< its group, out of one prefix
  unsigned attempts = 0;             ///< tries already made: in this run, or before it was interrupted
  SoFar so_far{};                    ///< what they came to
  std::optional<unsigned> beside{};  ///< groups that may run beside it; none: however many
};

/// How patient a run is. Source: docs/adr/0003-retries.md.
struct Policy {
  unsigned boot_tries = 2;          ///< boots of one domain that the guest itself may fail, for one attempt
  unsigned host_fault_retries = 1;  ///< further attempts at a test after a fault of the host
  unsigned retries = 0;             ///< further attempts at a test that did not pass; not with `repeat`
  double starved = 0.1;  ///< share of its time for which a group may be starved; if it was for longer, that its test
                         ///< did not pass is the host's doing
  Duration starved_least = std::chrono::milliseconds(500);  ///< but not if it was for no longer than this
  unsigned starved_retries = 2;  ///< further attempts at such a test: with half as many beside it, at last alone
  unsigned repeat = 1;           ///< attempts at each test, the worst of which counts; 0: without end
  bool keep_failed = false;  ///< the domains of a test that did not pass stay as they are, and their prefix with them
  bool until_fail = false;   ///< a test that did not pass is not repeated
  unsigned max_fail = 0;     ///< tests that did not pass, after which none is begun any more; 0: any number
  unsigned quarantine_after =
      3;  ///< host faults or failed boots in a row, without a test that ran, that take a prefix out of use
  Duration cool_down = std::chrono::seconds(1);  ///< pause of a prefix after its first host fault; doubles
  unsigned snapshot_failures = 3;  ///< failures to save or go back, after which a domain is only booted in this run
};

/// The way a domain comes to a clean, logged-in shell.
enum class Method {
  boot,           ///< started cold, logged in
  boot_and_save,  ///< the same, and its state is saved for later
  restore,        ///< started from a saved state
  load,           ///< the running domain goes back to its saved state
  swap            ///< its spare, which waits in that state, takes its place (docs/adr/0012)
};
/// The word in records and the database; whether a boot also saved is told apart.
constexpr std::string_view to_string(Method method) {
  if (method == Method::restore) return "restore";
  if (method == Method::swap) return "swap";
  return method == Method::load ? "load" : "boot";
}
/// Whether it is work for a boot's slot of the reboot pool, rather than for a quick one.
constexpr bool is_boot(Method method) { return method == Method::boot || method == Method::boot_and_save; }
/// Whether it is for a domain that is up, rather than for one that is off.
constexpr bool is_in_place(Method method) { return method == Method::load || method == Method::swap; }

/// The clean states that domains can be brought to without a boot.
struct States {
  std::map<Domain, SavedStateId> of;  ///< a domain without one is booted
  std::set<SavedStateId> kept;        ///< saved already
};

/// What the machine's memory allows. Source: docs/adr/0009-memory.md.
struct Memory {
  std::uint64_t budget = 0;            ///< bytes for all domains of the run that are up, together; 0: no bound
  std::map<Host, std::uint64_t> need;  ///< bytes of one that is up, its saved state included
};

/// How a run shares the processors with others, and whether its groups may stand still.
struct Sharing {
  bool freezing = false;  ///< groups may stand still: their guests do not notice
  double share = 1;       ///< of all processors, what is this daemon's when others want them as well; 0 to 1. Below 1,
                          ///< spares, and starts beside one, wait for idle processors
  Duration slice = std::chrono::milliseconds(400);  ///< a group goes on for at least so long
};

/// How much begins at a time, where that is not a number.
struct AdmissionRules {
  bool starts = false;     ///< beside one domain that is started, others are while processors are idle
  bool prefixes = false;   ///< beside one prefix, others are taken into use while processors are idle
  double max_average = 0;  ///< load average for each processor beyond which nothing begins beside what goes on; 0: any
};

struct RunPlan {
  RunId run;
  unsigned slots = 1;        ///< domains that may be booted at the same time (KVM_WORKERS); at least 1
  unsigned quick_slots = 1;  ///< that may go back to a saved state at the same time; at least 1
  std::vector<Prefix> prefixes;
  std::vector<PlannedTest> tests;  ///< in the order to take them
  unsigned failed = 0;             ///< others that did not pass, before the run was interrupted
  Policy policy;
  States states;
  Memory memory;
  unsigned spares = 0;       ///< domains that may have a spare
  unsigned spare_slots = 1;  ///< spares that may be made ready at the same time; at least 1
  Sharing sharing;
  AdmissionRules admission;
};

/// Who is to blame: the machine under test, or libvirt, QEMU, disk, memory.
enum class Fault { guest, host };

}  // namespace kvmtest::core
