#pragma once
// Domains that are a fake getty and shell each, started at once. Faults are planned by domain.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "../console/fake_guest.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

/// Any thread.
class FakeHypervisor final : public Hypervisor {
 public:
  void install(const core::Prefix&) override {}
  void uninstall(const core::Prefix&) override {}
  std::unique_ptr<console::Stream> start(const core::Domain& domain) override;
  std::unique_ptr<console::Stream> start_again(const core::Domain& domain) override;
  void destroy(const core::Domain& domain) override;
  void freeze(const core::Domain& domain) override {
    if (on_freeze) on_freeze(domain, true);
  }
  void thaw(const core::Domain& domain) override {
    if (on_freeze) on_freeze(domain, false);
  }
  process::ProcessorReading processors_of(const core::Domain& domain) override {
    return processors ? processors(domain) : process::ProcessorReading{};
  }
  End end_of(const core::Domain& domain) override;
  Description describe() override { return {"fake:///", "emulated"}; }

  /// QEMU dies: the console closes, and `lost` is told.
  void kill(const core::Domain& domain);
  std::function<void(const core::Domain&, const End&)> lost;

  /// How many of a domain's next starts fail, boot into silence; how many of its next destructions fail.
  struct Plan {
    unsigned starts_that_fail = 0;  ///< and those again
    unsigned silent_boots = 0;
    unsigned destroys_that_fail = 0;
  };
  void plan(const core::Domain& domain, Plan plan);

  /// Names of the domains that run, and of their spares: a.east's spare.
  [[nodiscard]] std::set<std::string> running() const;

  /// Told of each domain that is to stand still (true) or to go on. Any thread.
  std::function<void(const core::Domain&, bool)> on_freeze;

  /// What is told of domains' processors; empty: nothing is known. Any thread.
  std::function<process::ProcessorReading(const core::Domain&)> processors;

  /// Waits until the domain runs, or until the test has waited too long.
  void wait_until_up(const core::Domain& domain);

  /// Called with each guest that boots, before anybody hears from it.
  std::function<void(const core::Domain&, console::FakeGuest&)> prepare;
  /// Calls `function` with the guest of a domain that runs. Throws HostFault when it does not.
  void with(const core::Domain& domain, const std::function<void(console::FakeGuest&)>& function);
  /// The same, as soon as a command hangs in the domain's shell.
  void with_hanging(const core::Domain& domain, const std::function<void(console::FakeGuest&)>& function);
  /// Waits until a command hangs in the domain's shell, and ends it: it is a test's way to wait for this one.
  void interrupt(const core::Domain& domain);
  /// Starts a domain that is off with a guest that was saved.
  std::unique_ptr<console::Stream> start_from(const core::Domain& domain, const console::FakeGuest::State& saved);

  /// The same for its spare, and what else is done with that.
  std::unique_ptr<console::Stream> start_spare(const core::Domain& domain, const console::FakeGuest::State& saved);
  void with_spare(const core::Domain& domain, const std::function<void(console::FakeGuest&)>& function);
  void swap(const core::Domain& domain);
  void discard_spare(const core::Domain& domain);

 private:
  struct Guest;
  class GuestStream;

  using Guests = std::map<core::Domain, std::shared_ptr<Guest>>;
  std::unique_ptr<console::Stream> add(Guests& guests, const core::Domain& domain, std::shared_ptr<Guest> guest);
  static void change(const std::shared_ptr<Guest>& guest, const std::function<void(console::FakeGuest&)>& function);

  mutable std::mutex mutex_;
  std::condition_variable added_;
  // Guarded by mutex_.
  Guests guests_;
  Guests spares_;
  std::map<core::Domain, Plan> plans_;
  std::set<core::Domain> killed_;
};

}  // namespace kvmtest::engine
