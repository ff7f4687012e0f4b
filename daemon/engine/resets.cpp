// The engine's work on the threads of the reboot pool: a domain is brought to a clean, logged-in shell, by a boot or
// by going back to a saved state.

#include <utility>

#include <fmt/format.h>

#include "console/kernel_log.h"
#include "core/input_error.h"
#include "engine/clean_state.h"
#include "engine/engine.h"
#include "engine/errors.h"

namespace kvmtest::engine {

namespace record = core::record;
using std::chrono::duration_cast;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

core::Duration since(steady_clock::time_point start) {
  return duration_cast<core::Duration>(steady_clock::now() - start);
}

}  // namespace

/// One reset under way; the pool thread's own.
struct Engine::Reset {
  const core::action::ResetDomain& order;
  std::shared_ptr<console::Session> session;
  ResetTimes times;
  bool saved = false;
  bool state_lost = false;  ///< what was kept could not be used
};

/// From now on the reset can be cancelled. Throws console::Interrupted when it was already.
void Engine::track(Reset& reset, std::shared_ptr<console::Session> session) {
  const std::lock_guard lock(mutex_);
  reset.session = std::move(session);
  if (cancelled_.contains(reset.order.ticket)) throw console::Interrupted();
  resetting_[reset.order.ticket] = reset.session;
}

void Engine::reset(const core::action::ResetDomain& a) {
  const std::int64_t run = run_number();
  const auto start = steady_clock::now();
  Reset reset{.order = a, .session = {}, .times = {.method = a.method}};
  const auto failed = [&](core::Fault fault, const std::string& reason) {
    {
      const std::lock_guard lock(mutex_);
      resetting_.erase(a.ticket);
      cancelled_.erase(a.ticket);
    }
    post(core::event::DomainResetFailed{a.ticket, fault, reason, reset.state_lost, since(start)});
  };
  try {
    switch (a.method) {
      case core::Method::boot:
      case core::Method::boot_and_save: boot(reset); break;
      case core::Method::restore: restore(reset); break;
      case core::Method::load: load(reset); break;
      case core::Method::swap: swap(reset); break;
    }
    // What it took is not part of any test's console.
    reset.session->take_raw();
    reset.session->take_kernel();
    reset.times.total = since(start);
    {
      const std::lock_guard lock(mutex_);
      resetting_.erase(a.ticket);
      cancelled_.erase(a.ticket);
      sessions_[a.domain] = reset.session;
      last_reset_[a.domain] = reset.times;
    }
    const ResetTimes& times = reset.times;
    recorder_.put(run, record::ResetFinished{.domain = a.domain,
                                             .ticket = a.ticket,
                                             .method = std::string(to_string(times.method)),
                                             .total = times.total,
                                             .boot = times.boot,
                                             .login = times.login,
                                             .waited = a.waited,
                                             .save = times.save,
                                             .load = times.load,
                                             .verify = times.verify,
                                             .attempt = a.attempt,
                                             .note = times.note});
    const bool holds = reset.saved || !core::is_boot(a.method);
    post(core::event::DomainReset{a.ticket, reset.saved, times.note, holds && !snapshots_.better_restored(a.domain)});
  } catch (const console::LoginFailed& e) {
    failed(core::Fault::guest, e.what());
  } catch (const NotClean& e) {
    failed(core::Fault::host, e.what());
  } catch (const console::Closed&) {
    const End end = hypervisor_.end_of(a.domain);
    failed(end.fault, end.reason);
  } catch (const console::Interrupted&) {
    failed(core::Fault::guest, "cancelled");
  } catch (const std::exception& e) {
    failed(core::Fault::host, e.what());
  }
}

// ---- by a boot ----

void Engine::boot(Reset& reset) {
  const auto start = steady_clock::now();
  const auto deadline = start + config_.boot_limit;
  track(reset, std::make_shared<console::Session>(hypervisor_.start(reset.order.domain), config_.capture_bound));
  reset.session->await_login_prompt(deadline);
  reset.times.boot = since(start);
  reset.session->log_in(config_.login, deadline);
  reset.times.login = since(start) - reset.times.boot;
  if (reset.order.method == core::Method::boot_and_save) save(reset);
  // What it has said so far is of the boot.
  if (reset.session->kernel_log().program.empty())
    reset.session->set_kernel_log({{}, console::newest_in_kernel_log(*reset.session, deadline)});
  // Else the next command's answer would be that one's.
  if (!reset.session->at_prompt()) throw console::LoginFailed("the shell does not answer any more");
}

/// A guest that cannot be saved is as good as before: clean, for it was just booted.
void Engine::save(Reset& reset) {
  const auto start = steady_clock::now();
  const auto deadline = start + config_.boot_limit;
  console::Session& session = *reset.session;
  std::optional<CleanState> state;
  try {
    state = prepare_to_save(session, deadline);
    snapshots_.save(reset.order.domain, reset.order.state, state->to_text());
    reset.saved = true;
  } catch (const NotClean& e) {
    // Without a shell that answers it is no clean domain either.
    if (!session.at_prompt()) throw console::LoginFailed(e.what());
    reset.times.note = fmt::format("its state was not saved: {}", e.what());
  } catch (const HostFault& e) {
    reset.times.note = fmt::format("its state was not saved: {}", e.what());
  }
  if (state) renew(session, *state, deadline);
  reset.times.save = since(start);
}

// ---- by going back ----

/// The console of a domain that is about to go back; null when there is none, or somebody may type at it.
std::shared_ptr<console::Session> Engine::take_session(const core::Domain& domain) {
  std::shared_ptr<console::Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = sessions_.extract(domain); !found.empty()) session = std::move(found.mapped());
    const auto holder = borrowed_.find(domain);
    if (holder == borrowed_.end() || holder->second.expired()) return session;
  }
  if (session) session->interrupt();
  return nullptr;
}

void Engine::swap(Reset& reset) {
  auto start = steady_clock::now();
  auto swapped = spare_pool_.swap(reset.order.domain, take_session(reset.order.domain));
  track(reset, std::move(swapped.shell));
  reset.times.load = since(start);
  start = steady_clock::now();
  renew(*reset.session, swapped.state, start + answer_limit);
  reset.times.verify = since(start);
}

/// What was typed and not read by the old guest would be read by the clean one: only a shell that waits at its prompt
/// can be taken along.
void Engine::load(Reset& reset) {
  const core::Domain& domain = reset.order.domain;
  auto session = take_session(domain);
  if (!session || !session->at_prompt()) throw HostFault(domain.name() + ": its console does not wait at its prompt");
  track(reset, std::move(session));
  auto start = steady_clock::now();
  const CleanState state = CleanState::from_text(snapshots_.load(domain));
  reset.times.load = since(start);
  start = steady_clock::now();
  renew(*reset.session, state, start + answer_limit);
  reset.times.verify = since(start);
}

void Engine::restore(Reset& reset) {
  const core::Domain& domain = reset.order.domain;
  try {
    auto start = steady_clock::now();
    auto restored = snapshots_.restore(domain, reset.order.state);
    track(reset, std::make_shared<console::Session>(std::move(restored.console), config_.capture_bound));
    reset.times.load = restored.load;
    reset.times.boot = since(start) - reset.times.load;
    start = steady_clock::now();
    renew(*reset.session, CleanState::from_text(restored.note), start + answer_limit);
    reset.times.verify = since(start);
  } catch (const NotClean&) {
    reset.state_lost = true;
    throw;
  } catch (const HostFault&) {
    reset.state_lost = true;
    throw;
  }
}

Engine::RawLoad Engine::raw_load(const core::Domain& domain) {
  const auto session = borrow(domain);
  RawLoad raw;
  auto start = steady_clock::now();
  const CleanState state = CleanState::from_text(snapshots_.load(domain));
  raw.load = since(start);
  start = steady_clock::now();
  wake(*session, state, start + answer_limit);
  raw.round_trip = since(start);
  return raw;
}

}  // namespace kvmtest::engine
