#include "console/kernel.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kvmtest::console {
namespace {

const std::string nonce = "ktabc123";

/// What a scanner makes of these pieces: text, and "{message}" where the kernel spoke.
std::string scanned(const std::vector<std::string>& pieces, std::int64_t clock = 0) {
  KernelScanner scanner(nonce);
  scanner.set_clock(clock);
  std::string out;
  for (const std::string& bytes : pieces) {
    auto piece = scanner.feed(bytes);
    out += piece.text;
    while (piece.message) {
      out += "{" + piece.message->line.text + "}";
      piece = scanner.feed({});
      out += piece.text;
    }
  }
  return out + scanner.take_rest();
}

TEST(KernelScanner, FindsMessagesAnywhere) {
  EXPECT_EQ(scanned({"[    1.000000] one\r\n"}), "{one}");
  EXPECT_EQ(scanned({"before\n[    1.000000] one\r\nafter\n"}), "before\n{one}after\n");
  EXPECT_EQ(scanned({"in the mid[   12.345678] one: two [3]\r\ndle\n"}), "in the mid{one: two [3]}dle\n");
  EXPECT_EQ(scanned({"[1.000000] one\r\n[    2.000000] two\r\n"}), "{one}{two}");
  EXPECT_EQ(scanned({"[12345678.123456] long up\r\n"}), "{long up}");
}

TEST(KernelScanner, KnowsWhoWrote) {
  EXPECT_EQ(scanned({"[    1.000000][    T1] one\r\n[    2.000000][   C0] two\r\n"}), "{one}{two}");
  EXPECT_EQ(scanned({"[    1.000000][    X1] one\r\n"}), "[    1.000000][    X1] one\r\n");
  EXPECT_EQ(scanned({"x** 12 printk messages dropped **\r\ny\n"}), "x{** 12 printk messages dropped **}y\n");
}

TEST(KernelScanner, GivesTimes) {
  KernelScanner scanner(nonce);
  const auto piece = scanner.feed("[   12.345678] text\r\n");
  ASSERT_TRUE(piece.message);
  EXPECT_EQ(piece.message->line.stamp, 12'345'678);
  EXPECT_EQ(piece.message->bytes, "[   12.345678] text\r\n");
  EXPECT_EQ(scanner.newest(), 12'345'678);
}

// The terminal ends the lines of programs with LF alone.
TEST(KernelScanner, WhatProgramsPrintIsOutput) {
  for (const std::string text : {"[    1.000000] dmesg\n", "[ 1.0] x\r\n", "[1.0000000] x\r\n", "[a.000000] x\r\n",
                                 "[    1.000000]x\r\n", "[    1.000000]\r\n", "a\r\nb\r\n", "[", "[  ", "[    1.00",
                                 "[    1.000000] no end", "** 12 stars **\r\n", "[[[[***", "** ", "\r\n", "\n"})
    EXPECT_EQ(scanned({text}), text);
}

TEST(KernelScanner, WhereverItIsSplit) {
  const std::string text =
      "a[x] b\n[    1.000000] dmesg\nktab[    2.000000] one\r\nc123:0# ** 1 printk messages dropped "
      "**\r\n[    3.000000][    T7] two\r\nend [  4";
  const std::string whole = scanned({text});
  EXPECT_EQ(whole, "a[x] b\n[    1.000000] dmesg\nktab{one}c123:0# {** 1 printk messages dropped **}{two}end [  4");
  for (std::size_t at = 0; at <= text.size(); ++at)
    EXPECT_EQ(scanned({text.substr(0, at), text.substr(at)}), whole) << at;
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(scanned(bytes), whole);
}

// A program prints the kernel's log, and the kernel interrupts it.
TEST(KernelScanner, TheLastStampOfALineIsTheMessages) {
  EXPECT_EQ(scanned({"[    1.000000] quo[    9.000000] live\r\nted\n"}), "[    1.000000] quo{live}ted\n");
  EXPECT_EQ(scanned({"[    1.0000[    9.000000] live\r\n00] quoted\n"}), "[    1.0000{live}00] quoted\n");
}

// A terminal that a test has set to onlcr again ends lines of dmesg with CR LF.
TEST(KernelScanner, WhatIsOldOrWasSaidAlreadyIsQuoted) {
  EXPECT_EQ(scanned({"[    1.000000] boot\r\n"}, 30'000'000), "[    1.000000] boot\r\n");
  EXPECT_EQ(scanned({"[   31.000000] new\r\n[   32.000000] b\r\n", "[   31.000000] new\r\n"}, 30'000'000),
            "{new}{b}[   31.000000] new\r\n");
  EXPECT_EQ(scanned({"[   31.000000] ==\r\n[   31.000000] ==\r\n"}, 30'000'000), "{==}{==}");
  EXPECT_EQ(scanned({"[   29.900000] of another processor\r\n"}, 30'000'000), "{of another processor}");
}

TEST(KernelScanner, AForgedStampDoesNotMoveTheClock) {
  EXPECT_EQ(scanned({"[99999.000000] forged\r\n[    5.000000] real\r\n"}, 4'000'000), "{forged}{real}");
}

// Text that looks like the beginning of a message must not keep a prompt behind it from being seen.
TEST(KernelScanner, APromptIsNeverHeldBack) {
  KernelScanner scanner(nonce);
  EXPECT_EQ(scanner.feed("[    1.000000] no newline").text, "");
  EXPECT_EQ(scanner.feed(nonce + ":0# ").text, "[    1.000000] no newline" + nonce + ":0# ");
  EXPECT_EQ(scanned({"[    1.000000] text" + nonce + ":0# x\r\n"}), "[    1.000000] text" + nonce + ":0# x\r\n");
}

TEST(KernelScanner, LongLinesAreNotHeldForEver) {
  KernelScanner scanner(nonce);
  const std::string text = "[    1.000000] " + std::string(5000, 'x');
  EXPECT_GT(scanner.feed(text).text.size(), 3000U);
  std::string binary(100'000, '[');
  EXPECT_GE(scanner.feed(binary).text.size() + 3000, binary.size());
}

}  // namespace
}  // namespace kvmtest::console
