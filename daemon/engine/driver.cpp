#include "engine/driver.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/words.h"
#include "engine/attempt_output.h"
#include "engine/errors.h"

namespace kvmtest::engine {

namespace record = core::record;
using namespace std::chrono_literals;

namespace {

constexpr auto sample_interval = 2s;
// A disk that is slower holds up nobody: the end of a run is told when it is written.
constexpr auto flush_patience = 5s;

}  // namespace

Driver::Driver(Context& context, CoreLoop& loop, RunState& run_state, Pieces pieces, core::AttemptId next_attempt)
    : context_(context),
      loop_(loop),
      run_state_(run_state),
      pieces_(pieces),
      deadline_timer_(loop.io()),
      sampling_{boost::asio::steady_timer(loop.io())},
      scheduler_(next_attempt) {}

void Driver::dispatch(const core::Event& event) {
  for (const core::Action& action : scheduler_.handle(event, loop_.now()))
    std::visit([this](const auto& a) { perform(a); }, action);
  arm_deadline();
}

void Driver::end_timers() {
  if (run_) run_->halt.raise();
  deadline_timer_.cancel();
  sampling_.timer.cancel();
}

void Driver::arm_deadline() {
  const auto next = scheduler_.next_deadline();
  if (!next) return;
  deadline_timer_.expires_at(loop_.at(*next));
  deadline_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) dispatch(core::event::DeadlinePassed{});
  });
}

void Driver::arm_sampler() {
  sampling_.timer.expires_after(sample_interval);
  sampling_.timer.async_wait([this](const boost::system::error_code& error) {
    if (error || !run_) return;
    auto sample = sampling_.sampler.sample();
    sample.resetting = scheduler_.pool().busy();
    sample.testing = pieces_.consoles.tests();
    context_.record(sample);
    arm_sampler();
  });
}

// ---- what others ask ----

std::map<core::Prefix, std::string> Driver::held() const {
  std::map<core::Prefix, std::string> held;
  for (const auto& [prefix, entry] : scheduler_.prefixes())
    if (const auto* holding = std::get_if<core::prefix_state::Holding>(&entry.state))
      held.emplace(prefix, holding->test.name);
  return held;
}

void Driver::check_free(const std::vector<core::Prefix>& prefixes) {
  if (ending_) throw Ending();
  if (const auto run = run_state_.now())
    throw Busy(fmt::format("run {} is active; 'kvmtest attach' follows it, 'kvmtest stop' ends it", run->value));
  const auto held = this->held();
  for (const core::Prefix& prefix : prefixes)
    if (const auto found = held.find(prefix); found != held.end())
      throw Busy(
          fmt::format("prefix '{}' holds the domains as {} left them; 'kvmtest stop' lets them go, 'kvmtest "
                      "destroy' single ones",
                      prefix.value, found->second));
  pieces_.consoles.check_free(prefixes);
}

void Driver::make_room(const std::vector<core::Prefix>& prefixes, unsigned slots) {
  check_free(prefixes);
  pieces_.resets.fit(slots);
  pieces_.threads.fit(prefixes);
}

void Driver::start_run(RunOrder order) {
  make_room(order.plan.prefixes, order.plan.slots + order.plan.quick_slots);
  order.plan.spare_slots = context_.config.spare_threads;
  run_state_.begin(order.plan.run);
  run_ = std::make_shared<ActiveRun>(std::move(order), loop_.now());
  sampling_.sampler.sample();  // the share of CPU time counts from here
  arm_sampler();
  pieces_.freezer.run_is_on(true);
  std::vector<core::Domain> stuck;
  for (const auto& [prefix, entry] : scheduler_.prefixes())
    for (const auto& [host, domain] : entry.domains)
      if (core::at_rest(domain.state) && pieces_.consoles.is_stuck({prefix, host})) stuck.push_back({prefix, host});
  core::event::RunSubmitted submitted{run_->order.plan, std::move(stuck)};
  run_->order.plan.tests = std::vector<core::PlannedTest>();  // the scheduler has them from now on
  dispatch(std::move(submitted));
}

void Driver::stop_run(const std::string& by, bool release) {
  if (!run_) return;
  context_.record(record::StopRequested{by});
  run_->halt.raise();
  dispatch(core::event::StopRequested{release});
}

void Driver::interrupt_run(const std::string& why) {
  if (!run_) return;
  context_.record(record::Notice{
      false, fmt::format("interrupted ({}): 'kvmtest run --resume' or 'kvmtest attach' goes on with this run", why)});
  dispatch(core::event::StopRequested{.stays_open = true});
}

Driver::Answer Driver::request(const core::Domain& domain, bool fresh, unsigned slots, const core::States& states) {
  if (ending_) throw Ending();
  pieces_.resets.fit(2 * slots);
  pieces_.threads.fit({domain.prefix});
  const core::RequestId id{++requests_.last};
  return ask(id, core::event::DomainRequested{id, domain, fresh, slots, states, pieces_.consoles.is_stuck(domain)});
}

Driver::Answer Driver::request_end(const core::Domain& domain) {
  const core::RequestId id{++requests_.last};
  return ask(id, core::event::DestroyRequested{id, domain});
}

Driver::Answer Driver::ask(core::RequestId id, const core::Event& event) {
  auto answer = requests_.waiting[id].get_future();
  dispatch(event);
  return answer;
}

void Driver::perform(const core::action::AnswerRequest& a) {
  auto waiting = requests_.waiting.extract(a.request);
  if (!waiting.empty()) waiting.mapped().set_value(a.error);
}

// ---- domains and tests ----

void Driver::perform(const core::action::PauseDomain& a) {
  pieces_.threads.post(a.domain.prefix, [&context = context_, a] {
    try {
      context.snapshots.pause(a.domain);
      context.post(core::event::DomainPaused{a.ticket});
    } catch (const std::exception& e) {
      context.post(core::event::DomainPauseFailed{a.ticket, base::words(e)});
    }
  });
}

void Driver::perform(const core::action::RunTest& a) {
  run_->under_way.insert(a.attempt);
  try {
    const auto writing = run_->writing.find(a.test);
    pieces_.attempts.begin(a, run_, writing == run_->writing.end() ? std::shared_future<void>() : writing->second);
  } catch (const std::exception& e) {
    context_.post(core::event::TestAborted{a.attempt, {}, base::words(e), {}});
  }
}

void Driver::perform(const core::action::ReportVerdict& a) {
  const std::string& test = run_->name(a.test);
  record::AttemptJudged judged{a.attempt, test, a.prefix, a.number, a.verdict, a.issues, a.split, {}, a.final};
  judged.use = a.use;
  judged.frozen = a.frozen;
  if (a.final && a.test_verdict != a.verdict) judged.test_verdict = a.test_verdict;
  if (a.final) run_->decided[a.test] = a.test_verdict;
  if (a.final && a.flaky) ++run_->order.flaky;
  if (run_->under_way.erase(a.attempt) == 0) {
    tell_of_missed(a, std::move(judged));
    return;
  }
  judged.output = run_->files_of(a.attempt);
  context_.record(std::move(judged));
}

/// Of an attempt that never began. That is rare, and the suite's own output must be right before anybody hears of the
/// verdict; so a thread that may touch a disk writes it first.
void Driver::tell_of_missed(const core::action::ReportVerdict& a, record::AttemptJudged judged) {
  const auto own_output = run_->order.tests.own_output(a.test.value);
  if (!own_output) {
    context_.record(std::move(judged));
    return;
  }
  const auto now = std::chrono::system_clock::now();
  const suite::Times times{run_->began, now, now, a.split.reset, {}};
  ++run_->missed;
  const auto written = std::make_shared<std::promise<void>>();
  run_->writing[a.test] = written->get_future().share();
  pieces_.attempts.later([this, own_output, times, written, run = run_, judged = std::move(judged)]() mutable {
    try {
      own_output->missed(times, judged.issues);
    } catch (const std::exception& e) {
      judged.issues.push_back({"", "output-missing", base::words(e)});
    }
    written->set_value();
    loop_.post([this, run, judged = std::move(judged)] {
      context_.record(judged);
      if (--run->missed == 0 && run->over) finish();
    });
  });
}

void Driver::perform(const core::action::ReportUntested& a) {
  run_->decided[a.test] = a.verdict;
  context_.record(record::TestUntested{run_->name(a.test), a.reason, a.verdict});
}

void Driver::perform(const core::action::ReportHeld& a) {
  std::vector<std::string> domains;
  for (const std::string& host : run_->order.tests.hosts(a.test.value)) domains.push_back(a.prefix.value + host);
  context_.record(record::Notice{
      true, fmt::format("{}: its domains stay as they are; kvmsh {} gets in, kvmtest destroy {} lets them go",
                        run_->name(a.test), fmt::join(domains, ", kvmsh "), fmt::join(domains, " "))});
}

void Driver::perform(const core::action::FinishRun& a) {
  sampling_.timer.cancel();
  pieces_.freezer.run_is_on(false);
  run_state_.ending();
  run_->over = true;
  if (a.outcome) run_->last = run_->finished(*a.outcome, loop_.now());
  if (run_->missed == 0) finish();  // else the last of those does
}

void Driver::finish() {
  if (run_->last) context_.record(*std::move(run_->last));
  pieces_.attempts.later([this, at_end = run_->order.at_end] {
    context_.recorder.flush(flush_patience);
    loop_.post([this] {
      run_.reset();
      run_state_.ended();
    });
    if (at_end) at_end();
  });
}

}  // namespace kvmtest::engine
