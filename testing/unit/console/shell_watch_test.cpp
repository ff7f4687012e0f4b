// Who answers at a console, in time that does not pass.

#include "console/shell_watch.h"

#include <gtest/gtest.h>

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;

class Watched : public testing::Test {
 protected:
  /// Something is printed; then nothing for so long. Returns what is typed meanwhile.
  std::string printed(std::string_view bytes, std::chrono::milliseconds silence = 0ms) {
    watch_.heard(bytes, now_);
    std::string typed;
    const auto end = now_ + silence;
    while (watch_.next() <= end) {
      now_ = watch_.next();
      typed += watch_.type(now_);
    }
    now_ = end;
    return typed;
  }

  ShellWatch::Time now_{1h};
  ShellWatch watch_{"letters", now_};
};

constexpr const char* rub_out = "\x15";

TEST_F(Watched, AGettyEchoesWhatIsTyped) {
  EXPECT_EQ(printed("\r\nDebian GNU/Linux 12 east ttyS0\r\n\r\neast login: ", 600ms), "letters");
  printed("let");
  EXPECT_FALSE(watch_.other_answers());
  printed("ters");
  EXPECT_TRUE(watch_.other_answers());
  EXPECT_EQ(watch_.finish(), rub_out);
  EXPECT_EQ(watch_.next(), ShellWatch::Time::max());
}

TEST_F(Watched, SoDoesAShellThatHasItsEcho) {
  EXPECT_EQ(printed("\x1b[1mroot@east\x1b[0m:~# ", 600ms), "letters");
  printed("letters");
  EXPECT_TRUE(watch_.other_answers());
}

TEST_F(Watched, OutputThatLooksSoIsLeftAlone) {
  EXPECT_EQ(printed("login: ", 60s), std::string("letters") + rub_out);
  EXPECT_FALSE(watch_.other_answers());
  EXPECT_EQ(printed("done\n", 60s), "");
  EXPECT_EQ(watch_.finish(), "");
}

TEST_F(Watched, OutputThatGoesOnIsNotAskedAboutAllTheTime) {
  unsigned asked = 0;
  for (int i = 0; i < 60; ++i) asked += printed("50% ", 1s).find("letters") == std::string::npos ? 0 : 1;
  EXPECT_LE(asked, 2U) << "it would have to be quiet for longer each time";
}

TEST_F(Watched, OtherOutputIsNeverAskedAbout) {
  for (const char* text : {"", "working\n", "Last login: Sun Nov 29 from west", "login: \n", "a$ b", "C#"})
    EXPECT_EQ(printed(text, 60s), "") << text;
}

TEST_F(Watched, TheKernelMaySpeakBehindAPrompt) {
  EXPECT_EQ(printed("\r\neast login: [   12.345678] random: crng init done\r\n[   12.5] eth0: up\r\n", 600ms),
            "letters");
}

TEST_F(Watched, ASlowAnswerCountsToo) {
  EXPECT_EQ(printed("login: ", 30s), std::string("letters") + rub_out);
  printed("letters\b\b\b");
  EXPECT_TRUE(watch_.other_answers());
}

TEST_F(Watched, LettersThatTheKernelCutInTwoAreTypedAgain) {
  EXPECT_EQ(printed("login: ", 600ms), "letters");
  EXPECT_EQ(printed("lett[   12.345678] eth0: up\r\ners", 30s), std::string(rub_out) + "letters" + rub_out);
}

TEST_F(Watched, APromptThatComesMeanwhileFindsNothingTyped) {
  EXPECT_EQ(printed("login: ", 600ms), "letters");
  EXPECT_EQ(watch_.finish(), rub_out);
  EXPECT_EQ(watch_.finish(), "");
}

}  // namespace
}  // namespace kvmtest::console
