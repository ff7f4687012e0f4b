#include "engine/resets.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/words.h"
#include "console/kernel_log.h"
#include "engine/clean_state.h"
#include "engine/group_clock.h"
#include "engine/ssh_access.h"

namespace kvmtest::engine {

namespace record = core::record;
using std::chrono::steady_clock;

void Resets::start(const core::action::ResetDomain& a) {
  context_.record(record::ResetStarted{a.domain, a.ticket, a.waited, std::string(to_string(a.method)), a.attempt});
  threads_.post([this, a] { run(a); });
}

void Resets::cancel(core::Ticket ticket) {
  const base::Lock lock(mutex_);
  cancelled_.insert(ticket);
  if (const auto found = under_way_.find(ticket); found != under_way_.end()) found->second->interrupt();
}

std::string Resets::host_keys(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  const auto found = host_keys_.find(domain);
  return found == host_keys_.end() ? std::string() : found->second;
}

ResetTimes Resets::last(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  return last_[domain];
}

// ---- on the pool's threads ----

void Resets::run(const core::action::ResetDomain& a) {
  const auto start = steady_clock::now();
  Reset reset{.order = a, .session = {}, .times = {.method = a.method}};
  const auto failed = [&](core::Fault fault, const std::string& reason) {
    forget(a.ticket);
    context_.post(core::event::DomainResetFailed{a.ticket, fault, reason, reset.state_lost, since(start)});
  };
  try {
    by_its_method(reset);
    // What it took is not part of any test's console.
    reset.session->take_raw();
    reset.session->take_kernel();
    reset.times.total = since(start);
    done(a, reset);
  } catch (const console::LoginFailed& e) {
    failed(core::Fault::guest, e.what());
  } catch (const NotClean& e) {
    failed(core::Fault::host, e.what());
  } catch (const console::Closed&) {
    const End end = context_.hypervisor.end_of(a.domain);
    failed(end.fault, end.reason);
  } catch (const console::Interrupted&) {
    failed(core::Fault::guest, "cancelled");
  } catch (const std::exception& e) {
    failed(core::Fault::host, base::words(e));
  }
}

void Resets::done(const core::action::ResetDomain& a, Reset& reset) {
  const bool holds = reset.saved || !core::is_boot(a.method);
  const bool in_place = holds && !context_.snapshots.better_restored(a.domain);
  const ResetTimes& times = reset.times;
  forget(a.ticket);
  consoles_.put(a.domain, reset.session);
  {
    const base::Lock lock(mutex_);
    last_[a.domain] = times;
    host_keys_[a.domain] = std::move(reset.host_keys);
  }
  context_.record(record::ResetFinished{.domain = a.domain,
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
  context_.post(core::event::DomainReset{a.ticket, reset.saved, times.note, in_place});
}

void Resets::forget(core::Ticket ticket) {
  const base::Lock lock(mutex_);
  under_way_.erase(ticket);
  cancelled_.erase(ticket);
}

/// From now on the reset can be cancelled. Throws console::Interrupted when it was already.
void Resets::track(Reset& reset, std::shared_ptr<console::Session> session) {
  session->set_clock(clock_of(context_, {reset.order.domain}));
  const base::Lock lock(mutex_);
  reset.session = std::move(session);
  if (cancelled_.contains(reset.order.ticket)) throw console::Interrupted();
  under_way_[reset.order.ticket] = reset.session;
}

void Resets::by_its_method(Reset& reset) {
  switch (reset.order.method) {
    case core::Method::boot:
    case core::Method::boot_and_save: boot(reset); break;
    case core::Method::restore: restore(reset); break;
    case core::Method::load: load(reset); break;
    case core::Method::swap: swap(reset); break;
  }
}

// ---- by a boot ----

void Resets::boot(Reset& reset) {
  const auto start = steady_clock::now();
  track(reset, std::make_shared<console::Session>(context_.hypervisor.start(reset.order.domain),
                                                  context_.config.capture_bound));
  const auto deadline = reset.session->now() + context_.config.boot_limit;
  reset.session->await_login_prompt(deadline);
  reset.times.boot = since(start);
  reset.session->log_in(context_.config.login, deadline);
  let_in(reset, deadline);
  reset.times.login = since(start) - reset.times.boot;
  if (reset.order.method == core::Method::boot_and_save) save(reset);
  // What it has said so far is of the boot.
  if (reset.session->kernel_log().program.empty())
    reset.session->set_kernel_log({{}, console::newest_in_kernel_log(*reset.session, deadline)});
  // Else the next command's answer would be that one's.
  if (!reset.session->at_prompt()) throw console::LoginFailed("the shell does not answer any more");
}

/// Before it is saved: what goes back to its state lets in the same key.
void Resets::let_in(Reset& reset, console::GuestDeadline deadline) {
  const Config& config = context_.config;
  const std::string key = config.key_for ? config.key_for(reset.order.domain) : std::string();
  if (!key.empty()) reset.host_keys = engine::let_in(*reset.session, key, deadline);
}

/// A guest that cannot be saved is as good as before: clean, for it was just booted.
void Resets::save(Reset& reset) {
  const auto start = steady_clock::now();
  console::Session& session = *reset.session;
  const auto deadline = session.now() + context_.config.boot_limit;
  std::optional<CleanState> state;
  try {
    state = prepare_to_save(session, deadline);
    state->host_keys = reset.host_keys;
    context_.snapshots.save(reset.order.domain, reset.order.state, state->to_text());
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

void Resets::swap(Reset& reset) {
  auto start = steady_clock::now();
  auto swapped = spares_.swap(reset.order.domain, consoles_.take(reset.order.domain));
  track(reset, std::move(swapped.shell));
  reset.times.load = since(start);
  start = steady_clock::now();
  reset.host_keys = swapped.state.host_keys;
  renew(*reset.session, swapped.state, reset.session->now() + answer_limit);
  reset.times.verify = since(start);
}

/// What was typed and not read by the old guest would be read by the clean one: only a shell that waits at its prompt
/// can be taken along.
void Resets::load(Reset& reset) {
  const core::Domain& domain = reset.order.domain;
  auto session = consoles_.take(domain);
  if (!session || !session->at_prompt()) throw HostFault(domain.name() + ": its console does not wait at its prompt");
  track(reset, std::move(session));
  auto start = steady_clock::now();
  const CleanState state = CleanState::from_text(context_.snapshots.load(domain));
  reset.times.load = since(start);
  reset.host_keys = state.host_keys;
  start = steady_clock::now();
  renew(*reset.session, state, reset.session->now() + answer_limit);
  reset.times.verify = since(start);
}

void Resets::restore(Reset& reset) {
  const core::Domain& domain = reset.order.domain;
  try {
    auto start = steady_clock::now();
    auto restored = context_.snapshots.restore(domain, reset.order.state);
    track(reset, std::make_shared<console::Session>(std::move(restored.console), context_.config.capture_bound));
    reset.times.load = restored.load;
    reset.times.boot = since(start) - reset.times.load;
    start = steady_clock::now();
    const CleanState state = CleanState::from_text(restored.note);
    reset.host_keys = state.host_keys;
    renew(*reset.session, state, reset.session->now() + answer_limit);
    reset.times.verify = since(start);
  } catch (const NotClean&) {
    reset.state_lost = true;
    throw;
  } catch (const HostFault&) {
    reset.state_lost = true;
    throw;
  }
}

}  // namespace kvmtest::engine
