// What different numbers of workers and prefixes came to.

#include "report/tuning.h"

#include <gtest/gtest.h>

namespace kvmtest::report {
namespace {

using std::chrono::seconds;

TuningRow row(std::optional<unsigned> workers, std::optional<unsigned> prefixes, int makespan, unsigned failed = 0) {
  TuningRow out;
  out.workers = workers;
  out.prefixes = prefixes;
  out.makespan = seconds(makespan);
  out.tests = 100;
  out.failed = failed;
  return out;
}

TEST(Knee, IsTheLeastThatIsAsQuickAsAny) {
  EXPECT_EQ(knee({row(1, 1, 200), row(1, 2, 104), row(2, 2, 103), row(2, 4, 100), row(4, 8, 100)}), 1U);
  EXPECT_EQ(knee({row(1, 1, 200), row(1, 2, 106), row(2, 4, 100), row(4, 8, 100)}), 2U);
}

TEST(Knee, FailuresCountMoreThanTime) {
  EXPECT_EQ(knee({row(1, 1, 200), row(1, 2, 100, 1), row(2, 4, 50, 2)}), 0U);
  TuningRow twice = row(2, 4, 50, 1);
  twice.tests = 200;
  EXPECT_EQ(knee({row(1, 1, 200, 1), twice}), 1U) << "of a hundred tests";
}

TEST(Knee, WhatTheLoadDecidesIsLessThanAnyNumber) {
  EXPECT_EQ(knee({row(1, 1, 100), row(std::nullopt, std::nullopt, 104)}), 1U);
  EXPECT_EQ(knee({row(1, 1, 100), row(std::nullopt, std::nullopt, 106)}), 0U);
}

TEST(Knee, OfNothingThereIsNone) { EXPECT_EQ(knee({}), std::nullopt); }

TEST(TuningText, IsATableWithBars) {
  TuningRow slow = row(1, 2, 100, 3);
  slow.timeouts = 4;
  slow.starved = 5;
  slow.starved_share = 0.25;
  slow.stood_still = 0.5;
  EXPECT_EQ(tuning_text({slow, row(std::nullopt, std::nullopt, 50)}, {.width = 100}),
            " workers prefixes       makespan  failed time-outs  starved   of time  stood still\n"
            "       1        2   1 min 40.0 s       3         4        5      25 %         50 %  ################\n"
            "    auto     auto        50.00 s       0         0        0       0 %          0 %  ########\n");
}

}  // namespace
}  // namespace kvmtest::report
