#include "report/text.h"

#include <gtest/gtest.h>

namespace kvmtest::report {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Escaped, LeavesPlainAndForeignTextAlone) {
  EXPECT_EQ(escaped("ip link \\ käse 東 🦀"), "ip link \\ käse 東 🦀");
}

TEST(PrefixText, TheEmptyOneCanBeSeen) {
  EXPECT_EQ(prefix_text(""), "''");
  EXPECT_EQ(prefix_text("a."), "a.");
  EXPECT_EQ(prefix_text("a\n"), "a\\n");
}

TEST(Escaped, ShowsControlCharacters) {
  EXPECT_EQ(escaped("a\x1b[31mred\x07\x7f"), "a\\x1b[31mred\\x07\\x7f");
  EXPECT_EQ(escaped("one\ntwo\r\tthree"), "one\\ntwo\\r\\tthree");
  EXPECT_EQ(escaped(std::string_view("nul\0!", 5)), "nul\\x00!");
  // C1: U+009B starts a control sequence as ESC [ does.
  EXPECT_EQ(escaped("\xc2\x9b"
                    "31m"),
            "\\xc2\\x9b31m");
}

TEST(Escaped, ShowsWhatIsNotUtf8) {
  EXPECT_EQ(escaped("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  EXPECT_EQ(escaped("\xe6\x9d"), "\\xe6\\x9d");                    // cut short
}

TEST(Escaped, ShowsWhatTurnsTheLineAround) {
  EXPECT_EQ(escaped("passed\xe2\x80\xae"
                    "deliaf"),
            "passed\\u{202e}deliaf");
  EXPECT_EQ(escaped("a\xe2\x80\xa8"
                    "b"),
            "a\\u{2028}b");
}

TEST(Wrapped, BreaksAtSpacesAndIndents) {
  EXPECT_EQ(wrapped("one two three four", 9, 2, 0), "one two\n  three\n  four");
  EXPECT_EQ(wrapped("one two", 9, 2, 6), "one\n  two");
}

TEST(Wrapped, NeverBreaksAWord) {
  EXPECT_EQ(wrapped("see /a/very/long/path now", 10, 2, 0), "see\n  /a/very/long/path\n  now");
  EXPECT_EQ(wrapped("/a/very/long/path", 10, 2, 2), "/a/very/long/path");
}

TEST(Wrapped, CountsCharactersNotBytes) { EXPECT_EQ(wrapped("äöü äöü", 7, 0, 0), "äöü äöü"); }

TEST(Wrapped, CountsTheColumnsOfWideCharacters) { EXPECT_EQ(wrapped("東京 東", 6, 0, 0), "東京\n東"); }

TEST(Columns, AreThoseOfATerminal) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("käse"), 4U);
  EXPECT_EQ(columns("東京 🦀"), 7U);
  EXPECT_EQ(columns("e\xcc\x81"), 1U);  // e and a combining accent
}

TEST(Cut, LeavesWhatFits) {
  EXPECT_EQ(cut_end("東京", 4), "東京");
  EXPECT_EQ(cut_begin("netlab/gre", 10), "netlab/gre");
}

TEST(Cut, KeepsOneEndWithinTheWidth) {
  EXPECT_EQ(cut_end("netlab/ping-east", 9), "netlab...");
  EXPECT_EQ(cut_begin("netlab/ping-east", 9), "...g-east");
  EXPECT_EQ(cut_end("東京東京", 6), "東...");  // half a character does not fit
  EXPECT_EQ(cut_begin("東京東京", 6), "...京");
  EXPECT_EQ(cut_begin("aaae\xcc\x81xxx", 6), "...xxx");
  EXPECT_EQ(cut_end("netlab", 2), "..");
  EXPECT_EQ(cut_begin("netlab", 0), "");
}

TEST(Painted, OnlyWhereColorIsWanted) {
  EXPECT_EQ(painted({false, 80}, "failed", look::red), "failed");
  EXPECT_EQ(painted({true, 80}, "failed", look::red), "\x1b[1;31mfailed\x1b[0m");
  EXPECT_EQ(painted({true, 80}, "failed", look::plain), "failed");
}

TEST(Wrapped, KeepsSpacesInsideALine) { EXPECT_EQ(wrapped("a  b   c", 20, 0, 0), "a  b   c"); }

TEST(DurationText, PicksItsUnits) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0.00 s");
  EXPECT_EQ(duration_text(milliseconds(420)), "0.42 s");
  EXPECT_EQ(duration_text(milliseconds(59'990)), "59.99 s");
  EXPECT_EQ(duration_text(milliseconds(59'999)), "1 min 0.0 s");
  EXPECT_EQ(duration_text(milliseconds(192'400)), "3 min 12.4 s");
  EXPECT_EQ(duration_text(milliseconds(3'599'990)), "1 h 00 min");
  EXPECT_EQ(duration_text(hours(2) + minutes(3) + seconds(4)), "2 h 03 min");
}

}  // namespace
}  // namespace kvmtest::report
