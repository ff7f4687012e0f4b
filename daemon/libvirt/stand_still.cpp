#include "libvirt/stand_still.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/file_system.h"

namespace kvmtest::libvirt {
namespace {

/// Why libvirt counts a domain as paused; nothing where that is part of something else that will be told.
std::optional<std::string> paused_because(int reason) {
  switch (reason) {
    case VIR_DOMAIN_PAUSED_USER: return "somebody paused the domain";
    case VIR_DOMAIN_PAUSED_MIGRATION: return "somebody migrates the domain";
    case VIR_DOMAIN_PAUSED_SAVE: return "somebody saves the domain to a file";
    case VIR_DOMAIN_PAUSED_DUMP: return "somebody writes the domain's memory to a file";
    case VIR_DOMAIN_PAUSED_IOERROR: return "an I/O error of its disks";
    case VIR_DOMAIN_PAUSED_WATCHDOG: return "its watchdog fired";
    case VIR_DOMAIN_PAUSED_FROM_SNAPSHOT: return "somebody took the domain back to a snapshot";
    case VIR_DOMAIN_PAUSED_SNAPSHOT: return "somebody takes a snapshot of the domain";
    case VIR_DOMAIN_PAUSED_POSTCOPY:
    case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED: return "its migration does not go on";
    case VIR_DOMAIN_PAUSED_SHUTTING_DOWN:
    case VIR_DOMAIN_PAUSED_STARTING_UP:
    case VIR_DOMAIN_PAUSED_CRASHED: return std::nullopt;
    default: return "something stopped it, and libvirt does not know what";
  }
}

}  // namespace

std::string words_for(const DiskError& error) {
  const std::string where = error.path.empty() ? "" : engine::file_system_of(error.path);
  return fmt::format(
      "{}{}{}{}",
      error.reason == "enospc" ? "no room on the host for what the guest writes" : "an I/O error of the host's",
      error.reason.empty() || error.reason == "enospc" ? "" : fmt::format(" ({})", error.reason),
      error.path.empty() ? "" : fmt::format(": {}", error.path), where.empty() ? "" : ": " + where);
}

std::optional<std::string> cause_of_stop(int detail, const DiskError& error) {
  switch (detail) {
    case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR: return words_for(error);
    case VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG: return paused_because(VIR_DOMAIN_PAUSED_WATCHDOG);
    case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED: return paused_because(VIR_DOMAIN_PAUSED_MIGRATION);
    case VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT: return paused_because(VIR_DOMAIN_PAUSED_FROM_SNAPSHOT);
    case VIR_DOMAIN_EVENT_SUSPENDED_RESTORED: return "somebody restored the domain from a file";
    case VIR_DOMAIN_EVENT_SUSPENDED_API_ERROR: return "libvirt failed in the middle of something";
    case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY:
    case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED: return paused_because(VIR_DOMAIN_PAUSED_POSTCOPY);
    default: return std::nullopt;
  }
}

std::optional<std::string> cause_of_stop_now(Monitor& monitor, virDomainPtr domain,
                                             const std::function<DiskError()>& error) {
  // QEMU knows whether it runs, and of some reasons more than libvirt (QEMU, qapi/run-state.json).
  const auto answer = monitor.ask(domain, "query-status");
  const std::string status = answer.value("status", "");
  if (answer.value("running", false)) return std::nullopt;
  if (status == "internal-error") return "QEMU or KVM had an internal error";
  if (status == "io-error") return words_for(error());
  // The guest's own doing, or part of what is told on its own.
  if (status == "guest-panicked" || status == "shutdown" || status == "suspended") return std::nullopt;
  int state = 0;
  int reason = 0;
  check(virDomainGetState(domain, &state, &reason, 0), "state of a domain");
  if (state != VIR_DOMAIN_PAUSED) return std::nullopt;
  return paused_because(reason);
}

}  // namespace kvmtest::libvirt
