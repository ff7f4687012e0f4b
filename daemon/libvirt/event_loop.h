#pragma once
// libvirt's event loop on a thread of its own. The embedded driver and console streams need it.

#include <atomic>
#include <thread>

namespace kvmtest::libvirt {

/// At most one in a process; must exist before the first connection is opened.
class EventLoop {
 public:
  /// Throws engine::HostFault.
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

 private:
  std::atomic<bool> stopping_{false};
  int wake_timer_ = -1;
  std::thread thread_;
};

}  // namespace kvmtest::libvirt
