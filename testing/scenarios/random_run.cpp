#include "random_run.h"

#include <algorithm>
#include <random>

#include "invariants.h"

namespace kvmtest::scenarios {
namespace {

using core::Duration;
using core::Fault;
using namespace std::chrono_literals;

/// One thread; every choice of a run comes from here.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  /// 0 to n - 1.
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool chance(unsigned percent) { return below(100) < percent; }
  /// Whole seconds, so that many things happen at the same instant.
  Duration up_to(unsigned seconds) { return std::chrono::seconds(below(seconds + 1)); }
  Fault fault() { return chance(50) ? Fault::guest : Fault::host; }
  core::Host host() { return core::Host{hosts[below(5)]}; }
  std::mt19937_64& generator() { return random_; }

 private:
  static constexpr const char* hosts[5] = {"east", "west", "nic", "north", "road"};
  std::mt19937_64 random_;
};

core::RunPlan random_plan(Dice& dice, std::int64_t number) {
  core::RunPlan plan;
  plan.run = core::RunId{number};
  plan.slots = 1 + dice.below(6);
  static constexpr const char* names[] = {"a.", "b.", "", "c."};
  const unsigned prefixes = 1 + dice.below(4);
  for (unsigned i = 0; i < prefixes; ++i) plan.prefixes.emplace_back(names[i]);
  const unsigned tests = dice.chance(20) ? dice.below(41) : dice.below(12);
  for (std::uint32_t i = 0; i < tests; ++i) {
    core::PlannedTest test{core::TestIndex{i}, "t" + std::to_string(i), {}, 0};
    if (dice.chance(10)) {
      test.attempts = dice.below(3);
      test.so_far.counted = dice.below(test.attempts + 1);
      test.so_far.stumbled = test.attempts > 0;
    }
    const unsigned size = 1 + dice.below(4);
    while (test.hosts.size() < size) {
      const core::Host host = dice.host();
      if (std::find(test.hosts.begin(), test.hosts.end(), host) == test.hosts.end()) test.hosts.push_back(host);
    }
    plan.tests.push_back(std::move(test));
  }
  plan.policy.boot_tries = 1 + dice.below(3);
  plan.policy.host_fault_retries = dice.below(3);
  if (dice.chance(30)) plan.policy.retries = dice.below(4);
  if (plan.policy.retries == 0 && dice.chance(40)) {
    plan.policy.until_fail = dice.chance(50);
    plan.policy.repeat = plan.policy.until_fail ? dice.below(5) : 1 + dice.below(4);
  }
  plan.policy.keep_failed = dice.chance(25);
  if (dice.chance(30)) plan.policy.max_fail = 1 + dice.below(3);
  plan.policy.quarantine_after = 1 + dice.below(5);
  plan.policy.cool_down = dice.up_to(5);
  plan.policy.snapshot_failures = 1 + dice.below(4);
  plan.quick_slots = 1 + dice.below(6);
  if (dice.chance(60)) {  // some hosts have one state in all prefixes, some one in each, some none
    for (const core::Prefix& prefix : plan.prefixes)
      for (const char* host : {"east", "west", "nic", "north", "road"}) {
        const unsigned kind = dice.below(5);
        if (kind == 0) continue;
        const core::SavedStateId state{kind == 1 ? prefix.value + host : host};
        plan.states.of[{prefix, core::Host{host}}] = state;
        if (dice.chance(20)) plan.states.kept.insert(state);
      }
  }
  if (dice.chance(60)) {
    plan.spares = 1 + dice.below(8);
    plan.spare_slots = 1 + dice.below(3);
  }
  plan.sharing.freezing = dice.chance(70);
  plan.sharing.share = dice.chance(30) ? 0.1 * dice.below(11) : 1;
  plan.sharing.slice = dice.up_to(3);
  plan.admission.starts = dice.chance(40);
  plan.admission.prefixes = dice.chance(40);
  if (dice.chance(15)) plan.admission.max_average = 0.1 * (1 + dice.below(15));
  plan.policy.starved = 0.1 * dice.below(5);
  plan.policy.starved_least = dice.up_to(1);
  plan.policy.starved_retries = dice.below(4);
  if (dice.chance(30)) {
    plan.memory.budget = 1 + dice.below(20);
    for (const char* host : {"east", "west", "nic", "north", "road"})
      plan.memory.need[core::Host{host}] = dice.below(4);
  }
  return plan;
}

/// `percent`: how often each kind of thing goes wrong.
simulator::Model random_model(Dice& dice, unsigned percent, const std::vector<core::RunPlan>& plans) {
  simulator::Model model;
  model.cores = 1 + dice.below(6);
  model.judges = 1 + dice.below(2);
  if (dice.chance(60)) model.tick = std::chrono::milliseconds(500 * (1 + dice.below(4)));
  model.interrupt = dice.chance(50) ? 0s : dice.up_to(3);
  const auto loss = [&dice](unsigned within) {
    return simulator::Loss{.after = dice.up_to(within), .fault = dice.fault(), .script_sees = dice.chance(50)};
  };
  model.reset = [&dice, percent, loss](const core::Domain&, unsigned) {
    simulator::ResetFate fate{.takes = dice.up_to(10), .ignores_cancel = dice.chance(20)};
    if (dice.chance(percent)) fate.fault = dice.fault();
    if (dice.chance(percent)) fate.loss = loss(15);
    fate.saves = !dice.chance(percent);
    fate.in_place = dice.chance(50);
    return fate;
  };
  model.go_back = [&dice, percent, loss](const core::Domain&, unsigned) {
    simulator::ResetFate fate{.takes = dice.up_to(1), .ignores_cancel = dice.chance(20)};
    if (dice.chance(percent)) fate.fault = dice.fault();
    fate.state_lost = dice.chance(30);
    if (dice.chance(percent)) fate.loss = loss(15);
    fate.in_place = !dice.chance(20);
    return fate;
  };
  model.spare = [&dice, percent](const core::Domain&, bool) {
    simulator::SpareFate fate{.takes = dice.up_to(12), .started_after = {}, .fails = dice.chance(percent)};
    fate.started_after = dice.up_to(8);
    return fate;
  };
  model.pause_fails = [&dice, percent](const core::Domain&) { return dice.chance(percent); };
  model.test = [&dice, percent, loss, plans](core::TestIndex index, unsigned) {
    simulator::TestFate fate{.takes = dice.up_to(10), .ignores_cancel = dice.chance(20)};
    if (dice.chance(70)) {
      fate.work = dice.up_to(6);
      fate.turns = 1 + dice.below(3);
      fate.bears = dice.chance(50) ? 1 : 0.1 * dice.below(4);
      fate.exempt = dice.chance(20);
    }
    const auto& hosts = plans.front().tests.at(index.value % plans.front().tests.size()).hosts;
    const core::Host host = hosts[dice.below(static_cast<unsigned>(hosts.size()))];
    if (dice.chance(percent)) fate.host_fault = host;
    if (dice.chance(percent)) fate.stuck.push_back(hosts[dice.below(static_cast<unsigned>(hosts.size()))]);
    if (dice.chance(percent)) {
      fate.loss = loss(10);
      fate.loss->host = host;
    }
    return fate;
  };
  model.judge = [&dice](core::TestIndex, unsigned) {
    static constexpr core::Verdict verdicts[] = {core::Verdict::passed,     core::Verdict::passed,
                                                 core::Verdict::passed,     core::Verdict::failed,
                                                 core::Verdict::unresolved, core::Verdict::unsupported};
    return simulator::JudgeFate{.takes = dice.up_to(5), .verdict = verdicts[dice.below(6)]};
  };
  model.destroy = [&dice, percent](const core::Domain&, unsigned) {
    return simulator::DestroyFate{.takes = dice.up_to(2), .fails = dice.chance(percent)};
  };
  if (dice.chance(50)) model.echo = [&dice] { return dice.chance(20) ? std::optional(dice.up_to(30)) : std::nullopt; };
  return model;
}

/// Clients, stops and losses, at random times.
void disturb(simulator::Simulator& simulator, Dice& dice) {
  static constexpr const char* names[] = {"a.", "b.", "", "c.", "z."};
  const auto anyone = [&] { return core::Domain{core::Prefix{names[dice.below(5)]}, dice.host()}; };
  const auto requested = [&](core::RequestId request, const core::Domain& domain) {
    core::event::DomainRequested event{request, domain, dice.chance(30), 1 + dice.below(4), {}, dice.chance(20)};
    if (dice.chance(50)) {
      event.states.of[domain] = core::SavedStateId{domain.host.value};
      if (dice.chance(30)) event.states.kept.insert(core::SavedStateId{domain.host.value});
    }
    return event;
  };
  const unsigned span = dice.chance(50) ? 60 : 400;
  std::uint64_t number = 0;
  for (unsigned i = dice.chance(50) ? dice.below(12) : 0; i > 0; --i) {
    const core::RequestId request{++number};
    if (dice.chance(60))
      simulator.at(dice.up_to(span), requested(request, anyone()));
    else
      simulator.at(dice.up_to(span), core::event::DestroyRequested{request, anyone()});
  }
  for (unsigned i = dice.chance(30) ? dice.below(8) : 0; i > 0; --i)
    simulator.lose_at(dice.up_to(span), anyone(), dice.fault(), "lost", dice.chance(50));
  for (unsigned i = dice.chance(30) ? 1 + dice.below(2) : 0; i > 0; --i)
    simulator.at(dice.up_to(span), core::event::StopRequested{dice.chance(50), dice.chance(30)});
  if (dice.chance(20)) simulator.at(dice.up_to(span), core::event::DeadlinePassed{});
}

}  // namespace

RandomResult play_random(std::uint64_t seed, bool keep_log, const Watch& watch, bool thorough) {
  Dice dice(seed);
  static constexpr unsigned severities[] = {0, 2, 10, 40};
  const unsigned percent = severities[dice.below(4)];
  std::vector<core::RunPlan> plans{random_plan(dice, 1)};
  simulator::Simulator simulator(random_model(dice, percent, plans), &dice.generator(),
                                 core::AttemptId{1 + dice.below(100)});
  Invariants invariants(thorough);
  simulator.keep_log = keep_log;
  simulator.watch = [&](auto now, const auto& event, const auto& actions, const auto& scheduler) {
    invariants.see(now, event, actions, scheduler);
    if (watch) watch(event, actions);
  };
  simulator.at(dice.up_to(20), core::event::RunSubmitted{plans[0]});
  // The same again: refused while the first is on, a run of its own behind it.
  if (dice.chance(20)) simulator.at(dice.up_to(600), core::event::RunSubmitted{plans[0]});
  disturb(simulator, dice);

  RandomResult result;
  // 40 tests of at most some 10 attempts of at most some 300 s and 100 events each; rests between them.
  result.outcome = simulator.run({.events = 200'000, .time = std::chrono::hours(72)});
  invariants.end();
  result.broken = invariants.broken();
  if (result.outcome.exhausted) result.broken.insert(result.broken.begin(), "it never ends");
  return result;
}

}  // namespace kvmtest::scenarios
