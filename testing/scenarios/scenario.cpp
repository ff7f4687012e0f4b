#include "scenario.h"

#include <algorithm>
#include <sstream>

#include "simulator/narration.h"

namespace kvmtest::scenarios {

core::Domain domain(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return {core::Prefix{""}, core::Host{std::string(name)}};
  return {core::Prefix{std::string(name.substr(0, dot + 1))}, core::Host{std::string(name.substr(dot + 1))}};
}

Scenario::Scenario() : model(simulator::Model::constant(10s, 5s, 1s, 1s)) {
  plan.run = core::RunId{1};
  plan.slots = 2;
  plan.prefixes = {core::Prefix{"a."}};
  model.reset = [this](const core::Domain& d, unsigned nth) {
    if (const auto found = resets_.find({d, nth}); found != resets_.end()) return found->second;
    if (const auto found = every_reset_.find(d); found != every_reset_.end()) return found->second;
    return ResetFate{.takes = 10s};
  };
  model.go_back = [this](const core::Domain& d, unsigned nth) {
    const auto found = resets_.find({d, nth});
    return found == resets_.end() ? ResetFate{.takes = 1s} : found->second;
  };
  model.pause_fails = [this](const core::Domain& d) { return not_paused_.contains(d); };
  model.test = [this](core::TestIndex index, unsigned number) {
    const auto found = tests_.find({plan.tests.at(index.value).name, number});
    return found == tests_.end() ? TestFate{.takes = 5s} : found->second;
  };
  model.judge = [this](core::TestIndex index, unsigned number) {
    const auto found = judgings_.find({plan.tests.at(index.value).name, number});
    return found == judgings_.end() ? JudgeFate{.takes = 1s} : found->second;
  };
  model.destroy = [this](const core::Domain& d, unsigned nth) {
    const auto found = destructions_.find({d, nth});
    return found == destructions_.end() ? DestroyFate{.takes = 1s} : found->second;
  };
}

void Scenario::test(std::string name, std::vector<std::string> hosts, unsigned attempts_before) {
  core::PlannedTest planned;
  planned.index = core::TestIndex{static_cast<std::uint32_t>(plan.tests.size())};
  planned.name = std::move(name);
  for (std::string& host : hosts) planned.hosts.emplace_back(std::move(host));
  planned.attempts = attempts_before;
  plan.tests.push_back(std::move(planned));
}

void Scenario::prefixes(const std::vector<std::string>& names) {
  plan.prefixes.clear();
  for (const std::string& name : names) plan.prefixes.emplace_back(name);
}

void Scenario::reset(std::string_view name, unsigned nth, ResetFate fate) {
  resets_[{domain(name), nth}] = std::move(fate);
}
void Scenario::every_reset(std::string_view name, ResetFate fate) { every_reset_[domain(name)] = std::move(fate); }
void Scenario::attempt(std::string name, unsigned number, TestFate fate) {
  tests_[{std::move(name), number}] = std::move(fate);
}
void Scenario::judging(std::string name, unsigned number, JudgeFate fate) {
  judgings_[{std::move(name), number}] = std::move(fate);
}
void Scenario::destruction(std::string_view name, unsigned nth, DestroyFate fate) {
  destructions_[{domain(name), nth}] = std::move(fate);
}

void Scenario::request(core::Duration when, std::uint64_t number, std::string_view name, bool fresh, unsigned slots) {
  core::event::DomainRequested event{core::RequestId{number}, domain(name), fresh, slots, {}};
  if (const auto found = plan.states.of.find(event.domain); found != plan.states.of.end()) {
    event.states.of.insert(*found);
    if (plan.states.kept.contains(found->second)) event.states.kept.insert(found->second);
  }
  at(when, std::move(event));
}
void Scenario::destroy_request(core::Duration when, std::uint64_t number, std::string_view name) {
  at(when, core::event::DestroyRequested{core::RequestId{number}, domain(name)});
}
void Scenario::lose_at(core::Duration when, std::string_view name, Fault fault, bool script_sees) {
  losses_.push_back({when, domain(name), fault, script_sees});
}

const Outcome& Scenario::play(bool submit) {
  simulator::Simulator simulator(model);
  Invariants invariants;
  simulator.watch = [&](auto now, const auto& event, const auto& actions, const auto& scheduler) {
    invariants.see(now, event, actions, scheduler);
  };
  simulator.keep_log = true;
  if (submit) simulator.at({}, core::event::RunSubmitted{plan});
  for (const auto& [when, event] : outside_) simulator.at(when, event);
  for (const Lost& lost : losses_) simulator.lose_at(lost.when, lost.domain, lost.fault, "lost", lost.script_sees);
  outcome = simulator.run({.events = 20'000});
  invariants.end();
  EXPECT_FALSE(outcome.exhausted) << "it never ends";
  for (const std::string& broken : invariants.broken()) ADD_FAILURE() << broken << "\n" << timeline();
  return outcome;
}

std::string Scenario::timeline(const std::vector<std::string>& words) const {
  std::istringstream log(simulator::narrate(outcome.log));
  std::string text;
  for (std::string line; std::getline(log, line);) {
    const auto has = [&](const std::string& word) { return line.find(word) != std::string::npos; };
    if (has("queued:") && std::find(words.begin(), words.end(), "queued") == words.end()) continue;
    if (words.empty() || std::any_of(words.begin(), words.end(), has)) text += line + "\n";
  }
  return text;
}

std::string lines(std::string_view text) {
  std::istringstream in{std::string(text.substr(text.find('\n') + 1))};
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const auto start = line.find_first_not_of(' ');
    if (start != std::string::npos) out += line.substr(start) + "\n";
  }
  return out;
}

}  // namespace kvmtest::scenarios
