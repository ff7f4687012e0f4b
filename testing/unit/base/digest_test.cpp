#include "base/digest.h"

#include <gtest/gtest.h>

namespace kvmtest::base {
namespace {

// The values of an empty text as xxHash's own tests have them: names that are on disk depend on them.
TEST(Digest, OfNothingIsWhatXxHashSays) {
  EXPECT_EQ(digest_of(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(short_digest_of(""), "2d06800538d394c2");
}

TEST(Digest, PiecesMakeTheSameAsTheWhole) {
  const std::string all = "one\0two and three" + std::string(100'000, 'x');
  Digest digest;
  digest.add(std::string_view(all).substr(0, 5));
  digest.add("");
  digest.add(std::string_view(all).substr(5));
  EXPECT_EQ(digest.text(), digest_of(all));
  digest.add("more");
  EXPECT_EQ(digest.text(), digest_of(all + "more"));
}

TEST(Digest, OtherBytesHaveAnother) {
  EXPECT_NE(digest_of("a"), digest_of("b"));
  EXPECT_NE(digest_of(std::string_view("a\0", 2)), digest_of("a"));
  EXPECT_NE(short_digest_of("a"), short_digest_of("b"));
}

}  // namespace
}  // namespace kvmtest::base
