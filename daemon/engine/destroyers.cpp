#include "engine/destroyers.h"

#include <chrono>

#include "base/words.h"

namespace kvmtest::engine {

namespace {

// They wait for libvirt, and do next to nothing.
constexpr unsigned threads = 16;

}  // namespace

Destroyers::Destroyers(Context& context, Consoles& consoles, SparePool& spares)
    : context_(context), consoles_(consoles), spares_(spares), threads_("destroying domains", threads) {}

void Destroyers::start(const core::action::DestroyDomain& a) {
  threads_.post([this, a, run = context_.run.load()] { destroy(a, run); });
}

core::Duration Destroyers::last(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  return last_[domain];
}

void Destroyers::destroy(const core::action::DestroyDomain& a, std::int64_t run) {
  auto console = consoles_.close(a.domain);
  try {
    const auto start = std::chrono::steady_clock::now();
    spares_.forget(a.domain);
    context_.hypervisor.destroy(a.domain);
    console.reset();
    const auto took = since(start);
    {
      const base::Lock lock(mutex_);
      last_[a.domain] = took;
    }
    context_.recorder.put(run, core::record::DomainDestroyed{a.domain, took});
    context_.post(core::event::DomainDestroyed{a.ticket});
  } catch (const std::exception& e) {
    context_.post(core::event::DomainDestroyFailed{a.ticket, base::words(e)});
  }
}

}  // namespace kvmtest::engine
