#include "suite/execution_json.h"

#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvmtest::suite {
namespace {

using namespace std::chrono_literals;

TEST(ExecutionJson, StepsComeBack) {
  Execution execution;
  StepResult& result = execution.results.emplace_back();
  result.step = 3;
  result.output = "caf\xe9\n";
  result.status = 2;
  result.truncated = true;
  result.at = 1500ms;
  result.took = 7us;
  result.tries = 4;
  result.kernel.push_back({5, "[ 1.0] oops \xff\n"});
  execution.results.emplace_back().step = 4;
  execution.ending = {Ending::Why::shell_ended, "east", "exit \x80"};
  execution.kernel["west"] = {{2s, 17, 4, "a warning"}, {{}, 18, -1, "more"}};

  const Execution back = execution_from(to_json(execution));
  ASSERT_EQ(back.results.size(), 2U);
  const StepResult& read = back.results.front();
  EXPECT_EQ(read.step, 3U);
  EXPECT_EQ(read.output, "caf\xe9\n");
  EXPECT_EQ(read.status, 2);
  EXPECT_TRUE(read.truncated);
  EXPECT_EQ(read.at, 1500ms);
  EXPECT_EQ(read.took, 7us);
  EXPECT_EQ(read.tries, 4U);
  ASSERT_EQ(read.kernel.size(), 1U);
  EXPECT_EQ(read.kernel.front().offset, 5U);
  EXPECT_EQ(read.kernel.front().bytes, "[ 1.0] oops \xff\n");
  EXPECT_EQ(back.results.back().status, std::nullopt);
  EXPECT_EQ(back.ending.why, Ending::Why::shell_ended);
  EXPECT_EQ(back.ending.host, "east");
  EXPECT_EQ(back.ending.detail, "exit \x80");
  EXPECT_FALSE(back.program);
  ASSERT_EQ(back.kernel.at("west").size(), 2U);
  EXPECT_EQ(back.kernel.at("west").front().at, 2s);
  EXPECT_EQ(back.kernel.at("west").front().level, 4);
  EXPECT_EQ(back.kernel.at("west").back().at, std::nullopt);
  EXPECT_EQ(back.kernel.at("west").back().text, "more");
}

TEST(ExecutionJson, AProgramComesBack) {
  Execution execution;
  execution.program = {"out\xff", "err", true, {}, 9, {"sleep 1"}, {{"east", "# true\n"}}};
  const Execution back = execution_from(to_json(execution));
  ASSERT_TRUE(back.program);
  EXPECT_EQ(back.program->output, "out\xff");
  EXPECT_EQ(back.program->errors, "err");
  EXPECT_TRUE(back.program->truncated);
  EXPECT_EQ(back.program->status, std::nullopt);
  EXPECT_EQ(back.program->signal, 9);
  EXPECT_EQ(back.program->left, std::vector<std::string>{"sleep 1"});
  EXPECT_EQ(back.program->consoles.at("east"), "# true\n");
}

TEST(ExecutionJson, WhatItIsNotIsRefused) {
  EXPECT_THROW(execution_from(nlohmann::json::object()), std::runtime_error);
  EXPECT_THROW(execution_from({{"results", "none"}, {"ending", {{"why", "completed"}}}}), std::runtime_error);
}

}  // namespace
}  // namespace kvmtest::suite
