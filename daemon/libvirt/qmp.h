#pragma once
// QEMU's own monitor (QMP) through libvirt, for what libvirt has no call for. Libvirt marks such domains as tainted,
// no more.

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "base/mutex.h"
#include "libvirt/callback.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Runs a command and returns what it returns. Throws engine::HostFault with QEMU's words. Any thread.
nlohmann::json qmp(virDomainPtr domain, const std::string& command);
nlohmann::json qmp(virDomainPtr domain, const std::string& command, const nlohmann::json& arguments);

/// QEMU's background jobs. Any thread.
class Jobs {
 public:
  /// Throws engine::HostFault.
  explicit Jobs(virConnectPtr connect);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  /// Runs a command that starts a job, and waits for the job's end. Throws engine::HostFault with QEMU's words. The
  /// memory of a job that went well is left in QEMU until the next one of that domain: to have it dismissed would take
  /// another turn of the monitor while somebody waits for the domain.
  void run(virDomainPtr domain, const std::string& command, nlohmann::json arguments, std::chrono::milliseconds limit);
  /// Nothing more is to be expected of that domain's jobs.
  void domain_ended(const std::string& name);

 private:
  static void on_event(virConnectPtr connect, virDomainPtr domain, const char* event, long long seconds,
                       unsigned int microseconds, const char* details, void* opaque);

  base::Mutex mutex_;
  base::Condition changed_;
  std::uint64_t last_job_ GUARDED_BY(mutex_) = 0;
  std::set<std::pair<std::string, std::string>> aborted_ GUARDED_BY(mutex_);    ///< domain and job
  std::set<std::pair<std::string, std::string>> concluded_ GUARDED_BY(mutex_);  ///< domain and job
  std::map<std::string, std::string> to_dismiss_ GUARDED_BY(mutex_);            ///< domain and its last job
  std::set<std::string> ended_ GUARDED_BY(mutex_);                              ///< domains

  Callback callback_;  ///< the last: nothing is told any more when the rest goes
};

}  // namespace kvmtest::libvirt
