#include "suite/filter.h"

#include <gtest/gtest.h>

#include "core/input_error.h"

namespace kvmtest::suite {
namespace {

LoadedTest test(const std::string& name, const std::string& status, std::vector<std::string> platforms,
                const std::string& kind = "kvmplutotest") {
  LoadedTest loaded;
  loaded.test.name = name;
  loaded.test.attributes = {{"kind", {kind}, "kvmplutotest"}, {"status", {status}, "good"}};
  if (!platforms.empty()) loaded.test.attributes.push_back({"platform", std::move(platforms)});
  return loaded;
}

LoadedTest plain(const std::string& name) {
  LoadedTest loaded;
  loaded.test.name = name;
  return loaded;
}

std::string left(const Filter& filter) {
  std::vector<LoadedTest> tests{test("a-1", "good", {"linux"}),
                                test("a-2", "wip", {"linux"}),
                                test("b-1", "good", {"linux", "netbsd"}),
                                test("c-1", "good", {}),
                                test("d-1", "good", {"linux"}, "umlplutotest"),
                                plain("plain")};
  ignore_by(filter, tests);
  std::string out;
  for (const auto& loaded : tests) out += loaded.test.name.string() + " ";
  return out;
}

TEST(Filter, ByDefaultTheGoodOnesRunAndThoseOfSuitesWithoutStatuses) { EXPECT_EQ(left({}), "a-1 b-1 c-1 plain "); }

TEST(Filter, WhatIsWantedByDefaultIsTheSuitesToSay) {
  std::vector<LoadedTest> tests{plain("fast"), plain("slow"), plain("any")};
  tests[0].test.attributes = {{"kind", {"fast"}, "^fast$"}, {"status", {"odd"}}};
  tests[1].test.attributes = {{"kind", {"slow"}, "^fast$"}};
  tests[2].test.attributes = {{"kind", {"slow"}}, {"platform", {"riscv"}, "linux"}};
  const auto ignored = ignore_by({}, tests);
  EXPECT_EQ(told(ignored, 3), "2 of 3 tests are left out: 1 by kind slow, 1 by platform riscv");
  EXPECT_EQ(tests.at(0).test.name, "fast");
}

TEST(Filter, AnExpressionIsLookedForAnywhere) {
  EXPECT_EQ(left({.status = "^(good|wip)$"}), "a-1 a-2 b-1 c-1 ");
  EXPECT_EQ(left({.name = "-1$"}), "a-1 b-1 c-1 ");
  EXPECT_EQ(left({.kind = "uml"}), "d-1 ");
  EXPECT_EQ(left({.kind = "", .status = ""}), "a-1 a-2 b-1 c-1 d-1 plain ");
}

TEST(Filter, AllPlatformsMustMatchAndAnEmptyExpressionMatchesEach) {
  EXPECT_EQ(left({.platform = "linux"}), "a-1 c-1 plain ");
  EXPECT_EQ(left({.platform = ""}), "a-1 b-1 c-1 plain ");
}

TEST(Filter, TellsWhatIsLeftOut) {
  std::vector<LoadedTest> tests{test("a", "good", {}), test("b", "wip", {}), test("c", "wip", {}),
                                test("d", "skip", {})};
  const auto ignored = ignore_by({}, tests);
  EXPECT_EQ(told(ignored, 4), "3 of 4 tests are left out: 1 by status skip, 2 by status wip");
  EXPECT_EQ(told({}, 4), "");
}

TEST(Filter, ABadExpressionNamesItsOption) {
  std::vector<LoadedTest> tests;
  try {
    ignore_by({.name = "("}, tests);
    FAIL();
  } catch (const core::InputError& e) {
    EXPECT_EQ(std::string(e.what()), "--test-name: '(' is no regular expression: missing ): (");
  }
}

}  // namespace
}  // namespace kvmtest::suite
