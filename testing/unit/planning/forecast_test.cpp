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
    model.spare = [this](const core::Domain&, bool in_place) {
      return simulator::SpareFate{.work = in_place ? between(20ms, 400ms) : between(800ms, 2400ms)};
    };
    model.test = [this](core::TestIndex, unsigned) { return simulator::TestFate{.takes = between(500ms, 7000ms)}; };
    return model;
  }

  void begin(const core::action::ResetDomain& order, core::Instant now) {
    std::string way = "boot";
    if (!core::is_boot(order.method)) way = up_.contains(order.domain) ? "load" : "restore";
    if (order.method == core::Method::swap) way = "swap";
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
    const double told = core::seconds(forecast(basis, {workers, prefixes}).makespan);
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
  EXPECT_EQ(known.timings.tests[0].took, 9s) << "in all runs";
  EXPECT_EQ(known.timings.tests[1].took, 4s) << "in this one";
  EXPECT_EQ(known.timings.tests[2].took, 9s) << "it never ran";
  EXPECT_EQ(known.unknown, 1U);
  EXPECT_EQ(known.runnable(), 3U);
  EXPECT_EQ(known.timings.judging, 1s);
}

report::TestResult worked(const std::string& name, Duration took, Duration used, Duration starved, Duration frozen) {
  auto out = result(name, took);
  out.attempts[0].use = {{"east", used / 2, starved / 2}, {"west", used / 2, starved / 2}};
  out.attempts[0].frozen = frozen;
  return out;
}

TEST(Basis, TestsWorkAndRestAsTheyDid) {
  report::RunSummary run;
  run.workers = 1;
  run.prefixes = {"a."};
  run.tests = {worked("a", 20s, 6s, 2s, 4s), worked("b", 3s, 4s, 0s, 0s)};
  const auto tests = std::vector{test("a", {"east"}), test("b", {"east"}), test("c", {"west"}), test("d", {"west"})};
  const Past past{.durations = {{"a", 100s}, {"c", 9s}}, .passed = {}};
  const auto times = basis_from(run, {}, past, request(1, 1), tests, machine(), {}, {}).timings.tests;
  EXPECT_EQ(times[0].took, 16s) << "without what it stood still for";
  EXPECT_EQ(times[0].work, 6s);
  EXPECT_EQ(times[0].starved, 2s);
  EXPECT_EQ(times[1].work, 4s);
  EXPECT_EQ(times[2].took, 9s);
  EXPECT_EQ(times[2].work, 5s) << "as much for each second as the others";
  EXPECT_EQ(times[3].took, 9s) << "it never ran: the median";
}

/// Of tests that work and rest for so long each, on so many cores.
simulator::Forecast of_tests(Duration work, Duration rest, unsigned cores, const Numbers& numbers) {
  report::RunSummary run;
  run.workers = 1;
  run.prefixes = {"a."};
  std::vector<suite::LoadedTest> tests;
  for (int i = 0; i < 32; ++i) {
    tests.push_back(test("t" + std::to_string(i), {"east"}));
    run.tests.push_back(worked(tests.back().test.name, work + rest, work, 0s, 0s));
  }
  const std::vector<report::ResetTime> resets{{Host{"east"}, "restore", 1, 1s}, {Host{"east"}, "swap", 31, 0s}};
  Basis basis = basis_from(run, resets, {}, request(1, 1), tests, machine(), {}, {});
  basis.machine.memory_available *= 100;
  basis.timings.cores = cores;
  return forecast(basis, numbers);
}

TEST(Forecast, KnowsThatTestsThatWorkShareTheProcessors) {
  const auto two = of_tests(10s, 0s, 2, {1, 2});
  const auto eight = of_tests(10s, 0s, 2, {1, 8});
  EXPECT_GT(core::seconds(eight.makespan), 32 * 10.0 / 2);
  EXPECT_GT(core::seconds(eight.makespan), 0.9 * core::seconds(two.makespan));
  EXPECT_GT(eight.stood_still, 0.5);
  EXPECT_LT(core::seconds(of_tests(10s, 0s, 8, {1, 8}).makespan), 0.4 * core::seconds(eight.makespan));
}

TEST(Forecast, KnowsThatTestsThatSleepDoNot) {
  const auto two = of_tests(1s, 9s, 2, {1, 2});
  const auto eight = of_tests(1s, 9s, 2, {1, 8});
  EXPECT_LT(core::seconds(eight.makespan), 0.4 * core::seconds(two.makespan));
}

TEST(Forecast, TakesPrefixesIntoUseAsARunDoes) {
  const auto working = of_tests(10s, 0s, 2, {std::nullopt, std::nullopt});
  const auto sleeping = of_tests(1s, 9s, 2, {std::nullopt, std::nullopt});
  EXPECT_LE(working.prefixes, 3U);
  EXPECT_GE(sleeping.prefixes, 6U);
}

TEST(Basis, ResetsAreThoseOfTheHostOrElseOfAll) {
  const Host east{"east"};
  const Host west{"west"};
  const Basis known =
      basis({{east, "boot", 1, 10s}, {west, "boot", 1, 20s}, {west, "load", 1, 4s}, {west, "swap", 3, 2s}});
  const auto& times = known.timings;
  EXPECT_EQ(times.of_host.at(east).boot, 10s);
  EXPECT_EQ(times.resets.boot, 15s);
  EXPECT_EQ(times.of_host.at(west).load, 4s) << "by itself";
  EXPECT_EQ(times.of_host.at(west).swap, 2s) << "by its spare";
  EXPECT_EQ(times.of_host.at(east).load, 4s) << "it never went back in this run";
  EXPECT_EQ(times.resets.restore, 4s) << "the nearest that is known";
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
    return forecast(known, {1, 2}).makespan;
  };
  EXPECT_EQ(makespan(2048), makespan(99999));
  EXPECT_GT(makespan(1023), makespan(1024) + 3s) << "one test at a time";
}

}  // namespace
}  // namespace kvmtest::planning
