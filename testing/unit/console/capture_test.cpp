#include "console/capture.h"

#include <gtest/gtest.h>

#include <random>

namespace kvmtest::console {
namespace {

TEST(Capture, KeepsWhatFits) {
  Capture capture(10);
  capture.append("12345");
  capture.append("67890");
  EXPECT_EQ(capture.text(), "1234567890");
  EXPECT_FALSE(capture.truncated());
  EXPECT_EQ(capture.total(), 10U);
}

TEST(Capture, CutsTheMiddleAndSaysHowMuch) {
  Capture capture(10);
  capture.append("1234567890abc");
  EXPECT_EQ(capture.text(), "12345\n>>>>>>>>>> 3 bytes cut <<<<<<<<<<\n90abc");
  EXPECT_TRUE(capture.truncated());
  EXPECT_EQ(capture.total(), 13U);
}

TEST(Capture, TheEndMovesOn) {
  Capture capture(6);
  for (const char c : std::string("abcdefghij")) capture.append({&c, 1});
  EXPECT_EQ(capture.text(), "abc\n>>>>>>>>>> 4 bytes cut <<<<<<<<<<\nhij");
}

TEST(Capture, BoundsOfAlmostNothing) {
  for (const std::size_t bound : {0U, 1U, 2U, 3U}) {
    Capture capture(bound);
    for (int i = 0; i < 5; ++i) capture.append("xyz");
    EXPECT_EQ(capture.total(), 15U);
    EXPECT_NE(capture.text().find(std::to_string(15 - bound) + " bytes cut"), std::string::npos) << bound;
  }
}

TEST(Capture, ManyAppendsAreLikeOne) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const std::size_t bound = random() % 40;
    Capture capture(bound);
    std::string all;
    for (unsigned i = 0; i < 20; ++i) {
      std::string piece(random() % 12, ' ');
      for (char& c : piece) c = static_cast<char>('a' + random() % 26);
      capture.append(piece);
      all += piece;
    }
    Capture once(bound);
    once.append(all);
    ASSERT_EQ(capture.text(), once.text()) << "seed " << seed;
    ASSERT_EQ(capture.total(), all.size());
    const std::size_t head = bound - bound / 2;
    if (all.size() <= bound) {
      ASSERT_EQ(capture.text(), all);
    } else {
      ASSERT_TRUE(capture.text().starts_with(all.substr(0, head)));
      ASSERT_TRUE(capture.text().ends_with(all.substr(all.size() - bound / 2)));
    }
  }
}

}  // namespace
}  // namespace kvmtest::console
