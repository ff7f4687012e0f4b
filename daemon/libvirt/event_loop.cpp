#include "libvirt/event_loop.h"

#include <libvirt/libvirt.h>

#include "base/threads.h"
#include "libvirt/handles.h"

namespace kvmtest::libvirt {

EventLoop::EventLoop() {
  check(virEventRegisterDefaultImpl(), "libvirt's event loop");
  // A timer that is off until somebody wants the loop to come round.
  wake_timer_ = check(virEventAddTimeout(
                          -1, [](int, void*) {}, nullptr, nullptr),
                      "libvirt's event loop");
  thread_ = base::start_thread("libvirt's events", [this] {
    while (!stopping_.load())
      if (virEventRunDefaultImpl() < 0) break;
  });
}

EventLoop::~EventLoop() {
  stopping_.store(true);
  virEventUpdateTimeout(wake_timer_, 0);
  thread_.join();
}

}  // namespace kvmtest::libvirt
