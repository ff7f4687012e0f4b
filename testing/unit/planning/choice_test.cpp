#include "planning/choice.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fixture.h"

namespace kvmtest::planning {
namespace {

using suite::LoadedTest;
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

Names names(const std::vector<LoadedTest>& tests) {
  Names out;
  for (const LoadedTest& loaded : tests) out.push_back(loaded.test.name);
  return out;
}

Names chosen(const Choice& choice, const Past& past = known) { return names(choose(tests(), choice, past)); }

Choice ordered(const std::string& text) { return {.ordering = parse_ordering(text, "--order", 7)}; }

TEST(Choice, OrdersAreWhatTheySay) {
  EXPECT_EQ(chosen(ordered("listed")), (Names{"s/a", "s/b", "s/c", "s/d", "s/e"}));
  EXPECT_EQ(chosen(ordered("reverse")), (Names{"s/e", "s/d", "s/c", "s/b", "s/a"}));
  EXPECT_EQ(chosen(ordered("longest")), (Names{"s/d", "s/b", "s/c", "s/e", "s/a"})) << "one that never ran comes first";
  EXPECT_EQ(chosen(ordered("failed")), (Names{"s/c", "s/d", "s/a", "s/b", "s/e"}));
}

TEST(Choice, ByDefaultTheLongestComesFirstOnceAnythingIsKnown) {
  EXPECT_EQ(chosen({}), chosen(ordered("longest")));
  EXPECT_EQ(chosen({}, {}), chosen(ordered("listed")));
  EXPECT_EQ(resolved({}, known), Order::longest);
  EXPECT_EQ(resolved({}, {}), Order::listed);
}

TEST(Choice, ASeedGivesTheSameOrderAgain) {
  const Names one = chosen(ordered("shuffle=4711"));
  EXPECT_EQ(chosen(ordered("shuffle=4711")), one);
  EXPECT_EQ(one, (Names{"s/e", "s/b", "s/d", "s/c", "s/a"})) << "and on every machine";
  Names sorted = one;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, chosen(ordered("listed")));
  EXPECT_EQ(to_string(ordered("shuffle").ordering), "shuffle=7");
  EXPECT_EQ(to_string(ordered("shuffle=18446744073709551615").ordering), "shuffle=18446744073709551615");
  bool differs = false;
  for (int seed = 0; seed < 10; ++seed) differs |= chosen(ordered("shuffle=" + std::to_string(seed))) != one;
  EXPECT_TRUE(differs);
}

TEST(Choice, AnOrderIsRead) {
  const auto parse = [](const std::string& text) { return error([&] { ordered(text); }); };
  EXPECT_EQ(parse("longets").substr(0, 62), "--order: unknown order 'longets' (did you mean 'longest'?); th");
  EXPECT_EQ(parse("longest=3"), "--order: 'longest=3': only shuffle takes a seed, a whole number: shuffle=4711");
  for (const char* seed : {"shuffle=", "shuffle=x", "shuffle=1x", "shuffle=-1", "shuffle=99999999999999999999"})
    EXPECT_NE(parse(seed), "no error") << seed;
}

TEST(Choice, StartsAtATest) {
  Choice choice;
  choice.start_at = "s/c";
  EXPECT_EQ(chosen(choice), (Names{"s/c", "s/d", "s/e"})) << "as listed";
  choice.ordering.order = Order::reverse;
  EXPECT_EQ(chosen(choice), (Names{"s/c", "s/b", "s/a"}));
  choice.start_at = "s/f";
  EXPECT_EQ(error([&] { chosen(choice); }), "--start-at: no test of the run is named 's/f' (did you mean 's/e'?)");
}

TEST(Choice, ByTag) {
  Choice choice = ordered("listed");
  choice.tags = {"quick"};
  EXPECT_EQ(chosen(choice), (Names{"s/a", "s/c"}));
  choice.tags = {"odd", "quick"};
  EXPECT_EQ(chosen(choice), (Names{"s/a", "s/c", "s/d"}));
  choice.tags = {"quik"};
  EXPECT_EQ(error([&] { chosen(choice); }), "no test has the tag 'quik' (did you mean 'quick'?)");
}

TEST(Choice, ByNameInThatOrder) {
  Choice choice = ordered("longest");
  choice.only = {"s/e", "s/a"};
  EXPECT_EQ(chosen(choice), choice.only);
  choice.only = {"s/x"};
  EXPECT_EQ(error([&] { chosen(choice); }), "no test is named 's/x'");
}

TEST(Choice, TellsHowTheOrderCameAbout) {
  EXPECT_EQ(ordering_told({}, known), "order: longest first, by what the tests took before");
  EXPECT_EQ(ordering_told({}, {}), "");
  EXPECT_EQ(ordering_told(ordered("shuffle"), {}), "order: random; --order shuffle=7 gives the same again");
}

/// As tests(), but a and b are wip, and c cannot run.
std::vector<LoadedTest> suite_of_statuses() {
  auto out = tests();
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].test.attributes = {{std::string(suite::attribute::status), {i < 2 ? "wip" : "good"}, "^good$"}};
  out[2].test.obstacle = "no such file";
  return out;
}

TEST(Choice, WantedAreThoseThatNeitherFilterNorNamesLeaveOut) {
  const Wanted left = wanted(suite_of_statuses(), {.left_out = {"s/d"}});
  EXPECT_EQ(names(left.tests), (Names{"s/c", "s/e"})) << "with one that cannot run";
  EXPECT_EQ(left.told(), "2 of 5 tests are left out: 2 by status wip");
  EXPECT_EQ(wanted(tests(), {}).told(), "");
}

TEST(Choice, ByEarlierResults) {
  using core::Verdict;
  const std::vector<Verdict> verdicts{Verdict::passed, Verdict::failed, Verdict::untested, Verdict::passed,
                                      Verdict::unresolved};
  auto left = tests();
  EXPECT_EQ(leave_out({.skip = {"passed", "untested"}, .result = {}}, verdicts, left), (Names{"s/a", "s/c", "s/d"}));
  EXPECT_EQ(names(left), (Names{"s/b", "s/e"}));
  left = tests();
  EXPECT_EQ(leave_out({.skip = {"failed"}, .result = {"failed", "unresolved"}}, verdicts, left),
            (Names{"s/a", "s/b", "s/c", "s/d"}));
}

TEST(Choice, NoneThatCanRunIsRefused) {
  EXPECT_EQ(error([] { check_any_can_run({}); }), "no test is left to run");
  auto all = tests();
  for (LoadedTest& loaded : all) loaded.test.obstacle = "no such file";
  EXPECT_EQ(error([&] { choose(all, {}, {}); }), "s/a: no such file; the 4 others cannot run either");
  EXPECT_EQ(names(in_order(all, {}, {})).size(), 5U) << "a list shows them";
  all.resize(1);
  EXPECT_EQ(error([&] { check_any_can_run(all); }), "s/a: no such file");
  EXPECT_EQ(names(choose(suite_of_statuses(), {}, {})).size(), 5U) << "those that cannot run are among the run's";
}

TEST(Choice, HostsAreLookedAtAfterwardsWithSeveralTests) {
  EXPECT_TRUE(looks_at_hosts_afterwards({}, 2));
  EXPECT_FALSE(looks_at_hosts_afterwards({}, 1));
  EXPECT_FALSE(looks_at_hosts_afterwards({.post_mortem = false}, 2));
  EXPECT_TRUE(looks_at_hosts_afterwards({.post_mortem = true}, 1));
}

TEST(Choice, ARunThatGoesOnHasItsOwnTestsInItsOwnOrder) {
  const Names list{"s/e", "s/a", "s/c"};
  EXPECT_EQ(names(choose_again(tests(), list, "run 3")), list);
  EXPECT_EQ(error([] { choose_again(tests(), {"s/a", "s/x"}, "run 3"); }), "run 3 cannot go on: its test s/x is gone");
}

}  // namespace
}  // namespace kvmtest::planning
