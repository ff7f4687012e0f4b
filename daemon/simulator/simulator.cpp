#include "simulator/simulator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kvmtest::simulator {

namespace action = core::action;
namespace event = core::event;
using core::Domain;
using core::Duration;
using core::Fault;
using core::Instant;

Model Model::constant(Duration boot, Duration test, Duration judging, Duration destroy) {
  Model model;
  model.reset = [=](const Domain&, unsigned) { return ResetFate{.takes = boot}; };
  model.test = [=](core::TestIndex, unsigned) { return TestFate{.takes = test}; };
  model.judge = [=](core::TestIndex, unsigned) { return JudgeFate{.takes = judging}; };
  model.destroy = [=](const Domain&, unsigned) { return DestroyFate{.takes = destroy}; };
  return model;
}

Simulator::Simulator(Model model, std::mt19937_64* shuffle, core::AttemptId next_attempt)
    : model_(std::move(model)), shuffle_(shuffle), scheduler_(next_attempt) {}

void Simulator::due(Instant at, std::function<void()> happen) {
  agenda_.due.push({at, shuffle_ != nullptr ? (*shuffle_)() : agenda_.decided++, std::move(happen)});
}

void Simulator::at(Duration when, core::Event event) {
  due(Instant(when), [this, event = std::move(event)] { deliver(event); });
}

void Simulator::lose_at(Duration when, Domain domain, Fault fault, std::string reason, bool script_sees) {
  due(Instant(when), [=, this, domain = std::move(domain), reason = std::move(reason)] {
    lose(domain, Loss{.fault = fault, .reason = reason, .script_sees = script_sees});
  });
}

Outcome Simulator::run(Limits limits) {
  while (true) {
    const auto work = next_work();
    if (agenda_.due.empty() && !work) break;
    const Instant next = agenda_.due.empty() ? *work
                         : work              ? std::min(*work, agenda_.due.top().at)
                                             : agenda_.due.top().at;
    if (outcome_.events >= limits.events || next.time_since_epoch() > limits.time) {
      outcome_.exhausted = true;
      break;
    }
    agenda_.now = next;
    if (work && *work <= next) {
      end_work();
      continue;
    }
    const auto happen = agenda_.due.top().happen;
    agenda_.due.pop();
    happen();
  }
  return std::exchange(outcome_, {});
}

bool Simulator::powered(const Domain& domain) const {
  const auto found = machines_.find(domain);
  return found != machines_.end() && found->second.power != Machine::Power::off;
}

void Simulator::deliver(const core::Event& event) {
  ++outcome_.events;
  if (const auto* run = std::get_if<event::RunSubmitted>(&event); run && !scheduler_.run_active()) {
    run_.plan = run->plan;
    run_.submitted = agenda_.now;
    run_.ran.clear();
    outcome_.finished.reset();
    outcome_.verdicts.clear();
    outcome_.untested.clear();
  }
  const core::Actions actions = scheduler_.handle(event, agenda_.now);
  if (keep_log) {
    outcome_.log.push_back({agenda_.now, event});
    for (const core::Action& action : actions) outcome_.log.push_back({agenda_.now, action});
  }
  if (watch) watch(agenda_.now, event, actions, scheduler_);
  for (const core::Action& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
  arm_deadline();
  arm_tick();
}

/// A pool's thread posts what came of its work.
void Simulator::result(core::Event event) {
  if (const auto again = model_.echo ? model_.echo() : std::nullopt)
    due(agenda_.now + *again, [this, event] { deliver(event); });
  due(agenda_.now, [this, event = std::move(event)] { deliver(event); });
}

void Simulator::arm_deadline() {
  const auto next = scheduler_.next_deadline();
  if (next == agenda_.deadline) return;
  agenda_.deadline = next;
  if (!next) return;
  due(std::max(*next, agenda_.now), [this, armed = *next] {
    if (agenda_.deadline != armed) return;
    agenda_.deadline.reset();
    deliver(event::DeadlinePassed{});
  });
}

// ---- resets ----

/// Microseconds of progress that each boot and each test that works makes in one of time.
double Simulator::work_rate() const {
  auto wanted = static_cast<double>(boots_.under_way.size() + boots_.spares.size());
  for (const auto& [prefix, thread] : threads_)
    if (thread.course && thread.course->works() && !thread.course->frozen) wanted += thread.course->width;
  return std::min(1.0, static_cast<double>(model_.cores) / wanted);
}

std::optional<Instant> Simulator::next_work() const {
  std::optional<double> least;
  const auto look = [&](double left) { least = std::min(least.value_or(left), left); };
  for (const Boot& boot : boots_.under_way) look(boot.left);
  for (const Spare& spare : boots_.spares) look(spare.left);
  for (const auto& [prefix, thread] : threads_)
    if (thread.course && thread.course->works() && !thread.course->frozen)
      look(thread.course->left / thread.course->width);
  if (!least) return std::nullopt;
  return std::max(agenda_.now, boots_.at + Duration(std::llround(std::ceil(*least / work_rate()))));
}

void Simulator::settle_work() {
  const auto passed = agenda_.now - boots_.at;
  const double rate = work_rate();
  const double progress = static_cast<double>(passed.count()) * rate;
  for (Boot& boot : boots_.under_way) boot.left -= progress;
  for (Spare& spare : boots_.spares) spare.left -= progress;
  boots_.done += progress * static_cast<double>(boots_.under_way.size() + boots_.spares.size());
  for (auto& [prefix, thread] : threads_) {
    if (!thread.course || !thread.course->works() || thread.course->frozen) continue;
    const double own = progress * thread.course->width;
    thread.course->left -= own;
    thread.course->used += own;
    boots_.done += own;
    thread.course->starved += static_cast<double>(passed.count()) - progress;
  }
  outcome_.slots_busy += passed * static_cast<Duration::rep>(boots_.under_way.size());
  boots_.at = agenda_.now;
}

void Simulator::end_work() {
  settle_work();
  // A millionth of a microsecond is what rounding leaves.
  constexpr double nothing = 1e-6;
  for (std::size_t i = 0; i < boots_.under_way.size();) {
    if (boots_.under_way[i].left > nothing) {
      ++i;
      continue;
    }
    Boot boot = std::move(boots_.under_way[i]);
    boots_.under_way.erase(boots_.under_way.begin() + static_cast<std::ptrdiff_t>(i));
    end_boot(std::move(boot));
  }
  const auto warm = std::stable_partition(boots_.spares.begin(), boots_.spares.end(),
                                          [](const Spare& s) { return s.left > nothing; });
  const std::vector<Spare> done_spares(warm, boots_.spares.end());
  boots_.spares.erase(warm, boots_.spares.end());
  for (const Spare& spare : done_spares) warm_up(spare.order, spare.fate);
  std::vector<core::Prefix> done;
  for (const auto& [prefix, thread] : threads_)
    if (thread.course && thread.course->works() && !thread.course->frozen && thread.course->left <= nothing)
      done.push_back(prefix);
  for (const core::Prefix& prefix : done) next_step(prefix);
}

void Simulator::end_boot(Boot boot) {
  const Domain& domain = boot.order.domain;
  Machine& machine = machines_[domain];
  machine.power = Machine::Power::on;
  if (boot.fate.fault) {
    result(event::DomainResetFailed{boot.order.ticket, *boot.fate.fault, boot.fate.reason, boot.fate.state_lost});
    return;
  }
  const bool saves = boot.order.method == core::Method::boot_and_save;
  result(event::DomainReset{boot.order.ticket, saves && boot.fate.saves, saves && !boot.fate.saves ? "no room" : "",
                            boot.fate.in_place});
  if (const auto& loss = boot.fate.loss)
    due(agenda_.now + loss->after, [this, domain, loss = *loss, reset = machine.resets] {
      if (machines_[domain].resets == reset) lose(domain, loss);
    });
}

void Simulator::perform(const action::ResetDomain& a) {
  Machine& machine = machines_[a.domain];
  if ((machine.power != Machine::Power::off) != core::is_in_place(a.method)) {
    result(event::DomainResetFailed{
        a.ticket, Fault::host,
        machine.power == Machine::Power::off ? "domain is not running" : "domain is already running"});
    return;
  }
  settle_work();
  machine.power = Machine::Power::booting;
  ++machine.resets;
  const auto& fate_of = a.method == core::Method::swap && model_.swap ? model_.swap
                        : !core::is_boot(a.method) && model_.go_back  ? model_.go_back
                                                                      : model_.reset;
  ResetFate fate = fate_of(a.domain, machine.resets);
  const auto left = static_cast<double>(fate.takes.count());
  boots_.under_way.push_back({a, std::move(fate), left});
  outcome_.slots_peak = std::max(outcome_.slots_peak, static_cast<unsigned>(boots_.under_way.size()));
}

void Simulator::perform(const action::CancelReset& a) {
  const auto boot = std::find_if(boots_.under_way.begin(), boots_.under_way.end(),
                                 [&](const Boot& b) { return b.order.ticket == a.ticket; });
  if (boot == boots_.under_way.end() || boot->fate.ignores_cancel) return;  // too late
  settle_work();
  boot->left = std::min(boot->left, static_cast<double>(model_.interrupt.count()) * work_rate());
  boot->fate.fault = Fault::guest;
  boot->fate.reason = "cancelled";
  boot->fate.ignores_cancel = true;  // once is enough
}

void Simulator::perform(const action::DestroyDomain& a) {
  end_spare(machines_[a.domain], "its domain was destroyed");
  const DestroyFate fate = model_.destroy(a.domain, ++machines_[a.domain].destroys);
  due(agenda_.now + fate.takes, [this, a, fate] {
    if (!fate.fails) machines_[a.domain].power = Machine::Power::off;
    result(fate.fails ? core::Event(event::DomainDestroyFailed{a.ticket, fate.reason})
                      : event::DomainDestroyed{a.ticket});
  });
}

// ---- spares ----

void Simulator::perform(const action::PrepareSpare& a) {
  const SpareFate fate = model_.spare ? model_.spare(a.domain, a.in_place) : SpareFate{};
  machines_[a.domain].spare = a.ticket;
  if (fate.work.count() > 0) {
    settle_work();
    boots_.spares.push_back({a, fate, static_cast<double>(fate.work.count())});
    return;
  }
  warm_up(a, fate);
}

/// It needs no processor any more, or never did.
void Simulator::warm_up(const action::PrepareSpare& a, const SpareFate& fate) {
  const auto at = [&](Duration after, auto happen) {
    due(agenda_.now + after, [this, a, happen] {
      if (machines_[a.domain].spare == a.ticket) happen();
    });
  };
  if (!a.in_place && fate.started_after < fate.takes)
    at(fate.started_after, [this, a] { result(event::SpareStarted{a.ticket}); });
  at(fate.takes, [this, a, fate] {
    machines_[a.domain].spare.reset();
    result(fate.fails ? core::Event(event::SpareFailed{a.ticket, fate.reason}) : event::SpareReady{a.ticket});
  });
}

void Simulator::perform(const action::DiscardSpare& a) {
  end_spare(machines_[a.domain], "discarded");
  due(agenda_.now + model_.interrupt, [this, a] { result(event::SpareDiscarded{a.ticket}); });
}

void Simulator::end_spare(Machine& machine, const std::string& reason) {
  if (const auto ticket = machine.spare) {
    settle_work();
    std::erase_if(boots_.spares, [&](const Spare& spare) { return spare.order.ticket == *ticket; });
  }
  if (const auto ticket = std::exchange(machine.spare, std::nullopt)) result(event::SpareFailed{*ticket, reason});
}

// ---- a prefix's thread ----

void Simulator::perform(const action::PauseDomain& a) { add_job(a.domain.prefix, a); }

void Simulator::perform(const action::RunTest& a) {
  run_.numbers[a.attempt] = a.number;
  add_job(a.prefix, a);
}

void Simulator::add_job(const core::Prefix& prefix, Job job) {
  Thread& thread = threads_[prefix];
  thread.jobs.push_back(std::move(job));
  if (thread.jobs.size() == 1) begin_job(prefix);
}

void Simulator::begin_job(const core::Prefix& prefix) {
  const Job job = threads_[prefix].jobs.front();
  std::visit([&](const auto& j) { begin(prefix, j); }, job);
}

void Simulator::begin(const core::Prefix& prefix, const action::PauseDomain& job) {
  const auto end = [this, prefix, job] {
    if (!powered(job.domain) || (model_.pause_fails && model_.pause_fails(job.domain)))
      end_job(prefix, event::DomainPauseFailed{job.ticket, "it does not stop"});
    else
      end_job(prefix, event::DomainPaused{job.ticket});
  };
  if (model_.pause.count() > 0)
    due(agenda_.now + model_.pause, end);
  else
    end();
}

const core::PlannedTest& Simulator::planned(core::TestIndex index) const {
  return *std::find_if(run_.plan.tests.begin(), run_.plan.tests.end(),
                       [&](const core::PlannedTest& t) { return t.index == index; });
}

void Simulator::begin(const core::Prefix& prefix, const action::RunTest& job) {
  Thread& thread = threads_[prefix];
  thread.fate = model_.test(job.test, job.number);
  thread.ending = false;
  for (const core::Host& host : planned(job.test).hosts)
    if (!powered({prefix, host})) {
      end_test(prefix, {},
               event::TestAborted{job.attempt, host.value, "a domain of its group was lost before it began"});
      return;
    }
  if (const auto& loss = thread.fate.loss)
    due(agenda_.now + loss->after, [this, prefix, loss = *loss, turn = thread.turn] {
      if (threads_[prefix].turn == turn) lose({prefix, loss.host}, loss);
    });
  const auto& fate = thread.fate;
  core::Event own_end =
      fate.host_fault ? core::Event(event::TestAborted{job.attempt, fate.host_fault->value, fate.reason, fate.stuck})
                      : event::TestRan{job.attempt, fate.stuck};
  const unsigned steps = fate.work.count() > 0 ? 2 * std::max(1U, fate.turns) : 1;
  thread.course = Course{.order = job, .own_end = std::move(own_end), .steps = steps + 1, .width = fate.width};
  next_step(prefix);
}

/// The step under way is done; after the last one the test comes to its own end.
void Simulator::next_step(const core::Prefix& prefix) {
  settle_work();
  Thread& thread = threads_[prefix];
  Course& course = *thread.course;
  if (--course.steps == 0) {
    end_job(prefix, core::Event(course.own_end));
    return;
  }
  const Duration whole = course.works() ? thread.fate.work : thread.fate.takes;
  course.left =
      static_cast<double>(whole.count()) / (thread.fate.work.count() > 0 ? std::max(1U, thread.fate.turns) : 1);
  if (!course.works()) begin_rest(prefix);
}

void Simulator::begin_rest(const core::Prefix& prefix) {
  Course& course = *threads_[prefix].course;
  course.at = agenda_.now;
  due(agenda_.now + Duration(std::llround(course.left)),
      [this, prefix, turn = threads_[prefix].turn, resting = ++course.resting] {
        const Thread& thread = threads_[prefix];
        if (thread.turn == turn && thread.course && thread.course->resting == resting) next_step(prefix);
      });
}

Simulator::Thread* Simulator::thread_of(core::AttemptId attempt) {
  for (auto& [prefix, thread] : threads_)
    if (thread.course && thread.course->order.attempt == attempt) return &thread;
  return nullptr;
}

void Simulator::freeze(core::AttemptId attempt, bool frozen) {
  Thread* thread = thread_of(attempt);
  if (thread == nullptr || thread->course->frozen == frozen) return;
  settle_work();
  Course& course = *thread->course;
  course.frozen = frozen;
  if (frozen) {
    course.frozen_since = agenda_.now;
    if (!course.works()) course.left -= static_cast<double>((agenda_.now - course.at).count());
    ++course.resting;
    return;
  }
  course.frozen_for += agenda_.now - course.frozen_since;
  if (!course.works()) begin_rest(course.order.prefix);
}

void Simulator::perform(const action::FreezeGroup& a) { freeze(a.attempt, true); }
void Simulator::perform(const action::ThawGroup& a) { freeze(a.attempt, false); }

// ---- measuring ----

void Simulator::arm_tick() {
  if (model_.tick.count() <= 0 || run_.ticks || !scheduler_.run_active()) return;
  run_.ticks = true;
  run_.measured = agenda_.now;
  due(agenda_.now + model_.tick, [this] { tick(); });
}

void Simulator::tick() {
  run_.ticks = false;
  settle_work();
  core::Load load{
      .interval = agenda_.now - run_.measured, .processors = static_cast<double>(model_.cores), .groups = {}};
  const double busy =
      std::exchange(boots_.done, 0) / static_cast<double>(std::max<Duration::rep>(1, load.interval.count()));
  load.idle = std::max(0.0, load.processors - busy);
  load.average = busy;
  for (auto& [prefix, thread] : threads_) {
    if (!thread.course) continue;
    Course& course = *thread.course;
    const auto since = [](double now, double& told) { return Duration(std::llround(now - std::exchange(told, now))); };
    load.groups.push_back({.attempt = course.order.attempt,
                           .used = since(course.used, course.measured_used),
                           .starved = since(course.starved * course.width, course.measured_starved),
                           .exempt = thread.fate.exempt});
  }
  arm_tick();
  result(event::LoadMeasured{std::move(load)});
}

/// The test under way ends so, unless it has ended before.
void Simulator::end_test(const core::Prefix& prefix, Duration after, core::Event event) {
  Thread& thread = threads_[prefix];
  thread.ending = true;
  due(agenda_.now + after, [this, prefix, turn = thread.turn, event = std::move(event)] {
    if (threads_[prefix].turn == turn) end_job(prefix, event);
  });
}

void Simulator::end_job(const core::Prefix& prefix, core::Event event) {
  settle_work();
  Thread& thread = threads_[prefix];
  ++thread.turn;
  thread.jobs.pop_front();
  if (const auto course = std::exchange(thread.course, std::nullopt)) {
    const double all = course->used / course->width + course->starved + static_cast<double>(thread.fate.takes.count());
    run_.ran[course->order.attempt] = {
        .use = {"", Duration(std::llround(course->used)), Duration(std::llround(course->starved))},
        .frozen = course->frozen_for + (course->frozen ? agenda_.now - course->frozen_since : Duration{}),
        .bore = course->starved <= thread.fate.bears * all};
  }
  result(std::move(event));
  if (!thread.jobs.empty()) begin_job(prefix);
}

void Simulator::perform(const action::CancelTest& a) {
  for (auto& [prefix, thread] : threads_) {
    if (thread.jobs.empty()) continue;
    const auto* test = std::get_if<action::RunTest>(&thread.jobs.front());
    if (!test || test->attempt != a.attempt || thread.ending || thread.fate.ignores_cancel) continue;
    end_test(prefix, model_.interrupt, event::TestAborted{a.attempt, "", "interrupted"});
  }
}

/// The domain loses its power by itself: whatever is busy on it sees its console close, and the hypervisor tells.
void Simulator::lose(const Domain& domain, const Loss& loss) {
  Machine& machine = machines_[domain];
  if (machine.power == Machine::Power::off) return;
  machine.power = Machine::Power::off;
  result(event::DomainLost{domain, loss.fault, loss.reason});

  const auto boot = std::find_if(boots_.under_way.begin(), boots_.under_way.end(),
                                 [&](const Boot& b) { return b.order.domain == domain; });
  if (boot != boots_.under_way.end()) {
    settle_work();
    result(event::DomainResetFailed{boot->order.ticket, loss.fault, loss.reason});
    boots_.under_way.erase(boot);
  }
  Thread& thread = threads_[domain.prefix];
  if (!loss.script_sees || thread.ending || thread.jobs.empty()) return;
  const auto* test = std::get_if<action::RunTest>(&thread.jobs.front());
  if (test != nullptr && core::needs(planned(test->test), domain.host)) {
    const core::AttemptId attempt = test->attempt;
    if (loss.fault == Fault::host)
      end_test(domain.prefix, {}, event::TestAborted{attempt, domain.host.value, loss.reason});
    else
      end_test(domain.prefix, {}, event::TestRan{attempt});
  }
}

// ---- judges and reports ----

void Simulator::perform(const action::JudgeTest& a) {
  judges_.to_judge.push_back(a);
  begin_judging();
}

void Simulator::begin_judging() {
  while (!judges_.to_judge.empty() && judges_.busy < std::max(1U, model_.judges)) {
    const action::JudgeTest job = judges_.to_judge.front();
    judges_.to_judge.pop_front();
    ++judges_.busy;
    const JudgeFate fate = model_.judge(job.test, run_.numbers[job.attempt]);
    due(agenda_.now + fate.takes, [this, job, fate] {
      --judges_.busy;
      const Ran& ran = run_.ran[job.attempt];
      const core::Verdict verdict = ran.bore ? fate.verdict : core::worse(fate.verdict, core::Verdict::failed);
      result(event::AttemptJudged{job.attempt, verdict, fate.issues, {ran.use}, ran.frozen});
      begin_judging();
    });
  }
}

void Simulator::perform(const action::ReportVerdict& a) { outcome_.verdicts[a.test].push_back({agenda_.now, a}); }
void Simulator::perform(const action::ReportUntested& a) { outcome_.untested[a.test] = a.reason; }
void Simulator::perform(const action::AnswerRequest& a) { outcome_.answers[a.request] = a.error; }

void Simulator::perform(const action::FinishRun& a) {
  outcome_.finished = a.outcome;
  outcome_.makespan = agenda_.now - run_.submitted;
}

}  // namespace kvmtest::simulator
