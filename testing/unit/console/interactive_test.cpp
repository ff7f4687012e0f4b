#include "console/interactive.h"

#include <gtest/gtest.h>

#include <functional>

namespace kvmtest::console {
namespace {

/// A console whose other end is the test: it says what is printed, and sees what is typed. Nothing waits.
class Line : public Stream {
 public:
  std::string read(Deadline) override { return std::exchange(printed, {}); }
  void write(std::string_view bytes, Deadline) override {
    typed += bytes;
    if (on_typed) on_typed();
  }
  void interrupt() override {}

  std::string printed;
  std::string typed;
  std::function<void()> on_typed;
};

class Interactively : public ::testing::Test {
 protected:
  Interactively() : line(new Line), session(std::unique_ptr<Stream>(line), 1000) {
    shell.emplace(session, Interactive::Wish{"east", {24, 80}, "xterm-256color"});
    const std::string name = "KVMTEST_SHELL=";
    nonce = line->typed.substr(line->typed.find(name) + name.size());
    nonce = nonce.substr(0, nonce.find(' '));
    started = std::exchange(line->typed, {});
  }
  [[nodiscard]] std::string prompt() const { return "[root@east ~]# \x1e" + nonce + "p\x1e"; }
  std::string print(const std::string& bytes) {
    line->printed = bytes;
    return shell->read();
  }
  /// Reads until nothing comes: what the terminal gets.
  std::string quiet() { return shell->read(); }
  void show_prompt() { print("# PS1=...\r\n" + prompt()); }
  void type(const std::string& bytes) {
    shell->type(bytes);
    line->typed.clear();
  }

  Line* line;
  Session session;
  std::optional<Interactive> shell;
  std::string nonce;
  std::string started;
};

TEST_F(Interactively, TheShellKnowsTheTerminalAndOnlyItsPromptIsSeen) {
  EXPECT_NE(started.find("for TERM in xterm-256color xterm vt100;"), std::string::npos) << started;
  EXPECT_NE(started.find("stty sane rows 24 cols 80"), std::string::npos) << started;
  EXPECT_EQ(print(" PS2='> ' PS1=\"$(pri"), "");
  EXPECT_EQ(print("ntf ...\r\n" + prompt()), "[root@east ~]# ");
  type("echo hi\r");
  EXPECT_EQ(print("echo hi\r\nhi\r\n" + prompt()), "echo hi\r\nhi\r\n[root@east ~]# ");
  EXPECT_FALSE(session.at_prompt());
}

TEST_F(Interactively, AtThePromptANewSizeIsToldAtOnceAndUnseen) {
  show_prompt();
  shell->resize({50, 132});
  EXPECT_EQ(line->typed, " stty rows 50 cols 132\n");
  EXPECT_EQ(print(" stty rows 50 cols 132\r\n"), "");
  EXPECT_EQ(print(prompt()), "");
  type("ls\r");
  EXPECT_EQ(print("ls\r\n"), "ls\r\n");
}

TEST_F(Interactively, WhatALineEditorClearsIsNoOutput) {
  using namespace std::string_literals;
  print("# PS1=...\r\n" + prompt() + "\x1b[K\0\0\0"s);
  shell->resize({50, 132});
  EXPECT_EQ(line->typed, " stty rows 50 cols 132\n");
}

TEST_F(Interactively, UnderAProgramItIsToldOnlyAfterwards) {
  show_prompt();
  type("vi\r");
  print("vi\r\n~");
  shell->resize({50, 132});
  EXPECT_EQ(quiet(), "");
  EXPECT_EQ(line->typed, "");
  type(":q\r");
  // Of what was typed, the shell may have read one line or two.
  EXPECT_EQ(print(prompt()), "[root@east ~]# ");
  EXPECT_EQ(line->typed, "");
  EXPECT_EQ(quiet(), "");
  EXPECT_EQ(line->typed, " stty rows 50 cols 132\n");
}

TEST_F(Interactively, LinesTypedAheadAreWaitedFor) {
  show_prompt();
  type("sleep 1\r");
  type("ls\r");
  shell->resize({50, 132});
  print("sleep 1\r\nls\r\n" + prompt());
  EXPECT_EQ(line->typed, "") << "the shell has read one line";
  print("x\r\n" + prompt());
  EXPECT_EQ(line->typed, " stty rows 50 cols 132\n") << "and now the other";
}

TEST_F(Interactively, AHalfTypedLineIsLeftAlone) {
  show_prompt();
  type("ec");
  print("ec");
  shell->resize({50, 132});
  quiet();
  EXPECT_EQ(line->typed, "");
  type("\x03");
  print("^C\r\n" + prompt());
  EXPECT_EQ(line->typed, " stty rows 50 cols 132\n");
}

TEST_F(Interactively, WhatWasTypedAheadIsLeftAlone) {
  show_prompt();
  type("sleep 1\rq");
  shell->resize({50, 132});
  print("sleep 1\r\n" + prompt());
  quiet();
  quiet();
  EXPECT_EQ(line->typed, "") << "the shell has not seen the q";
}

TEST_F(Interactively, ExitGivesItsStatusAndTheEnd) {
  show_prompt();
  type("exit 7\r");
  EXPECT_EQ(print("exit 7\r\nexit\r\n"), "exit 7\r\nexit\r\n");
  EXPECT_EQ(shell->status(), std::nullopt);
  EXPECT_EQ(print("\x1e" + nonce + "e7\x1e" + "kt:0# "), "");
  EXPECT_EQ(shell->status(), 7);
}

TEST_F(Interactively, MarksAreFoundInAnyPiecesAndOtherBytesPass) {
  std::string seen;
  std::string bytes = "# PS1\r\n" + prompt() + "\x1e\x1ekt\x1e" + nonce + "what is no mark at all";
  bytes += prompt();
  for (const char c : bytes) seen += print(std::string(1, c));
  EXPECT_EQ(seen, "[root@east ~]# \x1e\x1ekt\x1e" + nonce + "what is no mark at all[root@east ~]# ");
}

TEST_F(Interactively, AProgramThatIgnoresControlCIsSuspended) {
  show_prompt();
  type("vi\r");
  print("vi\r\n~");
  line->on_typed = [&] {
    if (line->typed.ends_with("\x1a")) line->printed = "Stopped\r\n" + prompt();
    if (line->typed.ends_with("2>/dev/null\n")) line->printed = "exit\r\n\x1e" + nonce + "e0\x1e";
  };
  EXPECT_TRUE(shell->end());
  EXPECT_EQ(line->typed.find("\x03"), 0U);
}

}  // namespace
}  // namespace kvmtest::console
