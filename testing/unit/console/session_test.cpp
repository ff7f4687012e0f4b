#include "console/session.h"

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace kvmtest::console {
namespace {

TEST(Session, LogsInAndRunsCommands) {
  Console console;
  console.log_in();
  const auto result = console.run("echo hello world");
  EXPECT_EQ(result.output, "hello world\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_FALSE(result.truncated);
  EXPECT_EQ(result.output_bytes, 12U);
  EXPECT_EQ(console.run("false").status, 1);
  EXPECT_EQ(console.run("(exit 255)").status, 255);
  EXPECT_EQ(console.run("nosuch").output, "sh: nosuch: not found\n");
  EXPECT_EQ(console.run("").status, 127) << "an empty line keeps the status";
}

TEST(Session, ByteByByte) {
  Console console({.chunk = 1});
  console.log_in();
  EXPECT_EQ(console.run("echo hello").output, "hello\n");
  std::string seen;
  unsigned calls = 0;
  console.session.run("echo hello", 10s, [&](std::string_view bytes) {
    seen += bytes;
    ++calls;
  });
  EXPECT_EQ(seen, "hello\n");
  EXPECT_GT(calls, 3U) << "output is given as it comes";
}

TEST(Session, OutputThatLooksLikeAPromptIsOutput) {
  Console console;
  console.log_in();
  EXPECT_EQ(console.run("printf 'guest:~# '").output, "guest:~# ");
  EXPECT_EQ(console.run("echo kt0123456789:0# ").output, "kt0123456789:0#\n");
  const auto told = console.run("echo \"$PS1\"");
  EXPECT_EQ(told.status, 0);
  EXPECT_TRUE(told.output.ends_with(":$?# \n")) << told.output;
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, BinaryOutputSurvives) {
  Console console;
  console.log_in();
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(console.run("all-bytes").output, all);
}

TEST(Session, OutputBeyondTheBoundIsCut) {
  Console console({}, 100);
  console.log_in();
  const auto result = console.run("bytes 100000");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.truncated);
  EXPECT_EQ(result.output_bytes, 100'000U);
  EXPECT_NE(result.output.find("99900 bytes cut"), std::string::npos);
}

TEST(Session, ALongCommandIsTypedInPieces) {
  Console console;
  console.log_in();
  std::string text;
  while (text.size() < 20'000) text += "it's \"quoted\" $HOME `x` \\ ; # ";
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  quoted += "'";
  const auto result = console.run("echo " + quoted);
  EXPECT_EQ(result.output, text + "\n");
  EXPECT_EQ(result.status, 0);
  for (const std::string& line : console.guest->typed) EXPECT_LE(line.size(), 1100U);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, PiecesDoNotCutCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Console console;
    console.log_in();
    std::string text(shift, 'x');
    while (text.size() < 3'000) text += "ä€😀";
    EXPECT_EQ(console.run("echo '" + text + "'").output, text + "\n");
    for (const std::string& line : console.guest->typed) {
      const auto quote = line.find('\'');
      if (!line.starts_with("__kvmtest=\"") || quote == std::string::npos) continue;
      EXPECT_NE(static_cast<unsigned char>(line[quote + 1]) & 0xc0, 0x80) << "a piece begins within a character";
    }
  }
}

// A shell prompts after each complete line: the lines are one command only when they are evaluated as one.
TEST(Session, SeveralLinesAreOneCommand) {
  Console console;
  console.log_in();
  const auto result = console.run("echo one\necho two\n(exit 3)");
  EXPECT_EQ(result.output, "one\ntwo\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(console.run("echo three\n").output, "three\n");
  EXPECT_EQ(console.run("echo four").output, "four\n");
}

TEST(Session, ATimeOutGivesNoStatus) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf begun; hang", 5ms);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(result.closed);
  EXPECT_EQ(result.output, "begun");
  EXPECT_GE(result.took, 5ms);
}

// What may yet have been a prompt is output when no more comes.
TEST(Session, ATimeOutKeepsWhatWasHeldBack) {
  Console console;
  console.log_in();
  EXPECT_EQ(console.session.run("printf k; hang", 5ms).output, "k");
}

TEST(Session, AnInteractiveEndTakesTheShellBack) {
  Console console;
  console.log_in();
  console.session.run("hang", 5ms);
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo back").output, "back\n");
}

// Else each later command would get the answer of the one before it.
TEST(Session, PromptsThatAPersonBroughtAnswerNoCommand) {
  Console console;
  console.log_in();
  console.session.stream()->write("\n\necho person\n\x03", std::chrono::steady_clock::now() + 10s);
  const auto result = console.run("echo test; (exit 4)");
  EXPECT_EQ(result.output, "test\n") << "what that command printed is none of this one's";
  EXPECT_EQ(result.status, 4);
}

TEST(Session, AnIncompleteCommandIsGivenUpHoweverManyPromptsThatBrings) {
  Console console;
  console.log_in();
  console.guest->faults.interrupt_prompts = 3;
  console.run("echo 'x");
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, APersonsPromptAndHalfTypedLineAreTakenAway) {
  Console console;
  console.log_in();
  console.session.hand_over();
  console.session.stream()->write("echo person\n(exit 9)\nhalf a li", std::chrono::steady_clock::now() + 10s);
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo back").output, "back\n");
  EXPECT_EQ(console.run("again").status, 0);
}

TEST(Session, AShellThatDoesNotAnswerIsNotTakenBack) {
  Console console;
  console.log_in();
  console.session.run("PS1=gone", 5ms);
  // It takes the prompt it is given again; a dead guest does not.
  EXPECT_TRUE(console.session.recover(10s));
  console.guest->faults.silent = true;
  EXPECT_FALSE(console.session.recover(5ms));
}

TEST(Session, AClosedConsoleKeepsItsLastOutput) {
  Console console;
  console.log_in();
  const auto result = console.run("echo last words; die");
  EXPECT_TRUE(result.closed);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_EQ(result.output, "last words\n");
  EXPECT_TRUE(console.run("echo more").closed);
}

TEST(Session, AConsoleThatClosesDuringTheLoginThrows) {
  Console console({.boot = "boot"});
  console.guest->close();
  EXPECT_THROW(console.session.await_login_prompt(Console::later()), Closed);
}

TEST(Session, AClosedConsoleIsNotTakenBack) {
  Console console;
  console.log_in();
  console.guest->close();
  EXPECT_FALSE(console.session.recover(10s));
}

TEST(Session, AnInterruptEndsWhatIsUnderWayAndAllThatFollows) {
  Console console;
  console.log_in();
  EXPECT_THROW(console.session.run("printf x; hang", 10s, [&](std::string_view) { console.session.interrupt(); }),
               Interrupted);
  EXPECT_THROW(console.run("true"), Interrupted);
  EXPECT_THROW(console.session.recover(10s), Interrupted);
}

TEST(Session, ALineThatIsNoWholeCommandIsGivenUp) {
  Console console;
  console.log_in();
  const auto result = console.run("echo \"abc");
  EXPECT_TRUE(result.status);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, TellsWhetherItsShellWaitsForACommand) {
  Console console;
  EXPECT_FALSE(console.session.at_prompt());
  console.log_in();
  EXPECT_TRUE(console.session.at_prompt());
  console.session.run("hang", 5ms);
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_TRUE(console.session.at_prompt());
  console.session.hand_over();
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_TRUE(console.session.recover(10s));
  console.session.interrupt();
  EXPECT_FALSE(console.session.at_prompt()) << "nobody will ever type into it";
}

TEST(Session, TheRawConsoleIsKeptUntilItIsTaken) {
  Console console;
  console.log_in();
  const std::string login = console.session.take_raw();
  EXPECT_TRUE(login.starts_with("booting\r\nguest login: root\r\nPassword: ")) << login;
  EXPECT_EQ(login.find("swan"), std::string::npos) << "no echo of the password";
  console.run("echo hello");
  const std::string raw = console.session.take_raw();
  EXPECT_NE(raw.find(":0# hello\n"), std::string::npos) << raw;
  EXPECT_TRUE(raw.ends_with(":0# ")) << raw;
  EXPECT_EQ(console.session.take_raw(), "");
}

// ---- somebody else at the console ----

TEST(Session, AShellThatEndsIsToldAtOnce) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf begun; exit", 600s);
  EXPECT_TRUE(result.left);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(result.closed);
  EXPECT_TRUE(result.output.ends_with("guest login: ")) << result.output;
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_EQ(console.guest->state().input, "") << "what was typed to see that is rubbed out";
}

TEST(Session, SoIsOneThatAnotherTakesThePlaceOf) {
  Console console;
  console.log_in();
  EXPECT_TRUE(console.session.run("exec", 600s).left);
}

TEST(Session, WhoHasEndedTheShellMayLogInAgain) {
  Console console;
  console.log_in();
  EXPECT_TRUE(console.session.run("exit", 600s).left);
  console.session.log_in({"root", "swan"}, Console::later());
  EXPECT_EQ(console.run("echo there").output, "there\n");
}

TEST(Session, OutputThatLooksLikeALoginPromptIsOutput) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf 'guest login: '; hang", 2s);
  EXPECT_FALSE(result.left);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_EQ(result.output, "guest login: ");
  EXPECT_EQ(console.guest->state().input, "") << "nothing of ours waits for whoever reads next";
  ASSERT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo 'login: '").output, "login: \n");
}

TEST(Session, WaitsForTheShellsEndWithoutACommand) {
  Console console;
  console.log_in();
  EXPECT_FALSE(console.session.await_end(1ms).left);
  console.guest->write("exit\n", {});
  EXPECT_TRUE(console.session.await_end(600s).left);
}

TEST(Session, GoesOnAtAnotherConsoleOfItsGuest) {
  Console console;
  console.log_in();
  console.guest->close();
  EXPECT_TRUE(console.run("true").closed);
  auto next = std::make_unique<FakeGuest>(Options{});
  console.session.reconnect(std::move(next));
  EXPECT_FALSE(console.session.at_prompt());
  console.log_in();
  EXPECT_EQ(console.run("echo there").output, "there\n");
}

TEST(Session, OneThatWasInterruptedStaysSo) {
  Console console;
  console.log_in();
  console.session.interrupt();
  console.session.reconnect(std::make_unique<FakeGuest>(Options{}));
  EXPECT_THROW(console.session.await_login_prompt(Console::later()), Interrupted);
}

}  // namespace
}  // namespace kvmtest::console
