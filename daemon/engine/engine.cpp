#include "engine/engine.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "engine/clean_state.h"
#include "engine/errors.h"

namespace kvmtest::engine {

namespace {

const char* name_of(const core::DomainState& state) {
  using namespace core::domain_state;
  struct Names {
    const char* operator()(const Off&) const { return "off"; }
    const char* operator()(const Waiting&) const { return "waiting"; }
    const char* operator()(const Queued&) const { return "queued"; }
    const char* operator()(const Resetting&) const { return "resetting"; }
    const char* operator()(const Cancelling&) const { return "resetting"; }
    const char* operator()(const Ready&) const { return "ready"; }
    const char* operator()(const Dirty&) const { return "dirty"; }
    const char* operator()(const Lent&) const { return "up"; }
    const char* operator()(const Broken&) const { return "dirty"; }
    const char* operator()(const Pausing&) const { return "being paused"; }
    const char* operator()(const Paused&) const { return "paused"; }
    const char* operator()(const Destroying&) const { return "being destroyed"; }
  };
  return std::visit(Names{}, state);
}

/// A word for the state and the test it is about.
std::pair<std::string, std::string> described(const core::PrefixState& state) {
  using namespace core::prefix_state;
  struct Names {
    using Result = std::pair<std::string, std::string>;
    Result operator()(const Idle&) const { return {"idle", ""}; }
    Result operator()(const Preparing& s) const { return {"preparing", s.test.name}; }
    Result operator()(const Running& s) const { return {"running", s.test.name}; }
    Result operator()(const Awaiting& s) const { return {"waiting for the verdict of", s.test.name}; }
    Result operator()(const Holding& s) const { return {"held", s.test.name}; }
    Result operator()(const CoolingDown&) const { return {"resting after a host fault", ""}; }
    Result operator()(const Quarantined& s) const { return {"out of use: " + s.reason, ""}; }
  };
  return std::visit(Names{}, state);
}

}  // namespace

Engine::Engine(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
               core::AttemptId next_attempt)
    : context_{.config = std::move(config),
               .hypervisor = hypervisor,
               .snapshots = snapshots,
               .recorder = recorder,
               .post =
                   [this](core::Event event) {
                     loop_.post([this, event = std::move(event)] { driver_.dispatch(event); });
                   }},
      run_state_(context_),
      consoles_(context_),
      spare_pool_(spares, std::max(1U, context_.config.spare_threads), context_.config.capture_bound, context_.post),
      resets_(context_, consoles_, spare_pool_),
      destroyers_(context_, consoles_, spare_pool_),
      attempts_(context_, consoles_, threads_),
      driver_(context_, loop_, run_state_, {consoles_, spare_pool_, resets_, destroyers_, threads_, attempts_},
              next_attempt) {}

/// What the pieces' threads still post, nobody takes.
Engine::~Engine() {
  loop_.post([this] { driver_.end_timers(); });
  loop_.stop();
  threads_.join();  // they use what is declared after them
}

// ---- runs ----

void Engine::check_free(const std::vector<core::Prefix>& prefixes) {
  run_state_.active();
  loop_.on([&] { driver_.check_free(prefixes); });
}

void Engine::start_run(RunOrder order) {
  run_state_.active();
  loop_.on([&] { driver_.start_run(std::move(order)); });
}

void Engine::stop_run(const std::string& by, bool release) {
  loop_.on([&] { driver_.stop_run(by, release); });
}

std::map<core::Prefix, std::string> Engine::held() {
  return loop_.on([&] { return driver_.held(); });
}

std::optional<core::RunId> Engine::active_run() { return run_state_.active(); }

bool Engine::in_run(const core::Prefix& prefix) {
  return loop_.on([&] {
    if (driver_.run() == nullptr) return false;
    const auto& prefixes = driver_.run()->order.plan.prefixes;
    return std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
  });
}

bool Engine::wait_for_no_run(std::chrono::milliseconds patience) { return run_state_.wait_for_none(patience); }

// ---- domains ----

void Engine::wait_for(Driver::Answer answer) {
  if (const auto error = answer.get()) throw Busy(*error);
}

ResetTimes Engine::request_domain(const core::Domain& domain, const Wish& wish) {
  wait_for(loop_.on([&] { return driver_.request(domain, wish.fresh, wish.slots, wish.states); }));
  return resets_.last(domain);
}

core::Duration Engine::destroy_domain(const core::Domain& domain) {
  wait_for(loop_.on([&] { return driver_.request_end(domain); }));
  return destroyers_.last(domain);
}

Engine::RawLoad Engine::raw_load(const core::Domain& domain) {
  const auto session = borrow(domain);
  RawLoad raw;
  auto start = std::chrono::steady_clock::now();
  const CleanState state = CleanState::from_text(context_.snapshots.load(domain));
  raw.load = since(start);
  start = std::chrono::steady_clock::now();
  wake(*session, state, start + answer_limit);
  raw.round_trip = since(start);
  return raw;
}

std::shared_ptr<console::Session> Engine::borrow(const core::Domain& domain) { return consoles_.borrow(domain); }

std::shared_ptr<console::Session> Engine::lend(const core::Domain& domain, const std::string& token) {
  return consoles_.lend(domain, token);
}

Watch Engine::watch(const core::Domain& domain, std::chrono::milliseconds patience) {
  return consoles_.watch(domain, patience);
}

Rebooted Engine::reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                        std::optional<std::chrono::milliseconds> limit, console::Deadline latest) {
  return attempts_.reboot(domain, session, command, limit, latest);
}

void Engine::command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                         const console::CommandResult& result) {
  consoles_.command_ran(domain, token, command, result);
}

void Engine::give_up(const core::Domain& domain) {
  context_.post(core::event::DomainLost{domain, core::Fault::guest, "its console does not answer"});
}

void Engine::domain_lost(const core::Domain& domain, const End& end) {
  const bool wanted = end.fault == core::Fault::guest && attempts_.reboots(domain);
  // Wanted or not, it holds its saved state no more.
  if (!wanted) context_.record(core::record::DomainLost{domain, end.fault == core::Fault::host, end.reason});
  context_.post(core::event::DomainLost{domain, end.fault, end.reason});
}

Engine::Status Engine::status() {
  const auto active = run_state_.active();
  return loop_.on([&] {
    const core::Scheduler& scheduler = driver_.scheduler();
    Status status;
    status.run = active;
    status.slots = scheduler.pool().slots();
    status.resetting = scheduler.pool().busy();
    status.queued = scheduler.pool().queued();
    if (const ActiveRun* run = driver_.run()) {
      status.tests = static_cast<unsigned>(run->order.tests.size());
      status.decided = static_cast<unsigned>(run->decided.size());
    }
    for (const auto& [prefix, entry] : scheduler.prefixes()) {
      PrefixStatus shown;
      shown.prefix = prefix.value;
      std::tie(shown.state, shown.test) = described(entry.state);
      for (const auto& [host, domain] : entry.domains) shown.domains[host.value] = name_of(domain.state);
      status.prefixes.push_back(std::move(shown));
    }
    return status;
  });
}

}  // namespace kvmtest::engine
