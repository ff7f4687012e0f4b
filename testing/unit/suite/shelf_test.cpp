// Tests that wait: what comes off the shelf is what was loaded.

#include "suite/shelf.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../directory.h"
#include "suite/loader.h"

namespace kvmtest::suite {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

suite::Test with_everything() {
  suite::Test test;
  test.name = "s/everything";
  test.path = "/s/everything.test";
  test.title = "t\"\xc3\xbc";
  test.hosts = {"east", "west"};
  test.attributes = {{"status", {"good", "wip"}, "good"}};
  test.tags = {"tag"};
  test.obstacle = "none";
  test.limit = 5s;
  test.command_limit = 1ms;
  test.kernel_warnings = core::KernelWarnings::fail;
  test.preparation = {{"west", StepKind::run, "", "mount", std::nullopt, 0, false, ""}};
  test.steps = {{"east", StepKind::until, "name", "true\nfalse\xff", 7s, 12, true, "east.sh"},
                {"", StepKind::comment, "", "", std::nullopt, 3, false, ""}};
  test.program = Program{{"/bin/x", "", "a b"}, "/dir"};
  return test;
}

TEST(ShelfTest, ATestIsUnpackedAsItWasPacked) {
  EXPECT_EQ(packed(unpacked(packed(with_everything()))), packed(with_everything()));
  const suite::Test again = unpacked(packed(with_everything()));
  EXPECT_EQ(again.steps.at(0).command, "true\nfalse\xff");
  EXPECT_EQ(again.steps.at(0).limit, 7s);
  EXPECT_EQ(again.steps.at(1).kind, StepKind::comment);
  EXPECT_EQ(again.preparation.at(0).host, "west");
  EXPECT_EQ(again.program->command.back(), "a b");
  EXPECT_EQ(again.kernel_warnings, core::KernelWarnings::fail);
  EXPECT_EQ(again.attributes.at(0).wanted, "good");
  EXPECT_EQ(again.path, "/s/everything.test");
}

class Waiting : public ::testing::Test {
 protected:
  Waiting() {
    write(directory_ / "s/script.test", "# a script\n# hosts: east\n\neast# hostname\neast\neast# false\n[1]\n");
    write(directory_ / "s/list.tests", "# programs\n# hosts: east west\none: true\ntwo: false\n");
  }
  std::vector<LoadedTest> loaded(const std::shared_ptr<base::Spool>& spool) const {
    LoadContext context;
    context.base = directory_.path();
    context.spool = spool;
    return load({"s"}, context, "");
  }
  /// What a judge says of a script that printed this.
  static judge::Judgement judged(const LoadedTest& test, const std::string& output) {
    Execution execution;
    StepResult first;
    first.output = output;
    first.status = 0;
    StepResult second;
    second.step = 1;
    second.status = 1;
    execution.results = {first, second};
    judge::Effort effort;
    return test.judge->judge(execution, effort);
  }

  Directory directory_;
};

TEST_F(Waiting, WhatComesOffTheShelfIsWhatWasLoaded) {
  const auto spool = std::make_shared<base::Spool>(directory_.path());
  const auto whole = loaded(nullptr);
  auto away = loaded(spool);
  ASSERT_EQ(away.size(), whole.size());
  for (const LoadedTest& test : away) EXPECT_TRUE(test.test.steps.empty()) << test.test.name;
  // Whatever becomes of the file: a run tests what was there when it began.
  fs::remove_all(directory_ / "s");
  const Shelf shelf(std::move(away), spool, true);
  ASSERT_EQ(shelf.size(), 3U);
  for (std::size_t i = 0; i < shelf.size(); ++i) {
    const auto test = shelf.get(i);
    EXPECT_EQ(packed(test->test), packed(whole[i].test));
    EXPECT_EQ(shelf.name(i), whole[i].test.name.string());
    EXPECT_EQ(shelf.hosts(i), whole[i].test.hosts);
    EXPECT_EQ(shelf.is_program(i), whole[i].test.program.has_value());
    if (shelf.is_program(i)) continue;
    EXPECT_EQ(judged(*test, "east\n").verdict, core::Verdict::passed);
    const auto failed = judged(*test, "west\n");
    EXPECT_EQ(failed.verdict, core::Verdict::failed);
    EXPECT_EQ(failed.diff, judged(whole[i], "west\n").diff);
  }
  EXPECT_THROW((void)shelf.get(3), std::out_of_range);
}

TEST_F(Waiting, StepsThatLookAtAHostAfterwardsCanBeLeftOut) {
  for (const bool in_spool : {false, true}) {
    const auto spool = in_spool ? std::make_shared<base::Spool>(directory_.path()) : nullptr;
    LoadContext context;
    context.spool = spool;
    LoadedTest test{with_everything(), nullptr};
    for (const bool post_mortem : {false, true})
      EXPECT_EQ(Shelf({put_away(test, context)}, spool, post_mortem).get(0)->test.steps.size(), post_mortem ? 2U : 1U);
  }
}

}  // namespace
}  // namespace kvmtest::suite
