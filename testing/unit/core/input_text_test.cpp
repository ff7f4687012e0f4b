#include "core/input_text.h"

#include <gtest/gtest.h>

#include <string>

#include "core/input_error.h"

namespace kvmtest::core {
namespace {

std::string error(std::string_view text) {
  try {
    check_text(text, "s/x.test");
  } catch (const InputError& caught) {
    return caught.what();
  }
  return "";
}

TEST(InputText, IsUtf8WithLineFeeds) {
  EXPECT_EQ(error(""), "");
  EXPECT_EQ(error("# title\na\rb\n\xc3\xbc\n"), "");
  EXPECT_EQ(error(std::string_view("\0\0\0", 3)), "") << "a binary";
  EXPECT_NO_THROW(check_text("a\r\n", "x.sh", LineEnds::any));
}

TEST(InputText, SaysWhatElseItIsAndWhatToDo) {
  EXPECT_EQ(error("\xef\xbb\xbf# title\n"),
            "s/x.test:1: begins with a byte order mark; take it away: sed -i '1s/^\\xef\\xbb\\xbf//' 's/x.test'");
  EXPECT_EQ(error("a\nb\r\nc\r\n"), "s/x.test:2: ends in CR LF; make that LF: sed -i 's/\\r$//' 's/x.test'");
  const std::string utf16 = "s/x.test: is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8 's/x.test'";
  EXPECT_EQ(error(std::string_view("\xff\xfe#\0", 4)), utf16);
  EXPECT_EQ(error(std::string_view("\xfe\xff\0#", 4)), utf16);
  EXPECT_EQ(error(std::string_view("#\0 \0", 4)), utf16);
}

}  // namespace
}  // namespace kvmtest::core
