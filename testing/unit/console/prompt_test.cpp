#include "console/prompt.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace kvmtest::console {
namespace {

const std::string nonce = "kt0123456789abcdef0123";  // mark and key

std::string prompt(int status) { return nonce + ":" + std::to_string(status) + "# "; }

/// All that a scanner makes of these pieces: output, and "[status]" where a prompt was.
std::string scanned(const std::vector<std::string>& pieces) {
  PromptScanner scanner(nonce);
  std::string text;
  for (const std::string& piece : pieces) {
    auto result = scanner.feed(piece);
    text += result.output;
    while (result.status) {
      text += "[" + std::to_string(*result.status) + "]";
      result = scanner.feed({});
      text += result.output;
    }
  }
  return text + scanner.take_rest();
}

TEST(PromptScanner, EndsACommandWithItsStatus) {
  EXPECT_EQ(scanned({"hello\n" + prompt(0)}), "hello\n[0]");
  EXPECT_EQ(scanned({prompt(255)}), "[255]");
  EXPECT_EQ(scanned({"no newline" + prompt(1)}), "no newline[1]");
}

TEST(PromptScanner, AtWhateverByteItIsSplit) {
  const std::string text = "one " + nonce + " two\n" + prompt(130) + "three";
  for (std::size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(scanned({text.substr(0, at), text.substr(at)}), "one " + nonce + " two\n[130]three") << at;
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(scanned(bytes), "one " + nonce + " two\n[130]three");
}

// Output is held back only as long as it may yet be a prompt.
TEST(PromptScanner, GivesOutputAsItComes) {
  PromptScanner scanner(nonce);
  EXPECT_EQ(scanner.feed("hello k").output, "hello ");
  EXPECT_EQ(scanner.feed("ettle").output, "kettle");
  EXPECT_EQ(scanner.feed(nonce).output, "");
  EXPECT_EQ(scanner.feed(":12").output, "");
  EXPECT_EQ(scanner.feed("x").output, nonce + ":12x");
}

TEST(PromptScanner, TheNonceAloneIsNoPrompt) {
  const std::vector<std::string> tails = {"",      ":",    ":#",  ":# ",     ":$?# ", ":1",    ":1#",
                                          ":1 # ", ":x# ", "1# ", ":1234# ", ":-1# ", ": 1# ", ":1#x"};
  for (const std::string& tail : tails) {
    EXPECT_EQ(scanned({nonce + tail}), nonce + tail);
    EXPECT_EQ(scanned({nonce + tail + "\n", prompt(3)}), nonce + tail + "\n[3]");
  }
  EXPECT_EQ(scanned({nonce + nonce + ":0# "}), nonce + "[0]");
  EXPECT_EQ(scanned({nonce + ":" + prompt(4)}), nonce + ":[4]");
}

// The shell is told its prompt with a literal "$?": typing or printing it is not one.
TEST(PromptScanner, WhatTheShellIsToldIsNoPrompt) {
  const std::string variable = prompt_variable(nonce);
  EXPECT_EQ(scanned({"PS1='" + variable + "'\r\n"}), "PS1='" + variable + "'\r\n");
}

// A command may well print its own prompt, and the shell then prints it once more.
TEST(PromptScanner, AnotherKeysPromptsEndNothing) {
  PromptScanner scanner(nonce);
  scanner.renew("0000000001");
  auto result = scanner.feed("a" + prompt(0) + "b" + std::string(mark_of(nonce)) + "0000000001:7# ");
  EXPECT_EQ(result.output, "a");
  EXPECT_TRUE(result.stale);
  EXPECT_FALSE(result.status);
  result = scanner.feed({});
  EXPECT_EQ(result.output, "b");
  EXPECT_FALSE(result.stale);
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(scanner.take_rest(), "");
}

TEST(PromptScanner, SeveralPromptsComeOneAtATime) {
  PromptScanner scanner(nonce);
  auto result = scanner.feed("a" + prompt(1) + "b" + prompt(2) + "c");
  EXPECT_EQ(result.output, "a");
  EXPECT_EQ(result.status, 1);
  result = scanner.feed({});
  EXPECT_EQ(result.output, "b");
  EXPECT_EQ(result.status, 2);
  result = scanner.feed("d");
  EXPECT_EQ(result.output, "cd");
  EXPECT_FALSE(result.status);
}

TEST(PromptScanner, BinaryOutputPasses) {
  std::string binary;
  for (int i = 0; i < 3; ++i)
    for (int c = 0; c < 256; ++c) binary.push_back(static_cast<char>(c));
  EXPECT_EQ(scanned({binary + prompt(0)}), binary + "[0]");
  EXPECT_EQ(scanned({std::string("\0\0", 2), prompt(0)}), std::string("\0\0", 2) + "[0]");
}

// Bits of prompts in any order, split anywhere: the same as in one piece.
TEST(PromptScanner, HoweverItIsSplit) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const std::vector<std::string> bits = {nonce,  nonce.substr(0, 2), "k", ":", "0", "77", "# ", "#", "\n",
                                           "text", prompt(9)};
    std::string text;
    for (unsigned i = 0; i < 30; ++i) text += bits[random() % bits.size()];
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = 1 + random() % 5;
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    ASSERT_EQ(scanned(pieces), scanned({text})) << "seed " << seed;
  }
}

TEST(Nonce, IsFreshAndPlain) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string made = make_nonce();
    EXPECT_TRUE(seen.insert(made).second);
    EXPECT_EQ(made.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos) << made;
    EXPECT_EQ(made.size(), 22U) << "2 letters and 80 bits";
    EXPECT_EQ(key_of(made).size(), make_key().size());
    EXPECT_EQ(std::string(mark_of(made)) + std::string(key_of(made)), made);
  }
}

TEST(WithoutEscapes, LeavesTheText) {
  EXPECT_EQ(without_escapes("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(without_escapes("\x1b[6n# "), "# ");
  EXPECT_EQ(without_escapes("\x1b(x"), "x");
  EXPECT_EQ(without_escapes("cut \x1b["), "cut ");
  EXPECT_EQ(without_escapes("cut \x1b"), "cut ");
  EXPECT_EQ(without_escapes("plain"), "plain");
}

}  // namespace
}  // namespace kvmtest::console
