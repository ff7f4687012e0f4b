#pragma once
// Domains that stand still and were not told to: QEMU stops a domain whose disk finds no room, a watchdog may, and so
// may somebody else's hand. Without a word for it, a test would wait for its time-out and be blamed.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "engine/hypervisor.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

/// Any thread.
class StandStill {
 public:
  /// Called when a domain stands still for a reason that is not ours; any thread, and perhaps twice for one stop.
  using Found = std::function<void(const std::string& name, const engine::End& end)>;

  explicit StandStill(Found found) : found_(std::move(found)), looks_(1) {}
  ~StandStill() { looks_.join(); }

  /// From now on the domain may be stopped: we do it. Before its processor is stopped.
  void hold(const std::string& name);
  /// From now on it is to run. After its processor was told to go on.
  void let_go(const std::string& name);

  /// libvirt's thread: what QEMU said of a disk. `reason`: libvirt's word, "enospc" for no room.
  void io_error(const std::string& name, const std::string& path, const std::string& reason);
  /// libvirt's thread: VIR_DOMAIN_EVENT_SUSPENDED with its detail.
  void suspended(virDomainPtr domain, int detail);

 private:
  struct DiskError {
    std::string path;
    std::string reason;
  };

  bool held(const std::string& name);
  std::string disk_error(const std::string& name);
  std::optional<std::string> cause(const std::string& name, int detail);
  void look(virDomainPtr domain);
  std::optional<std::string> cause_now(virDomainPtr domain);

  Found found_;
  std::mutex mutex_;
  std::set<std::string> held_;               ///< by libvirt's name; guarded by mutex_
  std::map<std::string, DiskError> errors_;  ///< the last, by libvirt's name; guarded by mutex_
  boost::asio::thread_pool looks_;           ///< for what libvirt's thread must not wait for
};

}  // namespace kvmtest::libvirt
