#include "fake_hypervisor.h"

namespace kvmtest::engine {

/// A guest that several threads may touch.
struct FakeHypervisor::Guest {
  explicit Guest(console::FakeGuest::Options options) : guest(std::move(options)) {}
  explicit Guest(const console::FakeGuest::State& saved) : guest({}, saved) {}
  std::mutex mutex;
  std::condition_variable changed;
  console::FakeGuest guest;  ///< guarded by mutex
  bool interrupted = false;  ///< guarded by mutex
};

class FakeHypervisor::GuestStream final : public console::Stream {
 public:
  explicit GuestStream(std::shared_ptr<Guest> guest) : guest_(std::move(guest)) {}

  std::string read(console::Deadline deadline) override {
    std::unique_lock lock(guest_->mutex);
    std::string bytes;
    guest_->changed.wait_until(lock, deadline, [&] {
      if (guest_->interrupted) return true;
      bytes = guest_->guest.read(deadline);
      return !bytes.empty();
    });
    if (guest_->interrupted) throw console::Interrupted();
    return bytes;
  }
  void write(std::string_view bytes, console::Deadline deadline) override {
    const std::lock_guard lock(guest_->mutex);
    if (guest_->interrupted) throw console::Interrupted();
    guest_->guest.write(bytes, deadline);
    guest_->changed.notify_all();
  }
  void interrupt() override {
    const std::lock_guard lock(guest_->mutex);
    guest_->interrupted = true;
    guest_->changed.notify_all();
  }

 private:
  std::shared_ptr<Guest> guest_;
};

std::unique_ptr<console::Stream> FakeHypervisor::start(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  if (plan.starts_that_fail > 0) {
    --plan.starts_that_fail;
    throw HostFault("start " + domain.name() + ": no memory");
  }
  console::FakeGuest::Options options;
  if (plan.silent_boots > 0) {
    --plan.silent_boots;
    options.boot = "booting";
  }
  auto guest = std::make_shared<Guest>(options);
  if (prepare) prepare(domain, guest->guest);
  killed_.erase(domain);
  return add(guests_, domain, std::move(guest));
}

/// The guest that boots has the number of the next boot.
std::unique_ptr<console::Stream> FakeHypervisor::start_again(const core::Domain& domain) {
  unsigned boots = 1;
  {
    const std::lock_guard lock(mutex_);
    if (const auto before = guests_.extract(domain); !before.empty()) {
      const std::lock_guard guest_lock(before.mapped()->mutex);
      boots = before.mapped()->guest.boots;
    }
  }
  auto stream = start(domain);
  with(domain, [&](console::FakeGuest& guest) { guest.boots = boots + 1; });
  return stream;
}

std::unique_ptr<console::Stream> FakeHypervisor::start_from(const core::Domain& domain,
                                                            const console::FakeGuest::State& saved) {
  const std::lock_guard lock(mutex_);
  killed_.erase(domain);
  return add(guests_, domain, std::make_shared<Guest>(saved));
}

std::unique_ptr<console::Stream> FakeHypervisor::start_spare(const core::Domain& domain,
                                                             const console::FakeGuest::State& saved) {
  const std::lock_guard lock(mutex_);
  return add(spares_, domain, std::make_shared<Guest>(saved));
}

std::unique_ptr<console::Stream> FakeHypervisor::add(Guests& guests, const core::Domain& domain,
                                                     std::shared_ptr<Guest> guest) {
  if (!guests.try_emplace(domain, guest).second) throw HostFault(domain.name() + " is running already");
  added_.notify_all();
  return std::make_unique<GuestStream>(std::move(guest));
}

void FakeHypervisor::change(const std::shared_ptr<Guest>& guest,
                            const std::function<void(console::FakeGuest&)>& function) {
  const std::lock_guard lock(guest->mutex);
  function(guest->guest);
  guest->changed.notify_all();
}

void FakeHypervisor::with_spare(const core::Domain& domain, const std::function<void(console::FakeGuest&)>& function) {
  std::shared_ptr<Guest> guest;
  {
    const std::lock_guard lock(mutex_);
    const auto found = spares_.find(domain);
    if (found == spares_.end()) throw HostFault(domain.name() + " has no spare");
    guest = found->second;
  }
  change(guest, function);
}

void FakeHypervisor::swap(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  auto live = guests_.extract(domain);
  auto spare = spares_.extract(domain);
  if (spare.empty()) throw HostFault(domain.name() + " has no spare");
  guests_.insert(std::move(spare));
  if (!live.empty()) spares_.insert(std::move(live));
  killed_.erase(domain);
}

void FakeHypervisor::discard_spare(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  spares_.erase(domain);
}

void FakeHypervisor::with(const core::Domain& domain, const std::function<void(console::FakeGuest&)>& function) {
  std::shared_ptr<Guest> guest;
  {
    const std::lock_guard lock(mutex_);
    const auto found = guests_.find(domain);
    if (found == guests_.end() || killed_.contains(domain)) throw HostFault(domain.name() + " is not running");
    guest = found->second;
  }
  change(guest, function);
}

void FakeHypervisor::destroy(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  Plan& plan = plans_[domain];
  if (plan.destroys_that_fail > 0) {
    --plan.destroys_that_fail;
    throw HostFault("destroy " + domain.name() + ": busy");
  }
  guests_.erase(domain);
  spares_.erase(domain);
}

End FakeHypervisor::end_of(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  if (killed_.contains(domain)) return {core::Fault::host, "QEMU died"};
  if (const auto found = guests_.find(domain); found != guests_.end()) {
    const std::lock_guard guest_lock(found->second->mutex);
    if (found->second->guest.restarts) return {core::Fault::guest, "the guest rebooted", true};
  }
  return {core::Fault::guest, "the guest shut itself down"};
}

void FakeHypervisor::kill(const core::Domain& domain) {
  std::shared_ptr<Guest> guest;
  {
    const std::lock_guard lock(mutex_);
    killed_.insert(domain);
    guest = guests_.at(domain);
  }
  {
    const std::lock_guard lock(guest->mutex);
    guest->guest.close();
    guest->changed.notify_all();
  }
  lost(domain, {core::Fault::host, "QEMU died"});
}

void FakeHypervisor::with_hanging(const core::Domain& domain,
                                  const std::function<void(console::FakeGuest&)>& function) {
  std::shared_ptr<Guest> guest;
  {
    const std::lock_guard lock(mutex_);
    guest = guests_.at(domain);
  }
  std::unique_lock lock(guest->mutex);
  if (!guest->changed.wait_for(lock, std::chrono::seconds(60), [&] { return guest->guest.state().hangs; }))
    throw std::runtime_error("nothing hangs on " + domain.name());
  function(guest->guest);
  guest->changed.notify_all();
}

void FakeHypervisor::interrupt(const core::Domain& domain) {
  with_hanging(domain, [](console::FakeGuest& guest) { guest.write("\x03", {}); });
}

void FakeHypervisor::plan(const core::Domain& domain, Plan plan) {
  const std::lock_guard lock(mutex_);
  plans_[domain] = plan;
}

void FakeHypervisor::wait_until_up(const core::Domain& domain) {
  std::unique_lock lock(mutex_);
  if (!added_.wait_for(lock, std::chrono::seconds(60), [&] { return guests_.contains(domain); }))
    throw std::runtime_error(domain.name() + " does not come up");
}

std::set<std::string> FakeHypervisor::running() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto& [domain, guest] : guests_) names.insert(domain.name());
  for (const auto& [domain, guest] : spares_) names.insert(domain.name() + "'s spare");
  return names;
}

}  // namespace kvmtest::engine
