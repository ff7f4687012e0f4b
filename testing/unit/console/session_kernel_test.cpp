#include "console/session.h"

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace kvmtest::console {
namespace {

const std::string message = "[   12.345678] example 0000:00:05.0: link status changed\r\n";

TEST(Kernel, MayCutAPromptAnywhere) {
  Console console;
  console.log_in();
  const std::size_t length = console.session.prompt_nonce().size() + 4;
  for (std::size_t at = 0; at <= length; ++at) {
    console.guest->cut_prompt(at, message);
    const auto result = console.run("(exit 3)");
    EXPECT_EQ(result.status, 3) << at;
    EXPECT_EQ(result.output, "") << at;
  }
}

TEST(Kernel, MayCutAPromptByteByByte) {
  Console console({.chunk = 1});
  console.log_in();
  for (std::size_t at = 0; at <= 26; at += 5) {
    console.guest->cut_prompt(at, message + message);
    EXPECT_EQ(console.run("echo a").output, "a\n");
  }
}

TEST(Kernel, IsNoOutput) {
  Console console;
  console.log_in();
  console.guest->say(message);
  auto result = console.run("echo port 1");
  EXPECT_EQ(result.output, "port 1\n");
  ASSERT_EQ(result.kernel.size(), 1U);
  EXPECT_EQ(result.kernel[0].offset, 0U);
  EXPECT_EQ(result.kernel[0].bytes, message);
  EXPECT_EQ(result.kernel[0].line.text, "example 0000:00:05.0: link status changed");
  console.guest->cut_prompt(0, message);
  result = console.run("echo port 2");
  EXPECT_EQ(result.output, "port 2\n");
  ASSERT_EQ(result.kernel.size(), 1U);
  EXPECT_EQ(result.kernel[0].offset, 7U);
  EXPECT_EQ(console.session.take_kernel().size(), 2U);
  EXPECT_TRUE(console.session.take_kernel().empty());
  EXPECT_NE(console.session.take_raw().find(message), std::string::npos) << "every byte is in the raw console";
}

// Lines of programs end with LF alone.
TEST(Kernel, WhatACommandPrintsIsOutput) {
  Console console;
  console.log_in();
  const std::string line = "[   12.345678] quoted";
  EXPECT_EQ(console.run("echo '" + line + "'").output, line + "\n");
  EXPECT_EQ(console.run("printf '" + line + "'").output, line);
  EXPECT_EQ(console.run("printf '[   12.34'").output, "[   12.34");
}

TEST(Kernel, MayHideALoginPrompt) {
  for (const std::string& boot : {"booting\r\nguest login: " + message, "guest lo" + message + "gin: ",
                                  std::string("guest login: random: crng init done\r\n"),
                                  std::string("guest login: [  OK  ] Started Thing.\r\n")}) {
    Console console({.boot = boot}, short_patience);
    console.log_in();
    EXPECT_EQ(console.run("echo in").output, "in\n") << boot;
  }
}

TEST(Kernel, MaySpeakOfALogin) {
  Console console({.boot = "[    1.000000] usb 1-1: login: \r\nguest login: ", .chunk = 1});
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Kernel, MayHideAShellsPrompt) {
  for (const std::string& prompt : {"guest:~# " + message, "guest:" + message + "~# "}) {
    Console console({.first_prompt = prompt}, short_patience);
    console.log_in();
    EXPECT_EQ(console.run("echo in").output, "in\n") << prompt;
  }
}

TEST(Kernel, MayCutWhatAWaitingProgramSays) {
  Console console({}, waiting_guest());
  console.guest->say(message);
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  console.guest->say("[   12.3456");
  console.guest->say("78] cut\r\n");
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
}

}  // namespace
}  // namespace kvmtest::console
