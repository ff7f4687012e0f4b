#include "wire/console_frame.h"

#include <gtest/gtest.h>

namespace kvmtest::wire {
namespace {

using Kind = ConsoleFrame::Kind;

TEST(ConsoleFrame, ComesBackInWhateverPieces) {
  std::string any(300, '\0');
  for (std::size_t i = 0; i < any.size(); ++i) any[i] = static_cast<char>(i);
  const std::string bytes = to_bytes(Kind::data, any) + to_bytes(Kind::size, "{}") + to_bytes(Kind::end, "");
  EXPECT_EQ(to_bytes(Kind::size, "{}"), std::string("s\0\0\0\2{}", 7));
  for (const std::size_t piece : {1, 2, 7, 1000}) {
    FrameReader reader;
    std::vector<ConsoleFrame> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(bytes.substr(at, piece));
      while (auto frame = reader.next()) got.push_back(*frame);
    }
    EXPECT_EQ(got, (std::vector<ConsoleFrame>{{Kind::data, any}, {Kind::size, "{}"}, {Kind::end, ""}})) << piece;
  }
}

TEST(ConsoleFrame, RefusesWhatIsNone) {
  FrameReader text;
  text.feed("GET / HTTP/1.1");
  EXPECT_THROW(text.next(), std::runtime_error);
  FrameReader longer;
  longer.feed(std::string("d\0\1\0\1", 5));
  EXPECT_THROW(longer.next(), std::runtime_error);
  EXPECT_THROW(to_bytes(Kind::data, std::string(longest_frame + 1, 'x')), std::length_error);
}

}  // namespace
}  // namespace kvmtest::wire
