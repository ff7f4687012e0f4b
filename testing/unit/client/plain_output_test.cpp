#include "client/plain_output.h"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

namespace kvmtest::client {
namespace {

/// What a stream's writer got while it existed.
class Written {
 public:
  explicit Written(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Written() { stream_.rdbuf(before_); }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

TEST(PlainOutput, ShowsWhatATerminalWouldActUpon) {
  const Written output(std::cout);
  const Written errors(std::cerr);
  {
    const PlainOutput plain;
    std::cout << "a\x1b]0;title\x07\tb\rc\x7f\xc2\x9b"
              << "d\n";
    std::cerr << "kvmtest: '"
              << "\x1b[2J\x1b[1;31mx"
              << "' is held by \xe2\x80\xae" << '\n';
  }
  EXPECT_EQ(output.text(), "a\\x1b]0;title\\x07\tb\\rc\\x7f\\xc2\\x9bd\n");
  EXPECT_EQ(errors.text(), "kvmtest: '\\x1b[2J\\x1b[1;31mx' is held by \\u{202e}\n");
}

TEST(PlainOutput, LeavesColorsOfStandardOutputAlone) {
  const Written output(std::cout);
  {
    const PlainOutput plain;
    std::cout << "\x1b[1;31mred\x1b[0m\x1b[2Jgone\x1b[\n";
  }
  EXPECT_EQ(output.text(), "\x1b[1;31mred\x1b[0m\\x1b[2Jgone\\x1b[\n");
}

TEST(PlainOutput, IsTheSameInWhateverPiecesItIsWritten) {
  const std::string text = "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80 \x1b[0m\xff\xc3\nend\xe2\x82";
  const auto written = [&](std::size_t piece) {
    const Written output(std::cout);
    {
      const PlainOutput plain;
      for (std::size_t at = 0; at < text.size(); at += piece) std::cout << text.substr(at, piece);
    }
    return output.text();
  };
  for (std::size_t piece = 1; piece < text.size(); ++piece) EXPECT_EQ(written(piece), written(text.size())) << piece;
}

// A prompt without a line's end is there before anybody answers.
TEST(PlainOutput, WritesAnUnfinishedLineWhenFlushed) {
  const Written output(std::cout);
  const PlainOutput plain;
  std::cout << "sure? " << std::flush;
  EXPECT_EQ(output.text(), "sure? ");
}

}  // namespace
}  // namespace kvmtest::client
