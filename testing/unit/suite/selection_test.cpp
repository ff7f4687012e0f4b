#include "suite/selection.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/input_error.h"

namespace kvmtest::suite {
namespace {

using Names = std::vector<std::string>;
using namespace std::chrono_literals;

const Past known{.durations = {{"s/a", 1s}, {"s/b", 9s}, {"s/c", 5s}, {"s/e", 5s}},
                 .passed = {{"s/a", true}, {"s/b", true}, {"s/c", false}, {"s/e", true}}};

/// Tests s/a to s/e; a and c have the tag quick, c and d the tag odd.
std::vector<LoadedTest> tests() {
  std::vector<LoadedTest> out;
  for (const char* name : {"s/a", "s/b", "s/c", "s/d", "s/e"}) out.emplace_back().test.name = name;
  out[0].test.tags = {"quick"};
  out[2].test.tags = {"quick", "odd"};
  out[3].test.tags = {"odd"};
  return out;
}

Names chosen(const Selection& selection, const Past& past = known) {
  Names names;
  for (const LoadedTest& loaded : choose(tests(), selection, past)) names.push_back(loaded.test.name);
  return names;
}

Selection ordered(const std::string& text) {
  Selection selection;
  parse_order(text, "--order", 7, selection);
  return selection;
}

template <class Function>
std::string error(Function function) {
  try {
    function();
  } catch (const core::InputError& caught) {
    return caught.what();
  }
  return "no error";
}

TEST(Selection, OrdersAreWhatTheySay) {
  EXPECT_EQ(chosen(ordered("listed")), (Names{"s/a", "s/b", "s/c", "s/d", "s/e"}));
  EXPECT_EQ(chosen(ordered("reverse")), (Names{"s/e", "s/d", "s/c", "s/b", "s/a"}));
  EXPECT_EQ(chosen(ordered("longest")), (Names{"s/d", "s/b", "s/c", "s/e", "s/a"})) << "one that never ran comes first";
  EXPECT_EQ(chosen(ordered("failed")), (Names{"s/c", "s/d", "s/a", "s/b", "s/e"}));
}

TEST(Selection, ByDefaultTheLongestComesFirstOnceAnythingIsKnown) {
  EXPECT_EQ(chosen({}), chosen(ordered("longest")));
  EXPECT_EQ(chosen({}, {}), chosen(ordered("listed")));
  EXPECT_EQ(resolved({}, known), Order::longest);
  EXPECT_EQ(resolved({}, {}), Order::listed);
}

TEST(Selection, ASeedGivesTheSameOrderAgain) {
  const Names one = chosen(ordered("shuffle=4711"));
  EXPECT_EQ(chosen(ordered("shuffle=4711")), one);
  EXPECT_EQ(one, (Names{"s/e", "s/b", "s/d", "s/c", "s/a"})) << "and on every machine";
  Names sorted = one;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, chosen(ordered("listed")));
  EXPECT_EQ(order_text(ordered("shuffle")), "shuffle=7");
  EXPECT_EQ(order_text(ordered("shuffle=18446744073709551615")), "shuffle=18446744073709551615");
  bool differs = false;
  for (int seed = 0; seed < 10; ++seed) differs |= chosen(ordered("shuffle=" + std::to_string(seed))) != one;
  EXPECT_TRUE(differs);
}

TEST(Selection, AnOrderIsRead) {
  const auto parse = [](const std::string& text) { return error([&] { ordered(text); }); };
  EXPECT_EQ(parse("longets").substr(0, 62), "--order: unknown order 'longets' (did you mean 'longest'?); th");
  EXPECT_EQ(parse("longest=3"), "--order: 'longest=3': only shuffle takes a seed, a whole number: shuffle=4711");
  for (const char* seed : {"shuffle=", "shuffle=x", "shuffle=1x", "shuffle=-1", "shuffle=99999999999999999999"})
    EXPECT_NE(parse(seed), "no error") << seed;
}

TEST(Selection, StartsAtATest) {
  Selection selection;
  selection.start_at = "s/c";
  EXPECT_EQ(chosen(selection), (Names{"s/c", "s/d", "s/e"})) << "as listed";
  selection.order = Order::reverse;
  EXPECT_EQ(chosen(selection), (Names{"s/c", "s/b", "s/a"}));
  selection.start_at = "s/f";
  EXPECT_EQ(error([&] { chosen(selection); }), "--start-at: no test of the run is named 's/f' (did you mean 's/e'?)");
}

TEST(Selection, ByTag) {
  Selection selection = ordered("listed");
  selection.tags = {"quick"};
  EXPECT_EQ(chosen(selection), (Names{"s/a", "s/c"}));
  selection.tags = {"odd", "quick"};
  EXPECT_EQ(chosen(selection), (Names{"s/a", "s/c", "s/d"}));
  selection.tags = {"quik"};
  EXPECT_EQ(error([&] { chosen(selection); }), "no test has the tag 'quik' (did you mean 'quick'?)");
}

TEST(Selection, ByNameInThatOrder) {
  Selection selection = ordered("longest");
  selection.only = {"s/e", "s/a"};
  EXPECT_EQ(chosen(selection), selection.only);
  selection.only = {"s/x"};
  EXPECT_EQ(error([&] { chosen(selection); }), "no test is named 's/x'");
}

TEST(Selection, WhatExcludesEachOtherIsRefused) {
  Selection selection;
  selection.retries = 1;
  EXPECT_EQ(error([&] { check(selection); }), "no error");
  selection.repeat = 2;
  EXPECT_NE(error([&] { check(selection); }), "no error");
  selection = {};
  selection.repeat = 0;
  EXPECT_NE(error([&] { check(selection); }), "no error");
  selection.until_fail = true;
  EXPECT_EQ(error([&] { check(selection); }), "no error");
}

}  // namespace
}  // namespace kvmtest::suite
