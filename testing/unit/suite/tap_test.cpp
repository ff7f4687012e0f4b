#include "suite/tap.h"

#include <gtest/gtest.h>

namespace kvmtest::suite {
namespace {

using Directive = TapDirective;
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
  EXPECT_EQ(tap.points[1].notes, "got 100% loss\nof 3 packets\n");
  EXPECT_EQ(tap.points[1].details, "message: a block that is indented\n");
  EXPECT_EQ(tap.points[1].diagnosis(), "a block that is indented");
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
  EXPECT_EQ(tap.points[0].description, "a # TODO b");
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
  EXPECT_TRUE(looks_like_tap("[   0.1] booted\n  KTAP version 1\n"));
  EXPECT_TRUE(looks_like_tap("\n# from a shell script\nok 1 - x\n"));
  EXPECT_TRUE(looks_like_tap("some words\n1..2\n"));
  EXPECT_TRUE(looks_like_tap("building...\nok 1 - a\nnot ok 2 - b\n"));
  EXPECT_TRUE(looks_like_tap("words\nnot ok\n"));
  EXPECT_TRUE(looks_like_tap("words\n    not ok 7 - deep\n"));
  EXPECT_TRUE(looks_like_tap("words\nok 3\n"));
  EXPECT_TRUE(looks_like_tap("words\nok - said with a dash\n"));
  EXPECT_FALSE(looks_like_tap(""));
  EXPECT_FALSE(looks_like_tap("ok\nall is well\n"));
  EXPECT_FALSE(looks_like_tap("copying\nok 3 files\n"));
  EXPECT_FALSE(looks_like_tap("counting\n  1..5\n  ok\n"));
}

// What came, a line a point: "  not ok 2 - x" is the second one of a subtest.
std::string tree(const Tap& tap) {
  std::string out;
  for (const TapPoint& point : tap.points) {
    out += std::string(2 * std::size_t{point.level}, ' ');
    out += point.missing ? "missing" : point.ok ? "ok" : "not ok";
    out += ' ' + std::to_string(point.number) + (point.description.empty() ? "" : " - " + point.description) + '\n';
  }
  return out;
}

TEST(Tap, SubtestsAreIndentedByWhateverTheirProducerLikes) {
  const std::string expected = "ok 1 - outer\n  ok 1 - inner\n    ok 1 - deep\n  ok 2\n";
  const Tap four = parse_tap(
      "TAP version 14\n# Subtest: outer\n    # Subtest: inner\n        ok 1 - deep\n        1..1\n    ok 1 - inner\n"
      "    ok 2\n    1..2\nok 1 - outer\n1..1\n");
  EXPECT_EQ(tree(four), expected);
  EXPECT_EQ(four.errors, Errors{});
  const Tap two = parse_tap(
      "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n    KTAP version 1\n    1..1\n    ok 1 deep\n  ok 1 inner\n"
      "  ok 2\nok 1 outer\n");
  EXPECT_EQ(tree(two), expected);
  EXPECT_EQ(two.errors, Errors{});
}

TEST(Tap, TwoLevelsMayBeginAtOnce) {
  const Tap tap = parse_tap("        ok 1 - twice\n        1..1\n    ok 1 - parent\n    1..1\nok 1 - top\n1..1\n");
  EXPECT_EQ(tree(tap), "ok 1 - top\n  ok 1 - parent\n    ok 1 - twice\n");
  EXPECT_EQ(tap.errors, Errors{});
}

TEST(Tap, SubtestsOfTheKernelStandBehindAHash) {
  const Tap tap = parse_tap(
      "TAP version 13\n1..2\n# selftests: net: a.sh\n# TAP version 13\n# 1..2\n# # TAP version 13\n# # 1..1\n"
      "# # not ok 1 deepest # SKIP none\n# ok 1 in\n# # Starting b\n# not ok 2 b\n# # Totals: pass:1 fail:1\n"
      "not ok 1 selftests: net: a.sh # exit=1\n# timeout set to 45\n# selftests: net: b\n"
      "not ok 2 selftests: net: b # TIMEOUT 45 seconds\n");
  EXPECT_EQ(tree(tap),
            "not ok 1 - selftests: net: a.sh\n  ok 1 - in\n    not ok 1 - deepest\n  not ok 2 - b\n"
            "not ok 2 - selftests: net: b\n");
  EXPECT_EQ(tap.errors, Errors{});
  EXPECT_EQ(tap.points[0].reason, "exit=1");
  EXPECT_TRUE(tap.points[0].explained);
  EXPECT_EQ(tap.points[2].reason, "none");
  EXPECT_EQ(tap.points[3].notes, "Starting b\n");
  EXPECT_EQ(tap.points[4].directive, Directive::timeout);
  EXPECT_EQ(tap.points[4].reason, "45 seconds");
  EXPECT_EQ(tap.points[4].notes, "timeout set to 45\n");
}

TEST(Tap, OtherCommentsAreNoPoints) {
  const Tap tap = parse_tap("1..2\n# not ok 1 was seen last week\nok 1\n# ok 2 would come next\nok 2\n");
  EXPECT_EQ(tree(tap), "ok 1\nok 2\n");
  EXPECT_EQ(tap.points[0].notes, "ok 2 would come next\n");
  // What a test of bats printed is quoted behind its point.
  const Tap bats =
      parse_tap("1..2\nnot ok 1 x\n# (in test file x.bats, line 1)\n# TAP version 13\n# 1..1\n# not ok 1 y\nok 2 z\n");
  EXPECT_EQ(tree(bats), "not ok 1 - x\nok 2 - z\n");
}

TEST(Tap, WhatASubtestSaysCountsUnlessItsPointExcusesIt) {
  const auto failed = [](const std::string& end) {
    return parse_tap("1..1\n    not ok 1 - in\n    1..1\n" + end).points.at(1).failed();
  };
  EXPECT_TRUE(failed("ok 1 - out\n"));
  EXPECT_TRUE(failed("not ok 1 - out\n"));
  EXPECT_TRUE(failed(""));
  EXPECT_FALSE(failed("ok 1 - out # SKIP why\n"));
  EXPECT_FALSE(failed("not ok 1 - out # TODO why\n"));
  EXPECT_FALSE(failed("ok 1 - out # XFAIL why\n"));
}

TEST(Tap, ASubtestHasToKeepItsPlanUnlessItsPointSaysThatItFailed) {
  EXPECT_EQ(parse_tap("1..1\n    1..3\n    ok 1\nok 1 - out\n").errors,
            Errors{"in 1 - out: planned 3 points, but 1 came; the first that is missing is 2"});
  EXPECT_EQ(parse_tap("1..1\n    1..3\n    ok 1\nnot ok 1 - out\n").errors, Errors{});
  EXPECT_EQ(parse_tap("1..1\n    ok 1\nok 1\n").errors,
            Errors{"in 1: there is no plan (1..N): the output may have been cut off"});
  EXPECT_EQ(parse_tap("1..1\n# Subtest: sub\n    1..1\n    ok 1\n").errors,
            (Errors{"a subtest came to no point of its own: sub",
                    "planned 1 points, but 0 came; the first that is missing is 1"}));
}

TEST(Tap, OnlyKtapMayLeaveItsPlanOut) {
  EXPECT_EQ(parse_tap("KTAP version 1\nok 1 a\n").errors, Errors{});
  EXPECT_EQ(parse_tap("TAP version 14\nok 1 a\n").errors.size(), 1U);
  EXPECT_EQ(parse_tap("1..1\nok 1\nok 2\n1..1\n").errors,
            (Errors{"a second plan: 1..1", "point 2 is beyond the plan of 1"}));
  EXPECT_EQ(parse_tap("ok 1\n1..2\nok 2\n").errors,
            Errors{"the plan stands in the middle: points came before and after it"});
}

TEST(Tap, DirectivesOfTheKernelHaveReasons) {
  const Tap tap = parse_tap(
      "1..8\nok 1 a # XFAIL known\nnot ok 2 # XFAIL known\nok 3 # XPASS odd\nnot ok 4 # XPASS odd\n"
      "ok 5 # TIMEOUT 9 seconds\nnot ok 6 # ERROR no disk\nok 7 - see # error in line 3\nok 8 # TODO done\n");
  const std::vector<Directive> expected{Directive::xfail,   Directive::xfail, Directive::xpass, Directive::xpass,
                                        Directive::timeout, Directive::error, Directive::none,  Directive::todo};
  std::vector<Directive> found;
  std::string failed;
  for (const TapPoint& point : tap.points) {
    found.push_back(point.directive);
    if (point.failed()) failed += std::to_string(point.number);
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(failed, "456");
  EXPECT_EQ(tap.points[4].reason, "9 seconds");
  EXPECT_EQ(tap.points[6].description, "see # error in line 3");
}

TEST(Tap, BailingOutCountsAtAnyLevel) {
  const Tap indented = parse_tap("1..2\n    1..2\n    not ok 1 - a\n    bail OUT! no \\# net\nok 1\n");
  EXPECT_EQ(indented.bailed_out, "no # net");
  EXPECT_EQ(tree(indented), "missing 1\n  not ok 1 - a\n");
  EXPECT_TRUE(indented.points[1].failed());
  EXPECT_EQ(indented.errors, Errors{});
  // The kernel's runner goes on with the next program.
  const Tap quoted = parse_tap("1..2\n# TAP version 13\n# 1..3\n# Bail out! no root\nnot ok 1 a\nok 2 b\n");
  EXPECT_EQ(quoted.bailed_out, std::nullopt);
  EXPECT_EQ(quoted.bailed_out_within, Errors{"1 - a: no root"});
  EXPECT_EQ(tree(quoted), "not ok 1 - a\nok 2 - b\n");
  const Tap alone = parse_tap("1..1\n# selftests: net: x\n# Bail out! no root\nnot ok 1 selftests: net: x # exit=1\n");
  EXPECT_EQ(alone.bailed_out_within, Errors{"1 - selftests: net: x: no root"});
}

TEST(Tap, ABlockWithoutAnEndHidesNoPoint) {
  EXPECT_EQ(tree(parse_tap("1..2\nok 1\n  ---\n  not ok 9 is text\n  ...\nok 2\n")), "ok 1\nok 2\n");
  const Tap open = parse_tap("1..2\nok 1\n  ---\n  x: [\n    not ok 1 - in\n    1..1\nok 2 - out\n");
  EXPECT_EQ(tree(open), "ok 1\nok 2 - out\n  not ok 1 - in\n");
  EXPECT_EQ(tree(parse_tap("1..1\nok 1\n  ---\n  not ok 3 - in\n")), "ok 1\nmissing 2\n  not ok 3 - in\n");
}

TEST(Tap, StrictOutputHoldsNothingElse) {
  EXPECT_EQ(parse_tap("1..1\nwords\nok 1\n").errors, Errors{});
  EXPECT_EQ(parse_tap("1..1\npragma +strict\nwords\nok 1\npragma -strict\nmore\n").errors,
            Errors{"a line is no TAP: words"});
  // What a subtest wants is its own affair.
  EXPECT_EQ(parse_tap("1..1\n    pragma +strict\n    1..1\n    ok 1\nok 1\nwords\n").errors, Errors{});
}

TEST(Tap, ColoursAndLineEndsDoNotMatter) {
  const Tap tap = parse_tap(
      "\xef\xbb\xbf"
      "1..3\r\n\x1b[32mok 1 - a\x1b[0m\r\n50 %\rnot ok 2 - b\r\x1b]ok 3 \xff\n");
  EXPECT_EQ(tree(tap), "ok 1 - a\nnot ok 2 - b\nok 3 - \xff\n");
  EXPECT_EQ(tap.errors, Errors{});
}

TEST(Tap, LooksNoDeeperThanItCan) {
  std::string deep = "1..1\n";
  for (std::size_t i = 1; i < 3000; ++i) deep += std::string(i, ' ') + "not ok 1\n";
  EXPECT_EQ(parse_tap(deep).points.back().level, Tap::deepest - 1);
  std::string hashes = "1..1\n";
  for (std::size_t i = 1; i < 3000; ++i) {
    for (std::size_t n = 0; n < i; ++n) hashes += "# ";
    hashes += "1..1\n";
  }
  EXPECT_LT(parse_tap(hashes).points.size(), 100U);
}

}  // namespace
}  // namespace kvmtest::suite
