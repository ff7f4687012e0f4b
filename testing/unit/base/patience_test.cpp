// Calls that take too long.

#include "base/patience.h"

#include <future>
#include <memory>

#include <gtest/gtest.h>

namespace kvmtest::base {
namespace {

using namespace std::chrono_literals;

TEST(Patience, WhatTakesTooLongIsEndedFromOutside) {
  Patience patience("a test");
  std::promise<void> call;
  const auto long_one = patience.wait(1h, [] { FAIL() << "it had an hour"; });
  const auto wait = patience.wait(1ms, [&] { call.set_value(); });
  call.get_future().wait();
  EXPECT_TRUE(wait.over());
  EXPECT_FALSE(long_one.over());
}

TEST(Patience, WhatReturnsInTimeIsLeftAlone) {
  bool done = false;
  {
    Patience patience("a test");
    {
      const auto wait = patience.wait(1h, [&] { done = true; });
    }
  }
  EXPECT_FALSE(done);
}

TEST(Patience, AnEarlierEndIsNotHeldUpByALaterOne) {
  Patience patience("a test");
  const auto late = patience.wait(1h, [] {});
  for (int i = 0; i < 3; ++i) {
    std::promise<void> call;
    const auto wait = patience.wait(1ms, [&] { call.set_value(); });
    call.get_future().wait();
  }
  EXPECT_FALSE(late.over());
}

TEST(Patience, WhoReturnsMeanwhileWaitsForWhatIsBeingDone) {
  Patience patience("a test");
  std::promise<void> begun;
  std::promise<void> go_on;
  bool done = false;
  auto wait = std::make_unique<Patience::Wait>(patience, 1ms, [&] {
    begun.set_value();
    go_on.get_future().wait();
    done = true;
  });
  begun.get_future().wait();
  auto ended = std::async(std::launch::async, [&] {
    wait.reset();
    return done;
  });
  go_on.set_value();
  EXPECT_TRUE(ended.get());
}

}  // namespace
}  // namespace kvmtest::base
