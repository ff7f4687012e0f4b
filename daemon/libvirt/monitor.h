#pragma once
// QEMU's own monitor (QMP) through libvirt, for what libvirt has no call for. Libvirt marks such domains as tainted,
// no more.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "base/patience.h"
#include "libvirt/callback.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// The monitors of all QEMUs of a connection. Libvirt waits for an answer without end, and so would whoever resets or
/// ends the domain; so a QEMU that does not answer is destroyed. Any thread.
class Monitor {
 public:
  /// A QEMU has not answered for too long, and is about to be destroyed: libvirt's name of its domain, and what for.
  /// Any thread.
  using Silent = std::function<void(const std::string& name, const std::string& words)>;

  /// Throws engine::HostFault, base::NoThread.
  Monitor(virConnectPtr connect, Silent silent);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Runs a command and returns what it returns. Throws engine::HostFault with QEMU's words.
  nlohmann::json ask(virDomainPtr domain, const std::string& command,
                     const nlohmann::json& arguments = nlohmann::json::object());
  /// For any other call of libvirt's in which QEMU has to answer: as long as the wait is there, the call is under way.
  [[nodiscard]] base::Patience::Wait expect_answer(const std::string& name, const std::string& what);
  /// The same while QEMU is started, which takes the processor longer.
  [[nodiscard]] base::Patience::Wait expect_start(const std::string& name);
  /// Runs a command that starts a background job, and waits for the job's end. Throws engine::HostFault with QEMU's
  /// words. The memory of a job that went well is left in QEMU until the next one of that domain: to have it dismissed
  /// would take another turn of the monitor while somebody waits for the domain.
  void run_job(virDomainPtr domain, const std::string& command, nlohmann::json arguments,
               std::chrono::milliseconds limit);
  /// Nothing more is to be expected of that domain's jobs.
  void domain_ended(const std::string& name);

 private:
  base::Patience::Wait expect(const std::string& name, const std::string& what, std::chrono::seconds limit);
  static void on_event(virConnectPtr connect, virDomainPtr domain, const char* event, long long seconds,
                       unsigned int microseconds, const char* details, void* opaque);

  const virConnectPtr connect_;
  const Silent silent_;
  base::Patience patience_;
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
