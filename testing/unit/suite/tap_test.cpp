#include "suite/tap.h"

#include <gtest/gtest.h>

namespace kvmtest::suite {
namespace {

using Directive = TapPoint::Directive;
using Errors = std::vector<std::string>;

TEST(Tap, ReadsPlanPointsAndWhatIsSaidOfThem) {
  const Tap tap = parse_tap(
      "TAP version 13\n"
      "1..5\n"
      "ok 1 - the link is up\n"
      "not ok 2 - ping answers\n"
      "# got 100% loss\n"
      "# of 3 packets\n"
      "  ---\n"
      "  message: a block that is indented\n"
      "  ...\n"
      "ok 3 - ipv6 # SKIP no address\n"
      "not ok 4 large packets # TODO fragments\r\n"
      "ok\n");
  EXPECT_EQ(tap.planned, 5U);
  EXPECT_EQ(tap.errors, Errors{});
  ASSERT_EQ(tap.points.size(), 5U);
  EXPECT_EQ(tap.points[0].description, "the link is up");
  EXPECT_FALSE(tap.points[0].failed());
  EXPECT_TRUE(tap.points[1].failed());
  EXPECT_EQ(tap.points[1].diagnostic, "got 100% loss");
  EXPECT_EQ(tap.points[2].directive, Directive::skip);
  EXPECT_EQ(tap.points[2].reason, "no address");
  EXPECT_EQ(tap.points[3].directive, Directive::todo);
  EXPECT_EQ(tap.points[3].description, "large packets");
  EXPECT_EQ(tap.points[3].reason, "fragments");
  EXPECT_FALSE(tap.points[3].failed());
  EXPECT_EQ(tap.points[4].number, 5U);
}

TEST(Tap, APlanAtTheEndIsAsGood) {
  EXPECT_EQ(parse_tap("ok\nok\n1..2\n").errors, Errors{});
  EXPECT_EQ(parse_tap("ok 2\nok 1\n1..2").errors, Errors{});
}

TEST(Tap, WhatThePlanDoesNotSayIsAnError) {
  EXPECT_EQ(parse_tap("1..3\nok 1\nok 3\n").errors,
            Errors{"planned 3 points, but 2 came; the first that is missing is 2"});
  EXPECT_EQ(parse_tap("ok 1\n").errors, Errors{"there is no plan (1..N): the output may have been cut off"});
  EXPECT_EQ(parse_tap("1..1\nok 1\nok 2\n").errors, Errors{"point 2 is beyond the plan of 1"});
  EXPECT_EQ(parse_tap("1..2\nok 1\nok 1\n").errors,
            (Errors{"point 1 came twice", "planned 2 points, but 1 came; the first that is missing is 2"}));
  EXPECT_EQ(parse_tap("1..1\n1..2\nok\n").errors, Errors{"a second plan: 1..2"});
}

TEST(Tap, NothingToTestHasAReason) {
  const Tap tap = parse_tap("1..0 # Skipped: no such kernel\n");
  EXPECT_EQ(tap.skipped, "no such kernel");
  EXPECT_EQ(tap.errors, Errors{});
  EXPECT_EQ(parse_tap("1..0\n").skipped, "");
}

TEST(Tap, BailingOutEndsIt) {
  const Tap tap = parse_tap("1..3\nok 1\nBail out! no network\nok 2\n");
  EXPECT_EQ(tap.bailed_out, "no network");
  EXPECT_EQ(tap.points.size(), 1U);
  EXPECT_EQ(tap.errors, Errors{});
}

TEST(Tap, OnlyAnUnescapedHashBeginsADirective) {
  const Tap tap = parse_tap("1..3\nnot ok 1 - a \\# TODO b\nnot ok 2 - c# TODO d\nnot ok 3 - issue #12\n");
  EXPECT_TRUE(tap.points[0].failed());
  EXPECT_TRUE(tap.points[1].failed());
  EXPECT_TRUE(tap.points[2].failed());
  EXPECT_EQ(tap.points[2].description, "issue #12");
}

TEST(Tap, WordsThatOnlyBeginLikeAPointAreNone) {
  EXPECT_TRUE(parse_tap("okay\nnothing\nnot okay\nnot\n1..x\n1..2 files\n").points.empty());
  EXPECT_EQ(parse_tap("ok 99999999999999999999\n").points.at(0).number, 1U);
}

TEST(Tap, KeepsNoMoreThanItCan) {
  std::string output;
  for (std::size_t i = 0; i <= Tap::most_points + 1; ++i) output += "ok\n";
  const Tap tap = parse_tap(output);
  EXPECT_EQ(tap.points.size(), Tap::most_points);
  EXPECT_EQ(tap.errors, Errors{"more than 100000 points"});
}

TEST(Tap, IsToldFromOtherOutput) {
  EXPECT_TRUE(looks_like_tap("TAP version 14\n"));
  EXPECT_TRUE(looks_like_tap("\n# from a shell script\nok 1 - x\n"));
  EXPECT_TRUE(looks_like_tap("some words\n1..2\n"));
  EXPECT_FALSE(looks_like_tap(""));
  EXPECT_FALSE(looks_like_tap("ok\nall is well\n"));
  EXPECT_FALSE(looks_like_tap("checking\nok 1\n"));
}

}  // namespace
}  // namespace kvmtest::suite
