#include "console/session.h"

#include <gtest/gtest.h>

#include "session_fixture.h"

namespace kvmtest::console {
namespace {

/// What() of the LoginFailed that `action` throws.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const LoginFailed& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(Login, WithoutAPassword) {
  Console console({.password = ""});
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Login, APromptInColoursIsAPrompt) {
  Console console({.boot = "\x1b[2J\x1b[1mguest login: \x1b[0m", .first_prompt = "\x1b[1;32mguest\x1b[0m:~# \x1b[6n"});
  console.log_in();
  EXPECT_EQ(console.run("true").status, 0);
}

TEST(Login, WhatIsPrintedBetweenPasswordAndPromptIsIgnored) {
  Console console({.before_login = "Last login: yesterday\r\n"});
  console.log_in();
  EXPECT_EQ(console.run("echo a").output, "a\n");
}

TEST(Login, ARefusedLoginSaysSo) {
  Console wrong_password;
  EXPECT_EQ(refusal([&] { wrong_password.log_in("root", "wrong"); }), "the guest refused user 'root' and its password");
  Console wrong_user;
  EXPECT_EQ(refusal([&] { wrong_user.log_in("nobody"); }), "the guest refused user 'nobody' and its password");
}

TEST(Login, NoLoginPromptInTime) {
  Console silent({.boot = ""});
  EXPECT_EQ(refusal([&] { silent.session.await_login_prompt(Console::soon()); }),
            "no login prompt in time; the console printed nothing");
  Console stuck({.boot = "one\r\n\x1b[1mFailed to mount /\x1b[0m\r\n"});
  EXPECT_EQ(refusal([&] { stuck.session.await_login_prompt(Console::soon()); }),
            "no login prompt in time; last line on the console: 'Failed to mount /'");
}

TEST(Login, ADeadlineThatHasPassedIsKept) {
  Console console;
  EXPECT_NE(refusal([&] { console.session.await_login_prompt(WallClock().now() - 1s); }).find("in time"),
            std::string::npos);
}

TEST(Login, APanicIsNotWaitedOut) {
  Console console({.boot = "[    1.0] Kernel panic - not syncing: no init\r\n"});
  const std::string why = refusal([&] { console.session.await_login_prompt(Console::later()); });
  EXPECT_TRUE(why.starts_with("the guest's kernel panicked")) << why;
}

TEST(Login, ALongBootIsWaitedFor) {
  std::string boot;
  for (int i = 0; i < 20'000; ++i) boot += "line of the kernel\r\n";
  Console console({.boot = boot + "guest login: "});
  console.log_in();
  EXPECT_EQ(console.run("true").status, 0);
}

TEST(Login, NoShellPromptInTime) {
  Console console({.first_prompt = "welcome\r\n"});
  console.session.await_login_prompt(Console::later());
  EXPECT_EQ(refusal([&] {
              console.session.log_in({"root", "swan"}, Console::soon());
            }),
            "no shell prompt in time; last line on the console: 'welcome'");
}

TEST(Login, AShellThatDoesNotExpandItsPromptIsRefused) {
  Console literal({.prompt = Options::Prompt::literal});
  literal.session.await_login_prompt(Console::later());
  EXPECT_EQ(refusal([&] {
              literal.session.log_in({"root", "swan"}, Console::soon());
            }),
            "the shell did not take the prompt (PS1) it was given");
  Console constant({.prompt = Options::Prompt::constant});
  EXPECT_EQ(refusal([&] { constant.log_in(); }), "the shell does not show exit statuses in its prompt (PS1)");
}

// ---- guests without a login, and other shells ----

TEST(Login, AGuestThatLogsInByItself) {
  Console console({.boot = "booting\r\nguest login: root (automatic login)\r\nWelcome\r\nguest:~# "}, logged_in(),
                  short_patience);
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Login, AGuestThatComesUpWithAShell) {
  Console console({.boot = "booting\r\n/ # ", .first_prompt = "/ # "}, logged_in(), short_patience);
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

// The prompt is what an empty line brings again, whatever it looks like.
TEST(Login, APromptOfSomebodysOwnTaste) {
  for (const std::string prompt : {"\xe2\x9d\xaf ", "guest ~> \x1b[20C12:30\x1b[20D", "[guest]: "}) {
    Console itself({.boot = "booting\r\n" + prompt, .first_prompt = prompt}, logged_in(), short_patience);
    itself.log_in();
    EXPECT_EQ(itself.run("echo in").output, "in\n") << prompt;
    Console asked({.first_prompt = prompt}, short_patience);
    asked.log_in();
    EXPECT_EQ(asked.run("echo in").output, "in\n") << prompt;
  }
}

TEST(Login, ARescueShellIsNoGuestThatIsUp) {
  for (const std::string boot :
       {"ALERT!  /dev/vda1 does not exist.  Dropping to a shell!\r\n\r\n(initramfs) ",
        "You are in emergency mode. After logging in, type journalctl -xb\r\nPress Enter for maintenance\r\n"
        "(or press Control-D to continue): ",
        "Give root password for maintenance\r\n(or press Control-D to continue): ",
        "Generating /run/initramfs/rdsosreport.txt\r\n\r\nEntering emergency mode. Exit the shell to continue.\r\n"
        "sh-5.2# ",
        "dracut:/# "}) {
    Console console({.boot = boot, .first_prompt = boot.substr(boot.rfind('\n') + 1)}, logged_in(), short_patience);
    const std::string why = refusal([&] { console.log_in(); });
    EXPECT_NE(why.find("the guest came up with a rescue shell"), std::string::npos) << boot << why;
  }
}

TEST(Login, AShellOfAnotherKindGivesWayToSh) {
  Console console({.first_prompt = "guest% ", .shell = Options::Shell::csh}, short_patience);
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

}  // namespace
}  // namespace kvmtest::console
