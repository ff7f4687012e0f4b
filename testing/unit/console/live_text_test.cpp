#include "console/live_text.h"

#include <thread>

#include <gtest/gtest.h>

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;

std::chrono::steady_clock::time_point later() { return std::chrono::steady_clock::now() + 60s; }

TEST(LiveText, WhoComesLateGetsWhatIsKeptFromTheBeginningOfALine) {
  LiveText text(7);
  text.append("first line\nsecond\n");
  text.append("third\n");
  const auto part = text.after(0, later());
  EXPECT_EQ(part.text, "third\n");
  EXPECT_EQ(part.end, 24U);
  text.append("x");
  EXPECT_EQ(text.after(part.end, later()).text, "x");
}

TEST(LiveText, WaitsForMoreAndForTheEnd) {
  LiveText text(100);
  std::thread writer([&] {
    text.append("more");
    text.close();
  });
  std::string all;
  for (LiveText::Part part; !part.closed;) {
    part = text.after(part.end, later());
    all += part.text;
  }
  writer.join();
  EXPECT_EQ(all, "more");
}

}  // namespace
}  // namespace kvmtest::console
