#include "libvirt/stand_still.h"

#include <fmt/format.h>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "libvirt/qmp.h"

namespace kvmtest::libvirt {
namespace {

using engine::End;
using engine::HostFault;

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

void StandStill::hold(const std::string& name) {
  const std::lock_guard lock(mutex_);
  held_.insert(name);
}

void StandStill::let_go(const std::string& name) {
  const std::lock_guard lock(mutex_);
  held_.erase(name);
  errors_.erase(name);
}

bool StandStill::held(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return held_.contains(name);
}

void StandStill::io_error(const std::string& name, const std::string& path, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  errors_[name] = {path, reason};
}

std::string StandStill::disk_error(const std::string& name) {
  DiskError error;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = errors_.find(name); found != errors_.end()) error = found->second;
  }
  const std::string where = error.path.empty() ? "" : engine::file_system_of(error.path);
  return fmt::format(
      "{}{}{}{}",
      error.reason == "enospc" ? "no room on the host for what the guest writes" : "an I/O error of the host's",
      error.reason.empty() || error.reason == "enospc" ? "" : fmt::format(" ({})", error.reason),
      error.path.empty() ? "" : fmt::format(": {}", error.path), where.empty() ? "" : ": " + where);
}

/// What the event says by itself; nothing: somebody has to look.
std::optional<std::string> StandStill::cause(const std::string& name, int detail) {
  switch (detail) {
    case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR: return disk_error(name);
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

void StandStill::suspended(virDomainPtr domain, int detail) {
  const std::string name = virDomainGetName(domain);
  if (const auto why = cause(name, detail)) {
    found_(name, {core::Fault::host, "the domain stands still: " + *why});
    return;
  }
  if (held(name)) return;
  virDomainRef(domain);
  boost::asio::post(looks_, [this, ours = std::shared_ptr<virDomain>(domain, DomainDeleter())] { look(ours.get()); });
}

void StandStill::look(virDomainPtr domain) {
  const std::string name = virDomainGetName(domain);
  std::optional<std::string> why;
  try {
    why = cause_now(domain);
  } catch (const HostFault&) {
    return;  // it has ended: that is told on its own
  }
  // Whoever holds it by now stopped it as well, and lets it go on.
  if (why && !held(name)) found_(name, {core::Fault::host, "the domain stands still: " + *why});
}

/// QEMU knows whether it runs, and of some reasons more than libvirt (QEMU, qapi/run-state.json).
std::optional<std::string> StandStill::cause_now(virDomainPtr domain) {
  const auto answer = qmp(domain, "query-status");
  const std::string status = answer.value("status", "");
  if (answer.value("running", false)) return std::nullopt;
  if (status == "internal-error") return "QEMU or KVM had an internal error";
  if (status == "io-error") return disk_error(virDomainGetName(domain));
  // The guest's own doing, or part of what is told on its own.
  if (status == "guest-panicked" || status == "shutdown" || status == "suspended") return std::nullopt;
  int state = 0;
  int reason = 0;
  check(virDomainGetState(domain, &state, &reason, 0), "state of a domain");
  if (state != VIR_DOMAIN_PAUSED) return std::nullopt;
  return paused_because(reason);
}

}  // namespace kvmtest::libvirt
