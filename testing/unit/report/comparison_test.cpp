#include "report/comparison.h"

#include <gtest/gtest.h>

namespace kvmtest::report {
namespace {

using core::Verdict;

RunSummary run_of(const std::vector<std::pair<std::string, std::optional<Verdict>>>& tests) {
  RunSummary run;
  for (const auto& [name, verdict] : tests) run.tests.push_back({.name = name, .verdict = verdict});
  return run;
}

const Baseline before{.name = "run 6",
                      .verdicts = {{"broke", Verdict::passed},
                                   {"mended", Verdict::failed},
                                   {"bad", Verdict::unresolved},
                                   {"good", Verdict::passed},
                                   {"skipped", Verdict::unsupported},
                                   {"gone", Verdict::failed}}};

TEST(Compare, TellsWhatIsNew) {
  const Comparison found = compare(run_of({{"broke", Verdict::unresolved},
                                           {"mended", Verdict::passed},
                                           {"bad", Verdict::failed},
                                           {"good", Verdict::passed},
                                           {"skipped", Verdict::failed},
                                           {"new\n", Verdict::failed},
                                           {"untested", Verdict::untested},
                                           {"undecided", std::nullopt}}),
                                   before);
  EXPECT_EQ(found.new_failures, std::vector<std::string>{"broke"});
  EXPECT_EQ(found.new_passes, std::vector<std::string>{"mended"});
  EXPECT_EQ(found.still, std::vector<std::string>{"bad"});
  EXPECT_EQ(found.added, std::vector<std::string>{"new\n"});
  EXPECT_EQ(comparison_text(found, {.color = false, .width = 80}),
            "against run 6\n"
            "  new failures       1  broke\n"
            "  new passes         1  mended\n"
            "  still failing      1  bad\n"
            "  not known then     1\n");
}

TEST(Compare, SaysThatNothingHasChanged) {
  const std::string text = comparison_text(compare(run_of({{"good", Verdict::passed}}), before), {});
  EXPECT_EQ(text, "against run 6\n  no verdict has changed\n");
}

}  // namespace
}  // namespace kvmtest::report
