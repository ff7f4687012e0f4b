#include "base/percent.h"

#include <gtest/gtest.h>

namespace kvmtest::base {
namespace {

TEST(Percent, EncodesWhatIsNotUnreserved) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a b&c=d/e%"), "a%20b%26c%3Dd%2Fe%25");
  EXPECT_EQ(percent_encoded("\xc3\xa4\n"), "%C3%A4%0A");
  EXPECT_EQ(percent_encoded(std::string_view("\0", 1)), "%00");
}

TEST(Percent, APathKeepsItsSlashes) { EXPECT_EQ(percent_encoded("/a b/c?", "/"), "/a%20b/c%3F"); }

TEST(Percent, DecodesWhatWasEncoded) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(percent_decoded("%2f%2F"), "//");
}

TEST(Percent, LeavesWhatIsNoCodeAlone) {
  EXPECT_EQ(percent_decoded("100%"), "100%");
  EXPECT_EQ(percent_decoded("%4"), "%4");
  EXPECT_EQ(percent_decoded("%zz%4g"), "%zz%4g");
  EXPECT_EQ(percent_decoded("%%41"), "%A");
}

}  // namespace
}  // namespace kvmtest::base
