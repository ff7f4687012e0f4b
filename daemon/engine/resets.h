#pragma once
// The reboot pool's threads: each brings one domain at a time to a clean, logged-in shell, by the method that the
// scheduler ordered and by no other. How many work at the same time is the scheduler's business.

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/mutex.h"
#include "base/threads.h"
#include "console/session.h"
#include "core/actions.h"
#include "engine/consoles.h"
#include "engine/context.h"
#include "engine/reset_times.h"
#include "engine/spare_pool.h"

namespace kvmtest::engine {

class Resets {
 public:
  /// All of these outlive it.
  Resets(Context& context, Consoles& consoles, SparePool& spares)
      : context_(context), consoles_(consoles), spares_(spares) {}
  Resets(const Resets&) = delete;
  Resets& operator=(const Resets&) = delete;

  /// At least so many threads. Throws base::NoThread. Core thread only.
  void fit(unsigned threads) { threads_.grow(threads); }
  /// Answers with DomainReset or DomainResetFailed. Core thread only, after fit(); does not wait.
  void start(const core::action::ResetDomain& a);
  /// Hurries a reset to its end. Any thread.
  void cancel(core::Ticket ticket);
  /// The public keys of the domain's SSH server, since its last reset. Any thread.
  std::string host_keys(const core::Domain& domain);
  /// What the domain's last reset took. Any thread.
  ResetTimes last(const core::Domain& domain);

 private:
  /// One reset under way; its thread's own.
  struct Reset {
    const core::action::ResetDomain& order;
    std::shared_ptr<console::Session> session;
    ResetTimes times;
    std::string host_keys{};
    bool saved = false;
    bool state_lost = false;  ///< what was kept could not be used
  };

  void run(const core::action::ResetDomain& a);
  void done(const core::action::ResetDomain& a, Reset& reset);
  void by_its_method(Reset& reset);
  void boot(Reset& reset);
  void let_in(Reset& reset, console::GuestDeadline deadline);
  void save(Reset& reset);
  void swap(Reset& reset);
  void load(Reset& reset);
  void restore(Reset& reset);
  void track(Reset& reset, std::shared_ptr<console::Session> session);
  void forget(core::Ticket ticket);

  Context& context_;
  Consoles& consoles_;
  SparePool& spares_;
  base::Mutex mutex_;
  std::map<core::Ticket, std::shared_ptr<console::Session>> under_way_ GUARDED_BY(mutex_);
  std::set<core::Ticket> cancelled_ GUARDED_BY(mutex_);
  std::map<core::Domain, ResetTimes> last_ GUARDED_BY(mutex_);
  std::map<core::Domain, std::string> host_keys_ GUARDED_BY(mutex_);
  base::Pool threads_{"resets", 0};  ///< ends first
};

}  // namespace kvmtest::engine
