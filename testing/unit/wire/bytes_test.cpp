#include "wire/bytes.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace kvmtest::wire {
namespace {

TEST(Bytes, AreCodePointsOfTheirValue) { EXPECT_EQ(text_from_bytes("a\x80\xff"), "a\u0080\u00ff"); }

TEST(Bytes, EachComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(bytes_from_text(text_from_bytes(all)), all);
}

TEST(Bytes, NoneIsAboveOrCutOff) {
  EXPECT_THROW(bytes_from_text("\u0100"), std::runtime_error);
  EXPECT_THROW(bytes_from_text("\u20ac"), std::runtime_error);
  EXPECT_THROW(bytes_from_text("\xc3"), std::runtime_error);
}

}  // namespace
}  // namespace kvmtest::wire
