#include "console/session.h"

#include <gtest/gtest.h>

#include "fake_guest.h"

namespace kvmtest::console {
namespace {

using namespace std::chrono_literals;
using Options = FakeGuest::Options;

/// A session and the guest behind it. What answers does so at once, so `soon` is only ever waited for by what does not.
struct Console {
  explicit Console(Options options = {}, std::size_t bound = 1 << 20)
      : guest(new FakeGuest(std::move(options))), session(std::unique_ptr<Stream>(guest), bound) {}
  /// One that looks again what is there after so long.
  Console(Options options, Patience patience)
      : guest(new FakeGuest(std::move(options))), session(std::unique_ptr<Stream>(guest), 1 << 20, patience) {}
  /// A guest that nobody has to log in to.
  Console(Options options, FakeGuest::State state, Patience patience)
      : guest(new FakeGuest(options, std::move(state))), session(std::unique_ptr<Stream>(guest), 1 << 20, patience) {
    guest->say(options.boot);
  }

  /// Taken over from another console: the shell is given this session's prompt.
  Console(Options options, FakeGuest::State state)
      : guest(new FakeGuest(std::move(options), std::move(state))), session(std::unique_ptr<Stream>(guest), 1 << 20) {
    session.recover(10s);
  }

  void log_in(const std::string& user = "root", const std::string& password = "swan") {
    session.await_login_prompt(later());
    session.log_in({user, password}, later());
  }
  CommandResult run(const std::string& command) { return session.run(command, 10s); }
  static Deadline later() { return std::chrono::steady_clock::now() + 10s; }
  static Deadline soon() { return std::chrono::steady_clock::now() + 5ms; }

  FakeGuest* guest;
  Session session;
};

/// A guest that somebody logged in to, with the program that waits for a line.
FakeGuest::State waiting_guest() {
  FakeGuest::State state;
  state.at = FakeGuest::State::At::shell;
  state.program = "/run/.kvmtest-renew";
  return state;
}

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

TEST(Session, LogsInAndRunsCommands) {
  Console console;
  console.log_in();
  const auto result = console.run("echo hello world");
  EXPECT_EQ(result.output, "hello world\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_FALSE(result.truncated);
  EXPECT_EQ(result.output_bytes, 12U);
  EXPECT_EQ(console.run("false").status, 1);
  EXPECT_EQ(console.run("(exit 255)").status, 255);
  EXPECT_EQ(console.run("nosuch").output, "sh: nosuch: not found\n");
  EXPECT_EQ(console.run("").status, 127) << "an empty line keeps the status";
}

TEST(Session, ByteByByte) {
  Console console({.chunk = 1});
  console.log_in();
  EXPECT_EQ(console.run("echo hello").output, "hello\n");
  std::string seen;
  unsigned calls = 0;
  console.session.run("echo hello", 10s, [&](std::string_view bytes) {
    seen += bytes;
    ++calls;
  });
  EXPECT_EQ(seen, "hello\n");
  EXPECT_GT(calls, 3U) << "output is given as it comes";
}

TEST(Session, WithoutAPassword) {
  Console console({.password = ""});
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Session, APromptInColoursIsAPrompt) {
  Console console({.boot = "\x1b[2J\x1b[1mguest login: \x1b[0m", .first_prompt = "\x1b[1;32mguest\x1b[0m:~# \x1b[6n"});
  console.log_in();
  EXPECT_EQ(console.run("true").status, 0);
}

TEST(Session, WhatIsPrintedBetweenPasswordAndPromptIsIgnored) {
  Console console({.before_login = "Last login: yesterday\r\n"});
  console.log_in();
  EXPECT_EQ(console.run("echo a").output, "a\n");
}

TEST(Session, ARefusedLoginSaysSo) {
  Console wrong_password;
  EXPECT_EQ(refusal([&] { wrong_password.log_in("root", "wrong"); }), "the guest refused user 'root' and its password");
  Console wrong_user;
  EXPECT_EQ(refusal([&] { wrong_user.log_in("nobody"); }), "the guest refused user 'nobody' and its password");
}

TEST(Session, NoLoginPromptInTime) {
  Console silent({.boot = ""});
  EXPECT_EQ(refusal([&] { silent.session.await_login_prompt(Console::soon()); }),
            "no login prompt in time; the console printed nothing");
  Console stuck({.boot = "one\r\n\x1b[1mFailed to mount /\x1b[0m\r\n"});
  EXPECT_EQ(refusal([&] { stuck.session.await_login_prompt(Console::soon()); }),
            "no login prompt in time; last line on the console: 'Failed to mount /'");
}

TEST(Session, ADeadlineThatHasPassedIsKept) {
  Console console;
  EXPECT_NE(refusal([&] { console.session.await_login_prompt(std::chrono::steady_clock::now() - 1s); }).find("in time"),
            std::string::npos);
}

TEST(Session, APanicIsNotWaitedOut) {
  Console console({.boot = "[    1.0] Kernel panic - not syncing: no init\r\n"});
  const std::string why = refusal([&] { console.session.await_login_prompt(Console::later()); });
  EXPECT_TRUE(why.starts_with("the guest's kernel panicked")) << why;
}

TEST(Session, ALongBootIsWaitedFor) {
  std::string boot;
  for (int i = 0; i < 20'000; ++i) boot += "line of the kernel\r\n";
  Console console({.boot = boot + "guest login: "});
  console.log_in();
  EXPECT_EQ(console.run("true").status, 0);
}

TEST(Session, NoShellPromptInTime) {
  Console console({.first_prompt = "welcome\r\n"});
  console.session.await_login_prompt(Console::later());
  EXPECT_EQ(refusal([&] {
              console.session.log_in({"root", "swan"}, Console::soon());
            }),
            "no shell prompt in time; last line on the console: 'welcome'");
}

TEST(Session, AShellThatDoesNotExpandItsPromptIsRefused) {
  Console literal({.prompt = Options::Prompt::literal});
  literal.session.await_login_prompt(Console::later());
  EXPECT_EQ(refusal([&] {
              literal.session.log_in({"root", "swan"}, Console::soon());
            }),
            "the shell did not take the prompt (PS1) it was given");
  Console constant({.prompt = Options::Prompt::constant});
  EXPECT_EQ(refusal([&] { constant.log_in(); }), "the shell does not show exit statuses in its prompt (PS1)");
}

TEST(Session, OutputThatLooksLikeAPromptIsOutput) {
  Console console;
  console.log_in();
  EXPECT_EQ(console.run("printf 'guest:~# '").output, "guest:~# ");
  EXPECT_EQ(console.run("echo kt0123456789:0# ").output, "kt0123456789:0#\n");
  const auto told = console.run("echo \"$PS1\"");
  EXPECT_EQ(told.status, 0);
  EXPECT_TRUE(told.output.ends_with(":$?# \n")) << told.output;
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, BinaryOutputSurvives) {
  Console console;
  console.log_in();
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(console.run("all-bytes").output, all);
}

TEST(Session, OutputBeyondTheBoundIsCut) {
  Console console({}, 100);
  console.log_in();
  const auto result = console.run("bytes 100000");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.truncated);
  EXPECT_EQ(result.output_bytes, 100'000U);
  EXPECT_NE(result.output.find("99900 bytes cut"), std::string::npos);
}

TEST(Session, ALongCommandIsTypedInPieces) {
  Console console;
  console.log_in();
  std::string text;
  while (text.size() < 20'000) text += "it's \"quoted\" $HOME `x` \\ ; # ";
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  quoted += "'";
  const auto result = console.run("echo " + quoted);
  EXPECT_EQ(result.output, text + "\n");
  EXPECT_EQ(result.status, 0);
  for (const std::string& line : console.guest->typed) EXPECT_LE(line.size(), 1100U);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Session, PiecesDoNotCutCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Console console;
    console.log_in();
    std::string text(shift, 'x');
    while (text.size() < 3'000) text += "ä€😀";
    EXPECT_EQ(console.run("echo '" + text + "'").output, text + "\n");
    for (const std::string& line : console.guest->typed) {
      const auto quote = line.find('\'');
      if (!line.starts_with("__kvmtest=\"") || quote == std::string::npos) continue;
      EXPECT_NE(static_cast<unsigned char>(line[quote + 1]) & 0xc0, 0x80) << "a piece begins within a character";
    }
  }
}

// A shell prompts after each complete line: the lines are one command only when they are evaluated as one.
TEST(Session, SeveralLinesAreOneCommand) {
  Console console;
  console.log_in();
  const auto result = console.run("echo one\necho two\n(exit 3)");
  EXPECT_EQ(result.output, "one\ntwo\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(console.run("echo three\n").output, "three\n");
  EXPECT_EQ(console.run("echo four").output, "four\n");
}

TEST(Session, ATimeOutGivesNoStatus) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf begun; hang", 5ms);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(result.closed);
  EXPECT_EQ(result.output, "begun");
  EXPECT_GE(result.took, 5ms);
}

// What may yet have been a prompt is output when no more comes.
TEST(Session, ATimeOutKeepsWhatWasHeldBack) {
  Console console;
  console.log_in();
  EXPECT_EQ(console.session.run("printf k; hang", 5ms).output, "k");
}

TEST(Session, AnInteractiveEndTakesTheShellBack) {
  Console console;
  console.log_in();
  console.session.run("hang", 5ms);
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo back").output, "back\n");
}

TEST(Session, APersonsPromptAndHalfTypedLineAreTakenAway) {
  Console console;
  console.log_in();
  console.session.hand_over();
  console.session.stream()->write("echo person\n(exit 9)\nhalf a li", Console::later());
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo back").output, "back\n");
  EXPECT_EQ(console.run("again").status, 0);
}

TEST(Session, AShellThatDoesNotAnswerIsNotTakenBack) {
  Console console;
  console.log_in();
  console.session.run("PS1=gone", 5ms);
  // It takes the prompt it is given again; a dead guest does not.
  EXPECT_TRUE(console.session.recover(10s));
  console.guest->silent = true;
  EXPECT_FALSE(console.session.recover(5ms));
}

TEST(Session, AClosedConsoleKeepsItsLastOutput) {
  Console console;
  console.log_in();
  const auto result = console.run("echo last words; die");
  EXPECT_TRUE(result.closed);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_EQ(result.output, "last words\n");
  EXPECT_TRUE(console.run("echo more").closed);
}

TEST(Session, AConsoleThatClosesDuringTheLoginThrows) {
  Console console({.boot = "boot"});
  console.guest->close();
  EXPECT_THROW(console.session.await_login_prompt(Console::later()), Closed);
}

TEST(Session, AnInterruptEndsWhatIsUnderWayAndAllThatFollows) {
  Console console;
  console.log_in();
  EXPECT_THROW(console.session.run("printf x; hang", 10s, [&](std::string_view) { console.session.interrupt(); }),
               Interrupted);
  EXPECT_THROW(console.run("true"), Interrupted);
  EXPECT_THROW(console.session.recover(10s), Interrupted);
}

// ---- a command that waits for a line ----

const std::string wait_for_line = "/run/.kvmtest-renew wait token";

TEST(Waiting, EndsWithTheLine) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  EXPECT_FALSE(console.session.at_prompt());
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(console.session.at_prompt());
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Waiting, ByteByByte) {
  Console console({.chunk = 1}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
}

TEST(Waiting, ACommandThatDoesNotGetReadyIsSaid) {
  Console console({}, waiting_guest());
  EXPECT_FALSE(console.session.begin_waiting("echo no such program", "waiting", Console::soon()));
}

// Prompts, output, and megabytes of them: of a time before the guest went back.
TEST(Waiting, NothingBeforeTheMarkCounts) {
  Console console({.chunk = 1000}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const FakeGuest::State saved = console.guest->state();
  console.guest->write("first seed 1 2\necho one\n(exit 4)\nbytes 300000\n", Console::later());
  console.guest->go_back(saved);
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

TEST(Waiting, AMarkThatDoesNotComeIsNoAnswer) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result = console.session.end_waiting(console.session.prompt_nonce(), "", "mark", Console::soon());
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(Waiting, APromptThatDoesNotComeIsNoStatus) {
  Console console({}, waiting_guest());
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  const auto result = console.session.end_waiting("another", "mark seed 1 2", "mark", Console::soon());
  EXPECT_TRUE(result.output.starts_with("mark token 0 guest 0\n")) << result.output;
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(Waiting, AConsoleThatClosesOrIsInterruptedThrows) {
  Console closed({}, waiting_guest());
  EXPECT_TRUE(closed.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  closed.guest->close();
  EXPECT_THROW(closed.session.end_waiting("x", "mark", "mark", Console::later()), Closed);
  Console interrupted({}, waiting_guest());
  interrupted.session.interrupt();
  EXPECT_THROW(interrupted.session.begin_waiting(wait_for_line, "waiting", Console::later()), Interrupted);
}

TEST(Session, TellsWhetherItsShellWaitsForACommand) {
  Console console;
  EXPECT_FALSE(console.session.at_prompt());
  console.log_in();
  EXPECT_TRUE(console.session.at_prompt());
  console.session.run("hang", 5ms);
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_TRUE(console.session.recover(10s));
  EXPECT_TRUE(console.session.at_prompt());
  console.session.hand_over();
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_TRUE(console.session.recover(10s));
  console.session.interrupt();
  EXPECT_FALSE(console.session.at_prompt()) << "nobody will ever type into it";
}

TEST(Session, TheRawConsoleIsKeptUntilItIsTaken) {
  Console console;
  console.log_in();
  const std::string login = console.session.take_raw();
  EXPECT_TRUE(login.starts_with("booting\r\nguest login: root\r\nPassword: ")) << login;
  EXPECT_EQ(login.find("swan"), std::string::npos) << "no echo of the password";
  console.run("echo hello");
  const std::string raw = console.session.take_raw();
  EXPECT_TRUE(raw.starts_with("hello\n")) << raw;
  EXPECT_TRUE(raw.ends_with(":0# ")) << raw;
  EXPECT_EQ(console.session.take_raw(), "");
}

// ---- somebody else at the console ----

TEST(Session, AShellThatEndsIsToldAtOnce) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf begun; exit", 600s);
  EXPECT_TRUE(result.left);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_FALSE(result.closed);
  EXPECT_TRUE(result.output.ends_with("guest login: ")) << result.output;
  EXPECT_FALSE(console.session.at_prompt());
  EXPECT_EQ(console.guest->state().input, "") << "what was typed to see that is rubbed out";
}

TEST(Session, SoIsOneThatAnotherTakesThePlaceOf) {
  Console console;
  console.log_in();
  EXPECT_TRUE(console.session.run("exec", 600s).left);
}

TEST(Session, WhoHasEndedTheShellMayLogInAgain) {
  Console console;
  console.log_in();
  EXPECT_TRUE(console.session.run("exit", 600s).left);
  console.session.log_in({"root", "swan"}, Console::later());
  EXPECT_EQ(console.run("echo there").output, "there\n");
}

TEST(Session, OutputThatLooksLikeALoginPromptIsOutput) {
  Console console;
  console.log_in();
  const auto result = console.session.run("printf 'guest login: '; hang", 2s);
  EXPECT_FALSE(result.left);
  EXPECT_EQ(result.status, std::nullopt);
  EXPECT_EQ(result.output, "guest login: ");
  EXPECT_EQ(console.guest->state().input, "") << "nothing of ours waits for whoever reads next";
  ASSERT_TRUE(console.session.recover(10s));
  EXPECT_EQ(console.run("echo 'login: '").output, "login: \n");
}

TEST(Session, WaitsForTheShellsEndWithoutACommand) {
  Console console;
  console.log_in();
  EXPECT_FALSE(console.session.await_end(1ms).left);
  console.guest->write("exit\n", {});
  EXPECT_TRUE(console.session.await_end(600s).left);
}

TEST(Session, GoesOnAtAnotherConsoleOfItsGuest) {
  Console console;
  console.log_in();
  console.guest->close();
  EXPECT_TRUE(console.run("true").closed);
  auto next = std::make_unique<FakeGuest>(Options{});
  console.session.reconnect(std::move(next));
  EXPECT_FALSE(console.session.at_prompt());
  console.log_in();
  EXPECT_EQ(console.run("echo there").output, "there\n");
}

TEST(Session, OneThatWasInterruptedStaysSo) {
  Console console;
  console.log_in();
  console.session.interrupt();
  console.session.reconnect(std::make_unique<FakeGuest>(Options{}));
  EXPECT_THROW(console.session.await_login_prompt(Console::later()), Interrupted);
}

// ---- what the kernel says ----

const std::string message = "[   12.345678] example 0000:00:05.0: link status changed\r\n";
constexpr Patience short_patience{1ms, 3ms};

TEST(Kernel, MayCutAPromptAnywhere) {
  Console console;
  console.log_in();
  const std::size_t length = console.session.prompt_nonce().size() + 4;
  for (std::size_t at = 0; at <= length; ++at) {
    console.guest->cut_prompt(at, message);
    const auto result = console.run("(exit 3)");
    EXPECT_EQ(result.status, 3) << at;
    EXPECT_EQ(result.output, "") << at;
  }
}

TEST(Kernel, MayCutAPromptByteByByte) {
  Console console({.chunk = 1});
  console.log_in();
  for (std::size_t at = 0; at <= 26; at += 5) {
    console.guest->cut_prompt(at, message + message);
    EXPECT_EQ(console.run("echo a").output, "a\n");
  }
}

TEST(Kernel, IsNoOutput) {
  Console console;
  console.log_in();
  console.guest->say(message);
  auto result = console.run("echo port 1");
  EXPECT_EQ(result.output, "port 1\n");
  ASSERT_EQ(result.kernel.size(), 1U);
  EXPECT_EQ(result.kernel[0].offset, 0U);
  EXPECT_EQ(result.kernel[0].bytes, message);
  EXPECT_EQ(result.kernel[0].line.text, "example 0000:00:05.0: link status changed");
  console.guest->cut_prompt(0, message);
  result = console.run("echo port 2");
  EXPECT_EQ(result.output, "port 2\n");
  ASSERT_EQ(result.kernel.size(), 1U);
  EXPECT_EQ(result.kernel[0].offset, 7U);
  EXPECT_EQ(console.session.take_kernel().size(), 2U);
  EXPECT_TRUE(console.session.take_kernel().empty());
  EXPECT_NE(console.session.take_raw().find(message), std::string::npos) << "every byte is in the raw console";
}

// Lines of programs end with LF alone.
TEST(Kernel, WhatACommandPrintsIsOutput) {
  Console console;
  console.log_in();
  const std::string line = "[   12.345678] quoted";
  EXPECT_EQ(console.run("echo '" + line + "'").output, line + "\n");
  EXPECT_EQ(console.run("printf '" + line + "'").output, line);
  EXPECT_EQ(console.run("printf '[   12.34'").output, "[   12.34");
}

TEST(Kernel, MayHideALoginPrompt) {
  for (const std::string& boot : {"booting\r\nguest login: " + message, "guest lo" + message + "gin: ",
                                  std::string("guest login: random: crng init done\r\n"),
                                  std::string("guest login: [  OK  ] Started Thing.\r\n")}) {
    Console console({.boot = boot}, short_patience);
    console.log_in();
    EXPECT_EQ(console.run("echo in").output, "in\n") << boot;
  }
}

TEST(Kernel, MaySpeakOfALogin) {
  Console console({.boot = "[    1.000000] usb 1-1: login: \r\nguest login: ", .chunk = 1});
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Kernel, MayHideAShellsPrompt) {
  for (const std::string& prompt : {"guest:~# " + message, "guest:" + message + "~# "}) {
    Console console({.first_prompt = prompt}, short_patience);
    console.log_in();
    EXPECT_EQ(console.run("echo in").output, "in\n") << prompt;
  }
}

TEST(Kernel, MayCutWhatAWaitingProgramSays) {
  Console console({}, waiting_guest());
  console.guest->say(message);
  EXPECT_TRUE(console.session.begin_waiting(wait_for_line, "waiting", Console::later()));
  console.guest->say("[   12.3456");
  console.guest->say("78] cut\r\n");
  const auto result =
      console.session.end_waiting(console.session.prompt_nonce(), "mark seed 1 2", "mark", Console::later());
  EXPECT_EQ(result.output, "mark token 0 guest 0\n");
}

// ---- guests without a login, and other shells ----

FakeGuest::State logged_in() {
  FakeGuest::State state;
  state.at = FakeGuest::State::At::shell;
  return state;
}

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

TEST(Login, AShellOfAnotherKindGivesWayToSh) {
  Console console({.first_prompt = "guest% ", .shell = Options::Shell::csh}, short_patience);
  console.log_in();
  EXPECT_EQ(console.run("echo in").output, "in\n");
}

TEST(Session, ALineThatIsNoWholeCommandIsGivenUp) {
  Console console;
  console.log_in();
  const auto result = console.run("echo \"abc");
  EXPECT_TRUE(result.status);
  EXPECT_EQ(console.run("echo next").output, "next\n");
}

}  // namespace
}  // namespace kvmtest::console
