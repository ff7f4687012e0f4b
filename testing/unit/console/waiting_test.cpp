#include "console/session.h"

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace kvmtest::console {
namespace {

TEST(Waiting, EndsWithTheLine) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  EXPECT_FALSE(console.session.at_prompt());
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(console.session.at_prompt());
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Waiting, ByteByByte) {
  Console console({.chunk = 1}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Waiting, ACommandThatDoesNotGetReadyIsSaid) {
  Console console({}, waiting_guest());
  EXPECT_FALSE(console.session.begin_waiting("echo no such program", "waiting", Console::soon()));
}

// Prompts, output, and megabytes of them: of a time before the guest went back.
TEST(Waiting, NothingBeforeTheMarkCounts) {
  Console console({.chunk = 1000}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const FakeGuest::State saved = console.guest->state();
  console.guest->write("first seed 1 2\necho one\n(exit 4)\nbytes 300000\n", std::chrono::steady_clock::now() + 10s);
  console.guest->go_back(saved);
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Waiting, AMarkThatDoesNotComeIsNoAnswer) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result = console.session.end_waiting(console.session.prompt_nonce(), "", "mark", Console::soon());
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(Waiting, APromptThatDoesNotComeIsNoStatus) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result = console.session.end_waiting("another", "mark seed 1 2", "mark", Console::soon());
  EXPECT_TRUE(result.output.starts_with("mark token 0 guest 0\n")) << result.output;
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(Waiting, AConsoleThatClosesOrIsInterruptedThrows) {
  Console closed({}, waiting_guest());
  EXPECT_TRUE(closed.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  closed.guest->close();
  EXPECT_THROW(closed.session.end_waiting("x", "mark", "mark", Console::later()), Closed);
  Console interrupted({}, waiting_guest());
  interrupted.session.interrupt();
  EXPECT_THROW(interrupted.session.begin_waiting(wait_for_line, "waiting", Console::later()), Interrupted);
}

}  // namespace
}  // namespace kvmtest::console
