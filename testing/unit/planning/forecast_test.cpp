// A forecast from a run against that run: in virtual time, where no two resets and no two tests take as long.

#include "planning/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "fixture.h"
#include "simulator/simulator.h"

namespace kvmtest::planning {
namespace {

using core::Duration;
using core::Host;
using core::Verdict;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What a run left in the database.
struct Recorded {
  report::RunSummary summary;
  std::vector<report::ResetTime> resets;
  Duration makespan{};
};

/// How one domain came to its clean shell, of the way's name in the database.
struct Reset {
  Host host;
  std::string way;
  core::Instant since;
};

/// Drives a plan on a machine of two cores, of which every time is drawn anew.
class NoisyRun {
 public:
  explicit NoisyRun(std::uint64_t seed) : random_(seed) {}

  Recorded drive(const core::RunPlan& plan) {
    simulator::Simulator simulator(model());
    simulator.watch = [this](core::Instant now, const core::Event& event, const core::Actions& actions, const auto&) {
      if (const auto* reset = std::get_if<core::event::DomainReset>(&event)) note(reset->ticket, now);
      for (const core::Action& action : actions)
        if (const auto* reset = std::get_if<core::action::ResetDomain>(&action)) begin(*reset, now);
    };
    simulator.at({}, core::event::RunSubmitted{plan});
    const auto outcome = simulator.run();
    Recorded out;
    out.makespan = outcome.makespan;
    out.summary.workers = plan.slots;
    for (const core::Prefix& prefix : plan.prefixes) out.summary.prefixes.push_back(prefix.value);
    for (const core::PlannedTest& planned : plan.tests) {
      report::Attempt attempt;
      attempt.started = core::WallTime{};
      attempt.split = outcome.verdicts.at(planned.index).back().report.split;
      out.summary.tests.push_back({.name = planned.name, .attempts = {attempt}});
    }
    for (const auto& [key, times] : took_) {
      Duration sum{};
      for (const Duration one : times) sum += one;
      const auto count = static_cast<unsigned>(times.size());
      out.resets.push_back({key.first, key.second, count, sum / count});
    }
    return out;
  }

 private:
  Duration between(milliseconds least, milliseconds most) {
    return least + milliseconds(static_cast<int>(random_() % static_cast<unsigned>((most - least).count() + 1)));
  }

  simulator::Model model() {
    simulator::Model model = simulator::Model::constant({}, {}, 10ms, 250ms);
    model.cores = 2;
    model.reset = [this](const core::Domain& domain, unsigned) {
      const auto slow = domain.host.value == "north" ? 3s : 0s;
      return simulator::ResetFate{.takes = slow + between(4000ms, 6000ms)};
    };
    model.go_back = [this](const core::Domain& domain, unsigned) {
      const bool first = up_.insert(domain).second;
      return simulator::ResetFate{.takes = first ? between(800ms, 2400ms) : between(20ms, 400ms)};
    };
    model.test = [this](core::TestIndex, unsigned) { return simulator::TestFate{.takes = between(500ms, 7000ms)}; };
    return model;
  }

  void begin(const core::action::ResetDomain& order, core::Instant now) {
    std::string way = "boot";
    if (!core::is_boot(order.method)) way = up_.contains(order.domain) ? "swap" : "restore";
    under_way_[order.ticket] = {order.domain.host, std::move(way), now};
  }
  void note(core::Ticket ticket, core::Instant now) {
    const Reset& reset = under_way_.at(ticket);
    took_[{reset.host, reset.way}].push_back(std::chrono::duration_cast<Duration>(now - reset.since));
  }

  std::mt19937_64 random_;
  std::set<core::Domain> up_;
  std::map<core::Ticket, Reset> under_way_;
  std::map<std::pair<Host, std::string>, std::vector<Duration>> took_;
};

std::vector<suite::LoadedTest> some_tests(std::mt19937_64& random) {
  const std::vector<std::vector<std::string>> groups{
      {"east"}, {"east", "west"}, {"west", "nic"}, {"east", "west", "nic", "north"}};
  std::vector<suite::LoadedTest> out;
  const std::uint64_t count = 12 + random() % 40;
  for (std::uint64_t i = 0; i < count; ++i)
    out.push_back(test("t" + std::to_string(i), groups[random() % groups.size()]));
  return out;
}

Machine machine() {
  Machine out;
  out.cores = 2;
  out.memory_available = 16384 * mib;
  for (const char* host : {"east", "west", "nic", "north"}) out.guest_memory[Host{host}] = 192 * mib;
  return out;
}

RunRequest request(unsigned workers, unsigned prefixes) {
  RunRequest out;
  out.workers = workers;
  for (unsigned i = 0; i < prefixes; ++i) out.prefixes.push_back(std::string(1, static_cast<char>('a' + i)) + ".");
  return out;
}

// The times of tests are known; what is averaged is what the resets took, and by what way.
TEST(Forecast, OfTheRunThatItIsMadeFromIsWithinTenPercent) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto tests = some_tests(random);
    const auto workers = 1 + static_cast<unsigned>(random() % 3);
    const auto prefixes = 1 + static_cast<unsigned>(random() % 3);
    const bool kept = random() % 2 == 0;
    RunRequest wish = request(workers, prefixes);
    if (random() % 4 == 0) wish.reset = settings::ResetMethod::boot;
    const Plan planned = plan(wish, tests, {}, {}, machine(), [&](const core::Domain& domain) {
      return CleanState{core::SavedStateId{domain.host.value}, kept};
    });
    const Recorded run = NoisyRun(seed).drive(planned.run);
    const Basis basis = basis_from(run.summary, run.resets, {}, wish, tests, machine(), {}, {});
    const double told = core::seconds(forecast(basis, workers, prefixes).makespan);
    const double took = core::seconds(run.makespan);
    EXPECT_LE(std::abs(told - took), 0.1 * took)
        << "seed " << seed << ": told " << told << " s, took " << took << " s; " << tests.size() << " tests, "
        << workers << " workers, " << prefixes << " prefixes, kept " << kept;
  }
}

report::TestResult result(const std::string& name, Duration took) {
  report::Attempt attempt;
  attempt.started = core::WallTime{};
  attempt.split.test = took;
  return {.name = name, .attempts = {attempt}};
}

Basis basis(const std::vector<report::ResetTime>& resets, Duration boot = {}) {
  report::RunSummary run;
  run.workers = 1;
  run.prefixes = {"a."};
  run.tests = {result("a", 3s), result("b", 4s)};
  run.tests[0].attempts[0].split.judging = 2s;
  auto tests = std::vector{test("a", {"east"}), test("b", {"east"}), test("c", {"west"}), test("d", {"west"})};
  tests.back().test.obstacle = "no such file";
  return basis_from(run, resets, {.durations = {{"a", 9s}}, .passed = {}}, request(1, 1), tests, machine(), {}, boot);
}

TEST(Basis, TestsTakeWhatTheyTookBefore) {
  const Basis known = basis({});
  EXPECT_EQ(known.timings.tests[0], 9s) << "in all runs";
  EXPECT_EQ(known.timings.tests[1], 4s) << "in this one";
  EXPECT_EQ(known.timings.tests[2], 9s) << "it never ran";
  EXPECT_EQ(known.unknown, 1U);
  EXPECT_EQ(known.runnable(), 3U);
  EXPECT_EQ(known.timings.judging, 1s);
}

TEST(Basis, ResetsAreThoseOfTheHostOrElseOfAll) {
  const Host east{"east"};
  const Host west{"west"};
  const Basis known =
      basis({{east, "boot", 1, 10s}, {west, "boot", 1, 20s}, {west, "load", 1, 4s}, {west, "swap", 3, 0s}});
  const auto& times = known.timings;
  EXPECT_EQ(times.of_host.at(east).boot, 10s);
  EXPECT_EQ(times.resets.boot, 15s);
  EXPECT_EQ(times.of_host.at(west).load, 1s) << "by itself and by its spare";
  EXPECT_EQ(times.of_host.at(east).load, 1s) << "it never went back in this run";
  EXPECT_EQ(times.resets.restore, 1s) << "the nearest that is known";
  EXPECT_EQ(known.booted, (std::set<Host>{east, west}));
  EXPECT_EQ(basis({{east, "boot", 2, 10s}}, 1s).timings.of_host.at(east).boot, 1s);
}

TEST(Basis, WithoutAnyGoingBackItIsBootedEachTime) {
  EXPECT_EQ(basis({{Host{"east"}, "boot", 2, 10s}}).request.reset, settings::ResetMethod::boot);
  EXPECT_EQ(basis({{Host{"east"}, "restore", 2, 1s}}).request.reset, settings::ResetMethod::snapshot);
}

// A state counts with its domain: each takes 512 MiB, and there are two hosts in two prefixes.
TEST(Forecast, KnowsHowMuchMemoryThereIs) {
  Basis known = basis({{Host{"east"}, "restore", 2, 1s}});
  const auto makespan = [&](std::uint64_t budget) {
    known.machine.memory_available = (budget + 256) * mib;
    return forecast(known, 1, 2).makespan;
  };
  EXPECT_EQ(makespan(2048), makespan(99999));
  EXPECT_GT(makespan(1023), makespan(1024) + 3s) << "one test at a time";
}

}  // namespace
}  // namespace kvmtest::planning
