// What begins beside what goes on, where that is not a number but what the processors bear.

#include <set>

#include "scenario.h"

namespace kvmtest::scenarios {
namespace {

class Admission : public Scenario {
 protected:
  Admission() {
    plan.admission = {.starts = true, .prefixes = true};
    plan.sharing.freezing = true;
    plan.slots = 100;
    model.tick = std::chrono::milliseconds(100);
  }
  /// So many, of one host each, and as many prefixes.
  void tests(unsigned count, TestFate fate) {
    std::vector<std::string> names;
    for (unsigned i = 0; i < count; ++i) {
      test("t" + std::to_string(i), {"east"});
      attempt("t" + std::to_string(i), 1, fate);
      names.push_back("p" + std::to_string(100 + i) + ".");
    }
    prefixes(names);
  }
  [[nodiscard]] std::size_t prefixes_used() const {
    std::set<core::Prefix> used;
    for (const auto& [test, reports] : outcome.verdicts)
      for (const auto& each : reports) used.insert(each.report.prefix);
    return used.size();
  }
};

TEST_F(Admission, AsManyDomainsAreStartedAsThereAreProcessors) {
  tests(12, {.takes = 1s});
  model.cores = 3;
  play();
  EXPECT_EQ(outcome.slots_peak, 3U);
}

TEST_F(Admission, APrefixIsTakenIntoUseWhileTestsSleep) {
  tests(40, {.takes = 60s, .work = 1s});
  model.cores = 2;
  play();
  EXPECT_GT(prefixes_used(), 8U);
  const auto automatic = outcome.makespan;
  plan.admission = {};
  plan.slots = 2;
  play();
  EXPECT_EQ(prefixes_used(), 40U);
  EXPECT_LT(core::seconds(automatic), 1.2 * core::seconds(outcome.makespan));
}

TEST_F(Admission, WhereTestsWorkNoMorePrefixesAreTakenThanGainTime) {
  tests(10, {.takes = 0s, .work = 60s});
  model.cores = 2;
  play();
  EXPECT_LE(prefixes_used(), 3U);
  EXPECT_LT(core::seconds(outcome.makespan), 1.1 * 10 * (10 + 60) / 2) << "with a boot for each";
}

TEST_F(Admission, WithoutMeasurementsOneAfterTheOther) {
  tests(3, {.takes = 1s});
  model.tick = {};
  play();
  EXPECT_EQ(outcome.slots_peak, 1U);
  EXPECT_EQ(prefixes_used(), 1U);
  EXPECT_EQ(outcome.finished, core::record::Outcome::completed);
}

TEST_F(Admission, WhenThePrefixInUseGoesOutOfUseAnotherOneIsTaken) {
  tests(3, {.takes = 1s});
  model.tick = {};
  plan.policy.host_fault_retries = 3;
  plan.policy.quarantine_after = 1;
  reset("p100.east", 1, {.takes = 1s, .fault = Fault::host});
  play();
  for (const auto& [test, reports] : outcome.verdicts) {
    EXPECT_EQ(reports.back().report.verdict, core::Verdict::passed);
    EXPECT_EQ(reports.back().report.prefix.value, "p101.");
  }
  EXPECT_EQ(outcome.finished, core::record::Outcome::completed);
}

TEST_F(Admission, OnACrowdedMachineNothingBeginsBesideWhatGoesOn) {
  tests(4, {.takes = 1s, .work = 30s});
  model.cores = 4;
  plan.admission.max_average = 0.3;
  play();
  // Two processors of four are more than three tenths: no third test begins beside two.
  EXPECT_GT(core::seconds(outcome.makespan), 2 * 31);
  EXPECT_EQ(outcome.finished, core::record::Outcome::completed);
}

TEST_F(Admission, OfAThousandProcessorsAllAreUsed) {
  tests(100, {.takes = 0s, .work = 600s});
  model.cores = 1000;
  play();
  EXPECT_EQ(prefixes_used(), 100U);
  EXPECT_LT(core::seconds(outcome.makespan), 700);
}

}  // namespace
}  // namespace kvmtest::scenarios
