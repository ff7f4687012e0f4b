#include "engine/engine.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/side_by_side.h"
#include "engine/attempts.h"
#include "engine/clean_state.h"
#include "engine/connections.h"
#include "engine/consoles.h"
#include "engine/core_loop.h"
#include "engine/destroyers.h"
#include "engine/driver.h"
#include "engine/errors.h"
#include "engine/freezer.h"
#include "engine/prefix_threads.h"
#include "engine/resets.h"
#include "engine/run_state.h"
#include "engine/spare_pool.h"
#include "engine/spares.h"

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
std::pair<std::string, std::string> described(const core::PrefixState& state, const core::Scheduler& scheduler) {
  using namespace core::prefix_state;
  struct Names {
    const core::Scheduler& scheduler;
    using Result = std::pair<std::string, std::string>;
    Result operator()(const Idle&) const { return {"idle", ""}; }
    Result operator()(const Preparing& s) const { return {"preparing", s.test.name}; }
    Result operator()(const Running& s) const {
      return {scheduler.frozen(s.attempt) ? "standing still in" : "running", s.test.name};
    }
    Result operator()(const Awaiting& s) const { return {"waiting for the verdict of", s.test.name}; }
    Result operator()(const Holding& s) const { return {"held", s.test.name}; }
    Result operator()(const CoolingDown&) const { return {"resting after a host fault", ""}; }
    Result operator()(const Quarantined& s) const { return {"out of use: " + s.reason, ""}; }
  };
  return std::visit(Names{scheduler}, state);
}

/// Throws Busy.
void wait_for(Driver::Answer answer) {
  if (const auto error = answer.get()) throw Busy(*error);
}

}  // namespace

struct Engine::Pieces {
  Pieces(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
         core::AttemptId next_attempt)
      : context{.config = std::move(config),
                .hypervisor = hypervisor,
                .snapshots = snapshots,
                .recorder = recorder,
                .post =
                    [this](core::Event event) {
                      loop.post([this, event = std::move(event)] { driver.dispatch(event); });
                    }},
        run_state(context),
        consoles(context, connections),
        spare_pool(spares, std::max(1U, context.config.spare_threads), context.config.capture_bound, context.post),
        resets(context, consoles, spare_pool),
        destroyers(context, consoles, spare_pool),
        freezer(context),
        attempts(context, consoles, threads, freezer),
        driver(context, loop, run_state, {consoles, spare_pool, resets, destroyers, threads, attempts, freezer},
               next_attempt) {}
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  /// What the pieces' threads still post, nobody takes.
  ~Pieces() {
    loop.post([this] { driver.end_timers(); });
    loop.stop();
    threads.join();  // they use what is declared after them
  }

  CoreLoop loop;
  Context context;
  RunState run_state;
  Connections connections;
  Consoles consoles;
  PrefixThreads threads;
  SparePool spare_pool;
  Resets resets;
  Destroyers destroyers;
  Freezer freezer;
  Attempts attempts;
  Driver driver;
};

Engine::Engine(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
               core::AttemptId next_attempt)
    : pieces_(std::make_unique<Pieces>(std::move(config), hypervisor, snapshots, spares, recorder, next_attempt)) {}

Engine::~Engine() = default;

// ---- runs ----

void Engine::make_room(const std::vector<core::Prefix>& prefixes, unsigned slots) {
  pieces_->run_state.active();
  pieces_->loop.on([&] { pieces_->driver.make_room(prefixes, slots); });
}

void Engine::start_run(RunOrder order) {
  pieces_->run_state.active();
  pieces_->loop.on([&] { pieces_->driver.start_run(std::move(order)); });
}

void Engine::stop_run(const std::string& by, bool release) {
  pieces_->loop.on([&] { pieces_->driver.stop_run(by, release); });
}

void Engine::interrupt_run(const std::string& why) {
  pieces_->loop.on([&] { pieces_->driver.interrupt_run(why); });
}

void Engine::begin_to_end() {
  pieces_->loop.on([&] { pieces_->driver.begin_to_end(); });
}

bool Engine::ending() {
  return pieces_->loop.on([&] { return pieces_->driver.ending(); });
}

void Engine::check_not_ending() {
  if (ending()) throw Ending();
}

std::map<core::Prefix, std::string> Engine::held() {
  return pieces_->loop.on([&] { return pieces_->driver.held(); });
}

std::optional<core::RunId> Engine::active_run() { return pieces_->run_state.active(); }

bool Engine::in_run(const core::Prefix& prefix) {
  return pieces_->loop.on([&] {
    if (pieces_->driver.run() == nullptr) return false;
    const auto& prefixes = pieces_->driver.run()->order.plan.prefixes;
    return std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
  });
}

bool Engine::wait_for_no_run(std::chrono::milliseconds patience) { return pieces_->run_state.wait_for_none(patience); }

// ---- domains ----

ResetTimes Engine::request_domain(const core::Domain& domain, const Wish& wish) {
  wait_for(pieces_->loop.on([&] { return pieces_->driver.request(domain, wish.fresh, wish.slots, wish.states); }));
  return pieces_->resets.last(domain);
}

core::Duration Engine::destroy_domain(const core::Domain& domain) {
  wait_for(pieces_->loop.on([&] { return pieces_->driver.request_end(domain); }));
  return pieces_->destroyers.last(domain);
}

Engine::RawLoad Engine::raw_load(const core::Domain& domain, std::vector<core::Domain> beside) {
  const auto session = borrow(domain);
  RawLoad raw;
  auto start = std::chrono::steady_clock::now();
  const CleanState state = CleanState::from_text(pieces_->context.snapshots.load(domain));
  raw.load = since(start);
  start = std::chrono::steady_clock::now();
  wake(*session, state, session->now() + answer_limit);
  raw.round_trip = since(start);
  Hypervisor& hypervisor = pieces_->context.hypervisor;
  beside.push_back(domain);
  start = std::chrono::steady_clock::now();
  base::side_by_side(beside, [&](const core::Domain& each) { hypervisor.freeze(each); });
  raw.freeze = since(start);
  start = std::chrono::steady_clock::now();
  base::side_by_side(beside, [&](const core::Domain& each) { hypervisor.thaw(each); });
  raw.thaw = since(start);
  return raw;
}

std::shared_ptr<console::Session> Engine::borrow(const core::Domain& domain) {
  return pieces_->consoles.borrow(domain);
}

std::shared_ptr<console::Session> Engine::lend(const core::Domain& domain, const std::string& token) {
  return pieces_->consoles.lend(domain, token);
}

Watch Engine::watch(const core::Domain& domain, std::chrono::milliseconds patience) {
  return pieces_->consoles.watch(domain, patience);
}

Rebooted Engine::reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                        std::optional<std::chrono::milliseconds> limit, console::GuestDeadline latest) {
  return pieces_->attempts.reboot(domain, session, command, limit, latest);
}

void Engine::command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                         const console::CommandResult& result) {
  pieces_->consoles.command_ran(domain, token, command, result);
}

std::shared_ptr<void> Engine::open_connection(const core::Domain& domain, std::function<void()> cut, bool client) {
  auto open = pieces_->connections.add(domain, std::move(cut), client);
  // After it is known: a reset that begins now ends it.
  if (!pieces_->consoles.is_there(domain)) throw Busy(domain.name() + " is not up");
  return open;
}

std::shared_ptr<void> Engine::keep_going(const core::Domain& domain) { return pieces_->freezer.keep_going(domain); }

void Engine::check_under_test(const core::Domain& domain, const std::string& token) {
  pieces_->consoles.check_under_test(domain, token);
}

bool Engine::is_connected(const core::Prefix& prefix) { return pieces_->connections.any(prefix); }

std::string Engine::host_keys(const core::Domain& domain) { return pieces_->resets.host_keys(domain); }

void Engine::give_up(const core::Domain& domain, const console::Session& session) {
  if (!pieces_->consoles.is_of(domain, session)) return;
  pieces_->context.post(core::event::DomainLost{domain, core::Fault::guest, "its console does not answer"});
}

void Engine::domain_lost(const core::Domain& domain, const End& end) {
  const bool wanted = end.fault == core::Fault::guest && pieces_->attempts.reboots(domain);
  // Wanted or not, it holds its saved state no more.
  if (!wanted) pieces_->context.record(core::record::DomainLost{domain, end.fault == core::Fault::host, end.reason});
  pieces_->context.post(core::event::DomainLost{domain, end.fault, end.reason});
}

Engine::Status Engine::status() {
  const auto active = pieces_->run_state.active();
  return pieces_->loop.on([&] {
    const core::Scheduler& scheduler = pieces_->driver.scheduler();
    Status status;
    status.run = active;
    status.slots = scheduler.pool().slots();
    status.resetting = scheduler.pool().busy();
    status.queued = scheduler.pool().queued();
    if (const ActiveRun* run = pieces_->driver.run()) {
      status.tests = static_cast<unsigned>(run->order.tests.size());
      status.decided = static_cast<unsigned>(run->decided.size());
    }
    for (const auto& [prefix, entry] : scheduler.prefixes()) {
      PrefixStatus shown;
      shown.prefix = prefix.value;
      std::tie(shown.state, shown.test) = described(entry.state, scheduler);
      if (scheduler.in_reserve(prefix)) shown.state = "in reserve";
      for (const auto& [host, domain] : entry.domains) shown.domains[host.value] = name_of(domain.state);
      status.prefixes.push_back(std::move(shown));
    }
    return status;
  });
}

}  // namespace kvmtest::engine
