#pragma once
// What the scheduler is told about a run. Plain data; what a test's commands are is none of its business.

#include <string>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace kvmtest::core {

struct PlannedTest {
  TestIndex index;
  std::string name;
  std::vector<Host> hosts;  ///< its group, out of one prefix
  unsigned attempts = 0;    ///< tries already made, in an interrupted run that goes on
};

/// How patient a run is. Source: docs/adr/0003-retries.md.
struct Policy {
  unsigned boot_tries = 2;          ///< boots of one domain that the guest itself may fail, for one attempt
  unsigned host_fault_retries = 1;  ///< further attempts at a test after a fault of the host
  unsigned quarantine_after =
      3;  ///< host faults or failed boots in a row, without a test that ran, that take a prefix out of use
  Duration cool_down = std::chrono::seconds(1);  ///< pause of a prefix after its first host fault; doubles
};

struct RunPlan {
  RunId run;
  unsigned slots = 1;  ///< domains that may be reset at the same time (KVM_WORKERS); at least 1
  std::vector<Prefix> prefixes;
  std::vector<PlannedTest> tests;  ///< in the order to take them
  Policy policy;
};

/// Who is to blame: the machine under test, or libvirt, QEMU, disk, memory.
enum class Fault { guest, host };

}  // namespace kvmtest::core
