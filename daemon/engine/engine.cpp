#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "engine/active_run.h"
#include "engine/errors.h"

namespace kvmtest::engine {

namespace asio = boost::asio;
namespace record = core::record;
using namespace std::chrono_literals;
using std::chrono::duration_cast;

namespace {

constexpr auto sample_interval = 2s;
// Threads. They wait for libvirt, and do next to nothing.
constexpr unsigned destroyers = 16;

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
    Result operator()(const Keeping& s) const { return {"kept", s.test.name}; }
    Result operator()(const CoolingDown&) const { return {"resting after a host fault", ""}; }
    Result operator()(const Quarantined& s) const { return {"out of use: " + s.reason, ""}; }
  };
  return std::visit(Names{}, state);
}

}  // namespace

Engine::Engine(Config config, Hypervisor& hypervisor, Snapshots& snapshots, Spares& spares, Recorder& recorder,
               core::AttemptId next_attempt)
    : config_(std::move(config)),
      hypervisor_(hypervisor),
      snapshots_(snapshots),
      recorder_(recorder),
      work_(asio::make_work_guard(io_)),
      deadline_timer_(io_),
      sample_timer_(io_),
      scheduler_(next_attempt),
      destroyers_(std::make_unique<asio::thread_pool>(destroyers)),
      judge_pool_(std::make_unique<asio::thread_pool>(std::max(1U, config_.judges))),
      spare_pool_(spares, std::max(1U, config_.spare_threads), config_.capture_bound,
                  [this](core::Event event) { post(std::move(event)); }),
      core_thread_([this] { io_.run(); }) {}

Engine::~Engine() {
  asio::post(io_, [this] {
    deadline_timer_.cancel();
    sample_timer_.cancel();
    work_.reset();
  });
  core_thread_.join();
  for (auto& pool : reboot_pools_) pool->join();
  for (auto& [prefix, pool] : test_pool_) pool->join();
  destroyers_->join();
  judge_pool_->join();
}

core::Instant Engine::now() const {
  return core::Instant(duration_cast<core::Duration>(std::chrono::steady_clock::now() - epoch_));
}

std::int64_t Engine::run_number() const { return active_run_.load(); }

void Engine::post(core::Event event) {
  asio::post(io_, [this, event = std::move(event)] { dispatch(event); });
}

/// Runs `function` on the core thread and returns, or throws, what it does.
template <class Function>
auto Engine::on_core(Function function) {
  auto task = std::make_shared<std::packaged_task<decltype(function())()>>(std::move(function));
  auto future = task->get_future();
  asio::post(io_, [task] { (*task)(); });
  return future.get();
}

void Engine::dispatch(const core::Event& event) {
  for (const core::Action& action : scheduler_.handle(event, now()))
    std::visit([this](const auto& a) { perform(a); }, action);
  arm_deadline();
}

std::map<core::Prefix, std::string> Engine::kept_now() const {
  std::map<core::Prefix, std::string> kept;
  for (const auto& [prefix, entry] : scheduler_.prefixes())
    if (const auto* keeping = std::get_if<core::prefix_state::Keeping>(&entry.state))
      kept.emplace(prefix, keeping->test.name);
  return kept;
}

std::map<core::Prefix, std::string> Engine::kept() {
  return on_core([this] { return kept_now(); });
}

void Engine::arm_deadline() {
  const auto next = scheduler_.next_deadline();
  if (!next) return;
  deadline_timer_.expires_at(epoch_ + next->time_since_epoch());
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) dispatch(core::event::DeadlinePassed{});
  });
}

void Engine::arm_sampler() {
  sample_timer_.expires_after(sample_interval);
  sample_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || !run_) return;
    auto sample = sampler_.sample();
    sample.resetting = scheduler_.pool().busy();
    {
      const std::lock_guard lock(mutex_);
      sample.testing = static_cast<unsigned>(testing_.size());
    }
    recorder_.put(run_number(), sample);
    arm_sampler();
  });
}

// ---- what others ask ----

void Engine::check_free(const std::vector<core::Prefix>& prefixes) {
  on_core([&] { check_free_now(prefixes); });
}

void Engine::check_free_now(const std::vector<core::Prefix>& prefixes) {
  if (const auto run = active_run())
    throw Busy(fmt::format("run {} is active; 'kvmtest attach' follows it, 'kvmtest stop' ends it", run->value));
  const auto kept = kept_now();
  for (const core::Prefix& prefix : prefixes)
    if (const auto found = kept.find(prefix); found != kept.end())
      throw Busy(
          fmt::format("prefix '{}' keeps the domains as {} left them; 'kvmtest stop' lets them go, 'kvmtest "
                      "destroy' single ones",
                      prefix.value, found->second));
  const std::lock_guard lock(mutex_);
  for (const auto& [domain, holder] : borrowed_)
    if (!holder.expired() && std::find(prefixes.begin(), prefixes.end(), domain.prefix) != prefixes.end())
      throw Busy(fmt::format("somebody has a shell on {}; leave it first", domain.name()));
}

void Engine::start_run(RunOrder order) {
  on_core([&] {
    check_free_now(order.plan.prefixes);
    fit_reboot_pool(order.plan.slots + order.plan.quick_slots);
    order.plan.spare_slots = config_.spare_threads;
    active_run_.store(order.plan.run.value);
    run_ = std::make_shared<ActiveRun>(std::move(order), now());
    sampler_.sample();  // the share of CPU time counts from here
    arm_sampler();
    std::vector<core::Domain> stuck;
    for (const auto& [prefix, entry] : scheduler_.prefixes())
      for (const auto& [host, domain] : entry.domains)
        if (core::at_rest(domain.state) && is_stuck({prefix, host})) stuck.push_back({prefix, host});
    dispatch(core::event::RunSubmitted{run_->order.plan, std::move(stuck)});
  });
}

/// Whether the console of a domain that is up does not wait at its prompt, or somebody uses it.
bool Engine::is_stuck(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  const auto holder = borrowed_.find(domain);
  if (holder != borrowed_.end() && !holder->second.expired()) return true;
  const auto session = sessions_.find(domain);
  return session == sessions_.end() || !session->second->at_prompt();
}

void Engine::stop_run(const std::string& by, bool release) {
  on_core([&] {
    if (!run_) return;
    recorder_.put(run_number(), record::StopRequested{by});
    dispatch(core::event::StopRequested{release});
  });
}

std::optional<core::RunId> Engine::active_run() const {
  std::unique_lock lock(mutex_);
  run_ended_.wait(lock, [&] { return !ending_run_; });
  const auto run = active_run_.load();
  return run == 0 ? std::nullopt : std::optional(core::RunId{run});
}

bool Engine::in_run(const core::Prefix& prefix) {
  return on_core([&] {
    if (!run_) return false;
    const auto& prefixes = run_->order.plan.prefixes;
    return std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
  });
}

bool Engine::wait_for_no_run(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return run_ended_.wait_for(lock, patience, [&] { return active_run_.load() == 0; });
}

void Engine::request(core::Event event, core::RequestId id) {
  std::future<std::optional<std::string>> answer;
  on_core([&] {
    answer = answers_[id].promise.get_future();
    dispatch(event);
  });
  if (const auto error = answer.get()) throw Busy(*error);
}

ResetTimes Engine::request_domain(const core::Domain& domain, const Wish& wish) {
  const core::RequestId id = on_core([&] {
    fit_reboot_pool(2 * wish.slots);
    return core::RequestId{++last_request_};
  });
  request(core::event::DomainRequested{id, domain, wish.fresh, wish.slots, wish.states, is_stuck(domain)}, id);
  const std::lock_guard lock(mutex_);
  return last_reset_[domain];
}

core::Duration Engine::destroy_domain(const core::Domain& domain) {
  const core::RequestId id = on_core([&] { return core::RequestId{++last_request_}; });
  request(core::event::DestroyRequested{id, domain}, id);
  const std::lock_guard lock(mutex_);
  return last_destroy_[domain];
}

std::shared_ptr<console::Session> Engine::borrow(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(domain);
  if (found == sessions_.end()) throw Busy(domain.name() + " is not up");
  for (const auto& [attempt, test] : testing_)
    for (const auto& [host, session] : test.sessions)
      if (session == found->second) throw Busy(domain.name() + " is running a test");
  auto& holder = borrowed_[domain];
  if (!holder.expired()) throw Busy("somebody else has a shell on " + domain.name());
  // An owner of its own, so that its end can be told from the session's.
  auto session = found->second;
  std::shared_ptr<console::Session> lent(session.get(), [session](console::Session*) {});
  holder = lent;
  return lent;
}

Engine::Watch Engine::watch(const core::Domain& domain, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto found = sessions_.find(domain);
    for (const auto& [attempt, test] : testing_) {
      const auto session = test.sessions.find(domain.host.value);
      if (found == sessions_.end() || session == test.sessions.end() || session->second != found->second) continue;
      auto told = std::make_shared<std::once_flag>();
      const auto type = [this, told, domain, name = test.name,
                         typed_at = std::weak_ptr(session->second)](std::string_view bytes) {
        std::call_once(*told, [&] {
          recorder_.put(run_number(), record::Notice{true, fmt::format("somebody types into {} while it runs {}",
                                                                       domain.name(), name)});
        });
        if (const auto console = typed_at.lock())
          console->stream()->write(bytes, std::chrono::steady_clock::now() + 10s);
      };
      return {test.name, test.live.at(domain.host.value), type};
    }
    if (active_run_.load() == 0 || test_began_.wait_until(lock, deadline) == std::cv_status::timeout)
      throw Busy(domain.name() + " is running no test");
  }
}

void Engine::give_up(const core::Domain& domain) {
  post(core::event::DomainLost{domain, core::Fault::guest, "its console does not answer"});
}

void Engine::domain_lost(const core::Domain& domain, const End& end) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = end.fault == core::Fault::guest && rebooting_.contains(domain);
  }
  // Wanted or not, it holds its saved state no more.
  if (!wanted) recorder_.put(run_number(), record::DomainLost{domain, end.fault == core::Fault::host, end.reason});
  post(core::event::DomainLost{domain, end.fault, end.reason});
}

Rebooted Engine::reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                        std::optional<std::chrono::milliseconds> limit, console::Deadline latest) {
  const auto mark = [&](bool rebooting) {
    const std::lock_guard lock(mutex_);
    if (rebooting)
      rebooting_.insert(domain);
    else
      rebooting_.erase(domain);
  };
  mark(true);
  const std::shared_ptr<void> unmark(nullptr, [&](void*) { mark(false); });
  const auto deadline = std::min(latest, std::chrono::steady_clock::now() + limit.value_or(config_.boot_limit));
  const Restarting machine{config_.login, [&] { return hypervisor_.end_of(domain); },
                           [&] {
                             // Should it be there yet, it is not told otherwise that the state is lost.
                             post(core::event::DomainLost{domain, core::Fault::guest, "it is started again"});
                             return hypervisor_.start_again(domain);
                           }};
  // The next boot has a log of its own.
  KernelTalk talk = hear_kernel(session);
  {
    const std::lock_guard lock(mutex_);
    for (auto& [attempt, test] : testing_)
      if (const auto found = test.sessions.find(domain.host.value);
          found != test.sessions.end() && found->second.get() == &session)
        test.earlier_boots[domain.host.value].push_back(std::move(talk));
  }
  try {
    return engine::reboot(session, command, deadline, machine);
  } catch (const console::Interrupted&) {
    throw;
  } catch (const std::exception& fault) {
    Rebooted rebooted;
    rebooted.failure = fault.what();
    rebooted.fault = End{core::Fault::host, fault.what()};
    return rebooted;
  }
}

Engine::Status Engine::status() {
  return on_core([&] {
    Status status;
    status.run = active_run();
    status.slots = scheduler_.pool().slots();
    status.resetting = scheduler_.pool().busy();
    status.queued = scheduler_.pool().queued();
    if (run_) {
      status.tests = static_cast<unsigned>(run_->order.tests.size());
      status.decided = static_cast<unsigned>(run_->decided.size());
    }
    for (const auto& [prefix, entry] : scheduler_.prefixes()) {
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
