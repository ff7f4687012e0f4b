#include "planning/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fixture.h"

namespace kvmtest::planning {
namespace {

using nlohmann::json;

/// A request that says nothing which is not needed.
RunRequest plain() {
  RunRequest request;
  request.tests = {"suite/a"};
  request.base = "/project";
  request.prefixes = {"a.", ""};
  return request;
}

RunRequest full() {
  RunRequest request = plain();
  request.format = "transcript";
  request.workers = 3;
  request.reset = settings::ResetMethod::automatic;
  request.keep = false;
  request.spares = false;
  request.choice.filter = {.kind = "", .status = "good|wip", .name = "gre", .platform = "linux"};
  request.choice.left_out = {"suite/b"};
  request.choice.only = {"suite/a", "suite/c"};
  request.choice.tags = {"quick"};
  request.choice.ordering = {Order::shuffle, 4711};
  request.choice.start_at = "suite/a";
  request.choice.post_mortem = false;
  request.policy.repeat = 0;
  request.policy.until_fail = true;
  request.policy.keep_failed = true;
  request.policy.max_fail = 2;
  request.require_some = true;
  return request;
}

// Databases hold these texts, and an interrupted run goes on from them.
TEST(RunRequest, HasTheseNamesOnTheWire) {
  EXPECT_EQ(to_json(plain()), json::parse(R"({
    "tests": ["suite/a"], "base": "/project", "format": "", "prefixes": ["a.", ""], "workers": 1,
    "reset": "snapshot", "keep": true, "spares": true,
    "selection": {"order": "auto", "start_at": "", "tags": [], "retries": 0, "repeat": 1, "until_fail": false,
                  "only": []}})"));
  EXPECT_EQ(to_json(full()), json::parse(R"({
    "tests": ["suite/a"], "base": "/project", "format": "transcript", "prefixes": ["a.", ""], "workers": 3,
    "reset": "auto", "keep": false, "spares": false,
    "selection": {"order": "shuffle=4711", "start_at": "suite/a", "tags": ["quick"], "retries": 0, "repeat": 0,
                  "until_fail": true, "only": ["suite/a", "suite/c"]},
    "test_kind": "", "test_status": "good|wip", "test_name": "gre", "test_platform": "linux",
    "left_out": ["suite/b"], "post_mortem": false, "keep_failed": true, "max_fail": 2, "require_some": true})"));
}

TEST(RunRequest, ComesBackAsItWas) {
  for (const RunRequest& request : {plain(), full()}) {
    const json sent = to_json(request);
    EXPECT_EQ(to_json(request_from(sent)), sent);
  }
  const RunRequest again = request_from(to_json(full()));
  EXPECT_EQ(again.base, "/project");
  EXPECT_EQ(again.choice.filter, full().choice.filter);
  EXPECT_EQ(again.choice.ordering.seed, 4711U);
  EXPECT_EQ(again.choice.post_mortem, false);
  EXPECT_EQ(again.policy.max_fail, 2U);
  EXPECT_EQ(request_from(to_json(plain())).choice.post_mortem, std::nullopt);
}

TEST(RunRequest, NeedsLittle) {
  const RunRequest request = request_from(json{{"tests", {"a"}}, {"base", "/"}, {"prefixes", {"a."}}, {"workers", 2}});
  EXPECT_EQ(request.reset, settings::ResetMethod::snapshot);
  EXPECT_TRUE(request.keep);
  EXPECT_TRUE(request.spares);
  EXPECT_EQ(request.policy.repeat, 1U);
  EXPECT_EQ(request.choice.ordering.order, Order::automatic);
}

TEST(RunRequest, AShuffleWithoutASeedGetsAFreshOne) {
  json sent = to_json(plain());
  sent["selection"]["order"] = "shuffle";
  EXPECT_EQ(request_from(sent, 7).choice.ordering.seed, 7U);
}

TEST(RunRequest, WhatIsWrongIsTold) {
  const auto with = [](const char* name, const json& value) {
    json changed = to_json(plain());
    changed[name] = value;
    return error([&] { request_from(changed); });
  };
  EXPECT_NE(with("tests", 3).find("a run request: "), std::string::npos);
  EXPECT_NE(with("selection", 3).find("a run request: "), std::string::npos);
  EXPECT_NE(with("max_fail", "many").find("a run request: "), std::string::npos);
  for (const json& workers : {json(0), json(2000), json(-1), json(4294967297)})
    EXPECT_NE(with("workers", workers).find("is not a whole number from 1 to 1024"), std::string::npos) << workers;
  EXPECT_EQ(with("prefixes", json::array()), "prefixes: no prefix is named; '' is the empty one");
  EXPECT_EQ(with("prefixes", {"a.", "a."}), "prefixes: prefix 'a.' is named twice");
  EXPECT_EQ(with("base", "here"), "base: 'here' is not an absolute path, which tests are relative to");
  EXPECT_NE(with("selection", {{"retries", 101}}), "no error");
  EXPECT_NE(with("max_fail", 4'000'000'000U), "no error");
  EXPECT_EQ(with("reset", "boots").substr(0, 6), "reset:");
  EXPECT_EQ(with("selection", {{"order", "longets"}}).substr(0, 29), "order: unknown order 'longets");
  EXPECT_NE(with("selection", {{"repeat", 0}}), "no error");
  json without = to_json(plain());
  without.erase("base");
  EXPECT_NE(error([&] { request_from(without); }).find("'base'"), std::string::npos);
}

TEST(RunRequest, BeginsAsTheSettingsHaveIt) {
  auto settings = settings::defaults("/project");
  settings.prefixes = {"x."};
  settings.workers = 5;
  settings.max_fail = 7;
  settings.require_some = true;
  settings.reset.keep = false;
  const RunRequest request = request_from(settings);
  EXPECT_EQ(request.prefixes, settings.prefixes);
  EXPECT_EQ(request.workers, 5U);
  EXPECT_EQ(request.policy.max_fail, 7U);
  EXPECT_TRUE(request.require_some);
  EXPECT_FALSE(request.keep);
}

TEST(Policy, WhatExcludesEachOtherIsRefused) {
  const auto refused = [](const core::Policy& policy) { return error([&] { check(policy); }) != "no error"; };
  EXPECT_FALSE(refused({.retries = 1}));
  EXPECT_TRUE(refused({.retries = 1, .repeat = 2}));
  EXPECT_TRUE(refused({.retries = 1, .until_fail = true}));
  EXPECT_TRUE(refused({.repeat = 0}));
  EXPECT_FALSE(refused({.repeat = 0, .until_fail = true}));
}

}  // namespace
}  // namespace kvmtest::planning
