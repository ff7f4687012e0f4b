// Carries the scheduler's actions out, on the core's thread: each goes to a pool or to the recorder, and returns at
// once.

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/asio/post.hpp>

#include "engine/active_run.h"
#include "engine/engine.h"

namespace kvmtest::engine {

namespace asio = boost::asio;
namespace record = core::record;
using namespace std::chrono_literals;

namespace {

// Bytes of a test's console for somebody who comes to watch: some pages.
constexpr std::size_t watched_bound = 16384;

}  // namespace

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
  const std::lock_guard lock(mutex_);
  cancelled_.insert(a.ticket);
  if (const auto found = resetting_.find(a.ticket); found != resetting_.end()) found->second->interrupt();
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
  run_->under_way.insert(a.attempt);
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
}

void Engine::perform(const core::action::PrepareSpare& a) { spare_pool_.prepare(a); }

void Engine::perform(const core::action::HurrySpare& a) { spare_pool_.hurry(a); }

void Engine::perform(const core::action::DiscardSpare& a) { spare_pool_.discard(a); }

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
  if (run_->under_way.erase(a.attempt) == 0) {
    // Rare, and the suite's own output must be right before anybody hears of the verdict.
    const auto now = std::chrono::system_clock::now();
    if (const auto& own_output = run_->order.tests.at(a.test.value).own_output)
      own_output->missed({run_->began, now, now, a.split.reset, {}}, a.issues);
  }
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
  run_->decided[a.test] = a.verdict;
  recorder_.put(run_number(), record::TestUntested{run_->test(a.test).name, a.reason, a.verdict});
}

void Engine::perform(const core::action::Tell& a) { recorder_.put(run_number(), a.record); }

void Engine::perform(const core::action::ReportKept& a) {
  const suite::Test& test = run_->test(a.test);
  std::vector<std::string> domains;
  for (const std::string& host : test.hosts) domains.push_back(a.prefix.value + host);
  recorder_.put(
      run_number(),
      record::Notice{true, fmt::format("{}: its domains stay as they are; kvmsh {} gets in, kvmtest destroy {} "
                                       "lets them go",
                                       test.name, fmt::join(domains, ", kvmsh "), fmt::join(domains, " "))});
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
  active_run_.store(0);
  ending_run_ = false;
  run_ended_.notify_all();
}

}  // namespace kvmtest::engine
