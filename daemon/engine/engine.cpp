#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
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
// Bytes of a test's console for somebody who comes to watch: some pages.
constexpr std::size_t watched_bound = 16384;

const char* name_of(const core::DomainState& state) {
  using namespace core::domain_state;
  struct Names {
    const char* operator()(const Off&) const { return "off"; }
    const char* operator()(const Queued&) const { return "queued"; }
    const char* operator()(const Resetting&) const { return "resetting"; }
    const char* operator()(const Ready&) const { return "ready"; }
    const char* operator()(const Dirty& s) const { return s.lent ? "up" : "dirty"; }
    const char* operator()(const Pausing&) const { return "being paused"; }
    const char* operator()(const Paused&) const { return "paused"; }
    const char* operator()(const Destroying&) const { return "being destroyed"; }
  };
  return std::visit(Names{}, state);
}

/// A word for the state and the test it is about.
std::pair<std::string, std::string> described(const core::WorkerState& state) {
  using namespace core::worker_state;
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
                  [this](const core::Domain& domain, const std::string& reason) {
                    recorder_.put(run_number(),
                                  record::Notice{false, fmt::format("{}: no spare is made ready any more: {}",
                                                                    domain.name(), reason)});
                  }),
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
  spare_pool_.hold(scheduler_.pool().any_start());
  note_kept();
  arm_deadline();
}

void Engine::note_kept() {
  std::map<core::Prefix, std::string> kept;
  for (const auto& [prefix, worker] : scheduler_.workers())
    if (const auto* keeping = std::get_if<core::worker_state::Keeping>(&worker.state))
      kept.emplace(prefix, keeping->test.name);
  const std::lock_guard lock(mutex_);
  kept_ = std::move(kept);
}

std::map<core::Prefix, std::string> Engine::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
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
  if (const auto run = active_run())
    throw Busy(fmt::format("run {} is active; 'kvmtest attach' follows it, 'kvmtest stop' ends it", run->value));
  const std::lock_guard lock(mutex_);
  for (const core::Prefix& prefix : prefixes)
    if (const auto kept = kept_.find(prefix); kept != kept_.end())
      throw Busy(
          fmt::format("prefix '{}' keeps the domains as {} left them; 'kvmtest stop' lets them go, 'kvmtest "
                      "destroy' single ones",
                      prefix.value, kept->second));
  for (const auto& [domain, holder] : borrowed_)
    if (!holder.expired() && std::find(prefixes.begin(), prefixes.end(), domain.prefix) != prefixes.end())
      throw Busy(fmt::format("somebody has a shell on {}; leave it first", domain.name()));
}

void Engine::start_run(RunOrder order) {
  on_core([&] {
    check_free(order.plan.prefixes);
    fit_reboot_pool(order.plan.slots + order.plan.quick_slots);
    active_run_.store(order.plan.run.value);
    run_ = std::make_shared<ActiveRun>(std::move(order), now());
    spare_pool_.begin_run(run_->order.spares);
    sampler_.sample();  // the share of CPU time counts from here
    arm_sampler();
    dispatch(core::event::RunSubmitted{run_->order.plan});
  });
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
  request(core::event::DomainRequested{id, domain, wish.fresh, wish.slots, wish.states}, id);
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
          console->stream().write(bytes, std::chrono::steady_clock::now() + 10s);
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
  recorder_.put(run_number(), record::DomainLost{domain, end.fault == core::Fault::host, end.reason});
  post(core::event::DomainLost{domain, end.fault, end.reason});
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
    for (const auto& [prefix, worker] : scheduler_.workers()) {
      PrefixStatus entry;
      entry.prefix = prefix.value;
      std::tie(entry.state, entry.test) = described(worker.state);
      for (const auto& [host, domain] : worker.domains) entry.domains[host.value] = name_of(domain.state);
      status.prefixes.push_back(std::move(entry));
    }
    return status;
  });
}

// ---- carrying out ----

/// At least a thread a slot, of either kind; how many work at the same time is the scheduler's business. A smaller pool
/// ends its jobs first.
void Engine::fit_reboot_pool(unsigned threads) {
  if (reboot_threads_ >= threads) return;
  reboot_pools_.push_back(std::make_unique<asio::thread_pool>(threads));
  reboot_threads_ = threads;
}

asio::thread_pool& Engine::test_thread(const core::Prefix& prefix) {
  auto& thread = test_pool_[prefix];
  if (!thread) thread = std::make_unique<asio::thread_pool>(1);
  return *thread;
}

void Engine::perform(const core::action::ResetDomain& a) {
  recorder_.put(run_number(),
                record::ResetStarted{a.domain, a.ticket, a.waited, std::string(to_string(a.method)), a.attempt});
  asio::post(*reboot_pools_.back(), [this, a] { reset(a); });
}

void Engine::perform(const core::action::CancelReset& a) {
  {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(a.ticket);
    if (const auto found = resetting_.find(a.ticket); found != resetting_.end()) found->second->interrupt();
  }
  spare_pool_.wake();
}

void Engine::perform(const core::action::PauseDomain& a) {
  asio::post(test_thread(a.domain.prefix), [this, a] { pause(a); });
}

void Engine::perform(const core::action::DestroyDomain& a) {
  asio::post(*destroyers_, [this, a, run = run_number()] { destroy(a, run); });
}

void Engine::perform(const core::action::RunTest& a) {
  recorder_.put(run_number(),
                record::TestStarted{a.attempt, run_->test(a.test).name, a.prefix, a.number, a.ready_after});
  {
    UnderTest test;
    test.name = run_->test(a.test).name;
    if (run_->test(a.test).program) {
      test.stop = std::make_shared<StopSignal>();
      test.token = console::make_nonce();
    }
    const std::lock_guard lock(mutex_);
    for (const std::string& host : run_->test(a.test).hosts)
      if (const auto found = sessions_.find({a.prefix, core::Host{host}}); found != sessions_.end())
        test.sessions[host] = found->second;
    for (const auto& [host, session] : test.sessions) {
      test.live[host] = std::make_shared<console::LiveText>(watched_bound);
      session->show_to(test.live[host]);
    }
    testing_[a.attempt] = std::move(test);
    test_began_.notify_all();
  }
  asio::post(test_thread(a.prefix), [this, a, run = run_] { run_test(a, run); });
  prepare_spares(a);
}

/// For whichever test comes next it is likely to need the same hosts; behind the last one there is nothing to be ready
/// for, and less to destroy.
void Engine::prepare_spares(const core::action::RunTest& a) {
  if (run_->order.spares == 0) return;
  if (!a.more) {
    spare_pool_.discard(a.prefix);
    return;
  }
  for (const std::string& host : run_->test(a.test).hosts) {
    const core::Domain domain{a.prefix, core::Host{host}};
    const auto state = run_->order.plan.states.of.find(domain);
    if (state == run_->order.plan.states.of.end()) continue;
    {
      const std::lock_guard lock(mutex_);
      if (!hold_state_.contains(domain)) continue;
    }
    spare_pool_.prepare(domain, state->second);
  }
}

void Engine::perform(const core::action::CancelTest& a) {
  const std::lock_guard lock(mutex_);
  const auto found = testing_.find(a.attempt);
  if (found == testing_.end()) return;
  // A program's commands end with it, and its consoles may still be used for a reset.
  if (found->second.stop)
    found->second.stop->raise();
  else
    for (const auto& [host, session] : found->second.sessions) session->interrupt();
}

void Engine::perform(const core::action::JudgeTest& a) {
  asio::post(*judge_pool_, [this, a, run = run_] { judge(a, run); });
}

void Engine::perform(const core::action::ReportVerdict& a) {
  const std::string& test = run_->test(a.test).name;
  std::string output = attempt_directory(run_->order.output, test, a.number);
  if (!std::filesystem::exists(output)) output.clear();
  record::AttemptJudged judged{a.attempt, test,    a.prefix,          a.number, a.verdict,
                               a.issues,  a.split, std::move(output), a.final};
  if (a.final && a.test_verdict != a.verdict) judged.test_verdict = a.test_verdict;
  recorder_.put(run_number(), std::move(judged));
  if (!a.final) return;
  run_->decided[a.test] = a.test_verdict;
  if (a.flaky) ++run_->order.flaky;
}

void Engine::perform(const core::action::ReportUntested& a) {
  run_->decided[a.test] = core::Verdict::untested;
  recorder_.put(run_number(), record::TestUntested{run_->test(a.test).name, a.reason});
}

void Engine::perform(const core::action::ReportQueued& a) { recorder_.put(run_number(), a.queued); }

void Engine::perform(const core::action::ReportResetFailed& a) {
  record::ResetFailed failed{.domain = a.domain,
                             .ticket = a.ticket,
                             .host_fault = a.fault == core::Fault::host,
                             .reason = a.reason,
                             .again = a.again,
                             .method = std::string(to_string(a.method)),
                             .attempt = a.attempt};
  {
    const std::lock_guard lock(mutex_);
    if (const auto times = failed_resets_.extract(a.ticket); !times.empty()) {
      failed.waited = times.mapped().waited;
      failed.total = times.mapped().total;
    }
  }
  recorder_.put(run_number(), std::move(failed));
}

void Engine::perform(const core::action::ReportSnapshotsGivenUp& a) {
  recorder_.put(run_number(), record::SnapshotsGivenUp{a.domain, a.reason});
}

void Engine::perform(const core::action::ReportQuarantine& a) {
  recorder_.put(run_number(), record::PrefixQuarantined{a.prefix, a.reason});
}

void Engine::perform(const core::action::ReportKept& a) {
  spare_pool_.discard(a.prefix);  // for a test that will not come
  const suite::Test& test = run_->test(a.test);
  std::vector<std::string> domains;
  for (const std::string& host : test.hosts) domains.push_back(a.prefix.value + host);
  recorder_.put(
      run_number(),
      record::Notice{true, fmt::format("{}: its domains stay as they are; kvmsh {} gets in, kvmtest destroy {} "
                                       "lets them go",
                                       test.name, fmt::join(domains, ", kvmsh "), fmt::join(domains, " "))});
}

void Engine::perform(const core::action::ReportLeftover& a) {
  recorder_.put(run_number(), record::Notice{true, fmt::format("{}: could not be destroyed and is left behind: {}",
                                                               a.domain.name(), a.reason)});
}

void Engine::perform(const core::action::AnswerRequest& a) {
  if (const auto found = answers_.find(a.request); found != answers_.end()) {
    found->second.promise.set_value(a.error);
    answers_.erase(found);
  }
}

void Engine::perform(const core::action::FinishRun& a) {
  sample_timer_.cancel();
  {
    const std::lock_guard lock(mutex_);
    ending_run_ = true;
  }
  recorder_.put(run_number(), run_->finished(a.outcome, now()));
  recorder_.flush(5s);
  if (run_->order.at_end) asio::post(*judge_pool_, run_->order.at_end);
  run_.reset();
  const std::lock_guard lock(mutex_);
  failed_resets_.clear();  // those that were cancelled are reported by nobody
  active_run_.store(0);
  ending_run_ = false;
  run_ended_.notify_all();
}

}  // namespace kvmtest::engine
