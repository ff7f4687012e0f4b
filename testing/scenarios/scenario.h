#pragma once
// A scenario: a run in virtual time whose log is compared, line by line, with the timeline that is expected. The
// invariants are checked on each.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "invariants.h"
#include "simulator/simulator.h"

namespace kvmtest::scenarios {

using namespace std::chrono_literals;
using core::Fault;
using simulator::DestroyFate;
using simulator::JudgeFate;
using simulator::Loss;
using simulator::Outcome;
using simulator::ResetFate;
using simulator::TestFate;

/// "a.east" is host east of prefix a.; "east" is east of the empty prefix.
core::Domain domain(std::string_view name);

/// A boot takes 10 s, going back to a saved state and a destruction 1 s, a test 5 s, judging 1 s, a pause no time,
/// unless told otherwise.
class Scenario : public ::testing::Test {
 protected:
  Scenario();

  /// The run: submitted at 0 s by play() when it has tests, prefixes or `submit` says so.
  core::RunPlan plan;
  void test(std::string name, std::vector<std::string> hosts, unsigned attempts_before = 0);
  void prefixes(const std::vector<std::string>& names);
  /// The domain has a state that it can be brought to without a boot; equal names, equal states.
  void state(std::string_view name, std::string state) { plan.states.of[domain(name)].value = std::move(state); }
  void kept(std::string name) { plan.states.kept.emplace(std::move(name)); }

  // What shall go otherwise. Resets of a domain are counted from 1, whatever their method.
  void reset(std::string_view domain, unsigned nth, ResetFate fate);
  void every_reset(std::string_view domain, ResetFate fate);
  void attempt(std::string test, unsigned number, TestFate fate);
  void judging(std::string test, unsigned number, JudgeFate fate);
  void destruction(std::string_view domain, unsigned nth, DestroyFate fate);
  void pauses_take(core::Duration time) { model.pause = time; }
  void no_pause(std::string_view name) { not_paused_.insert(domain(name)); }
  simulator::Model model;

  // What comes from outside.
  void at(core::Duration when, core::Event event) { outside_.emplace_back(when, std::move(event)); }
  void stop_at(core::Duration when, bool release = true) { at(when, core::event::StopRequested{release}); }
  void interrupt_at(core::Duration when) { at(when, core::event::StopRequested{.stays_open = true}); }
  /// With the domain's state of the plan, if it has one.
  void request(core::Duration when, std::uint64_t number, std::string_view name, bool fresh = false,
               unsigned slots = 1);
  void destroy_request(core::Duration when, std::uint64_t number, std::string_view name);
  void lose_at(core::Duration when, std::string_view name, Fault fault, bool script_sees = true);

  /// Plays it to the end. `submit`: whether the plan is submitted at 0 s.
  const Outcome& play(bool submit = true);

  /// The log, a line an entry, "seconds what"; only lines with one of the words, when there are words, and without the
  /// jobs' queue figures unless asked for by "queued".
  [[nodiscard]] std::string timeline(const std::vector<std::string>& words = {}) const;

  Outcome outcome;

 private:
  struct Lost {
    core::Duration when;
    core::Domain domain;
    Fault fault;
    bool script_sees;
  };
  std::vector<std::pair<core::Duration, core::Event>> outside_;
  std::vector<Lost> losses_;
  std::map<std::pair<core::Domain, unsigned>, ResetFate> resets_;
  std::map<core::Domain, ResetFate> every_reset_;
  std::map<std::pair<std::string, unsigned>, TestFate> tests_;
  std::map<std::pair<std::string, unsigned>, JudgeFate> judgings_;
  std::map<std::pair<core::Domain, unsigned>, DestroyFate> destructions_;
  std::set<core::Domain> not_paused_;
};

/// A timeline written over several lines: without the first newline and the indentation.
std::string lines(std::string_view text);

}  // namespace kvmtest::scenarios
