#include "console/input.h"

#include <gtest/gtest.h>

#include "fake_guest.h"

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;

TEST(Input, IsTypedAsShortLinesOfPrintableText) {
  auto* guest = new FakeGuest({});
  Session session(std::unique_ptr<Stream>(guest), 1 << 20);
  const auto deadline = session.now() + 60s;
  session.await_login_prompt(deadline);
  session.log_in({"root", "swan"}, deadline);
  std::string any(3000, '\0');
  for (std::size_t i = 0; i < any.size(); ++i) any[i] = static_cast<char>(i);
  // This guest makes no files: what counts is what it is given.
  const std::size_t before = guest->typed.size();
  EXPECT_EQ(place_input(session, any, deadline), "");
  for (std::size_t i = before; i < guest->typed.size(); ++i) {
    EXPECT_LT(guest->typed[i].size(), 1000U);
    for (const char c : guest->typed[i]) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  }
}

TEST(Input, IsTheCommandsAlone) {
  EXPECT_EQ(with_input("cat", "/run/it's"), "{ rm -f '/run/it'\\''s'\ncat\n} <'/run/it'\\''s'");
  EXPECT_EQ(with_input("cat", "/dev/null"), "{\ncat\n} </dev/null");
}

}  // namespace
}  // namespace kvmtest::console
