// When work may begin beside what goes on, by what was measured.

#include "core/admission.h"

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

using namespace std::chrono_literals;

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() { admission.begin_run({.starts = true, .prefixes = true, .max_average = 2}); }

  void measure(double idle, double average = 0, Duration interval = 100ms) {
    admission.measured({.interval = interval, .processors = 4, .idle = idle, .average = average, .groups = {}});
  }
  /// How much may begin at once.
  unsigned begin_all() {
    unsigned begun = 0;
    for (; admission.has_room() && begun < 100; ++begun) admission.reserve();
    return begun;
  }

  Admission admission;
};

TEST_F(AdmissionTest, BeforeAnythingIsMeasuredThereIsNoRoom) { EXPECT_FALSE(admission.has_room()); }

TEST_F(AdmissionTest, AsMuchBeginsAtOnceAsThereAreIdleProcessors) {
  measure(3);
  EXPECT_EQ(begin_all(), 3U);
}

TEST_F(AdmissionTest, WhatHasBegunCountsOnceWhileItBecomesVisible) {
  measure(4);
  EXPECT_EQ(begin_all(), 4U);
  for (int i = 0; i < 50; ++i) {
    measure(0);
    EXPECT_FALSE(admission.has_room()) << i;
  }
}

TEST_F(AdmissionTest, WhatHasBegunAndDoesNotUseItLeavesItsProcessorToOthers) {
  measure(1);
  EXPECT_EQ(begin_all(), 1U);
  measure(1);
  EXPECT_FALSE(admission.has_room()) << "it may yet";
  for (int i = 0; i < 10; ++i) measure(1);
  EXPECT_TRUE(admission.has_room());
}

TEST_F(AdmissionTest, AMomentsRestIsNoRoom) {
  for (int i = 0; i < 20; ++i) measure(0);
  measure(1);
  EXPECT_FALSE(admission.has_room());
}

TEST_F(AdmissionTest, WhatIsExpectedCountsAsBegun) {
  measure(2);
  EXPECT_TRUE(admission.has_room(1));
  EXPECT_FALSE(admission.has_room(2));
}

TEST_F(AdmissionTest, AHighLoadAverageHoldsNewWorkBack) {
  measure(4, 8);
  EXPECT_FALSE(admission.held_back());
  measure(4, 8.1);
  EXPECT_TRUE(admission.held_back());
  admission.begin_run({});
  measure(4, 1000);
  EXPECT_FALSE(admission.held_back()) << "without a bound";
}

}  // namespace
}  // namespace kvmtest::core
