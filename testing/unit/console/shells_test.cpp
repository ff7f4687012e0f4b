// Real shells of this machine on a pseudo-terminal, with start-up files such as people have. One that is not installed
// is skipped.

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console/session.h"
#include "console/shell_setup.h"

namespace kvmtest::console {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A program on a pseudo-terminal.
class Terminal : public Stream {
 public:
  Terminal(const std::vector<std::string>& command, const std::string& name, const fs::path& home) {
    std::vector<std::string> variables{"HOME=" + home.string(), "TERM=xterm-256color",
                                       "LANG=C.UTF-8",          "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                       "COLORTERM=truecolor",   "SHELL=" + command[0]};
    std::vector<std::string> arguments = command;
    arguments[0] = name;
    const auto pointers = [](std::vector<std::string>& words) {
      std::vector<char*> out;
      for (std::string& word : words) out.push_back(word.data());
      out.push_back(nullptr);
      return out;
    };
    const auto environment = pointers(variables);
    const auto argv = pointers(arguments);
    pid_ = forkpty(&descriptor_, nullptr, nullptr, nullptr);
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
    if (pid_ == 0) {
      // Whoever runs this in the background ignores it, and then a shell does so for good.
      signal(SIGINT, SIG_DFL);
      if (chdir(home.c_str()) == 0) execve(command[0].c_str(), argv.data(), environment.data());
      _exit(127);
    }
    fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
  }
  ~Terminal() override {
    kill(pid_, SIGKILL);
    close(descriptor_);
    waitpid(pid_, nullptr, 0);
  }

  std::string read(Deadline deadline) override {
    pollfd wait{descriptor_, POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) <= 0) return {};
    std::string bytes(65536, '\0');
    const ssize_t got = ::read(descriptor_, bytes.data(), bytes.size());
    if (got <= 0) throw Closed();
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }
  void write(std::string_view bytes, Deadline) override {
    // These shells are of this machine, which stays as it is.
    if (bytes == system_setup_line() + "\n") bytes = ":\n";
    while (!bytes.empty()) {
      const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
      if (put < 0) throw Closed();
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  void interrupt() override {}

 private:
  pid_t pid_ = -1;
  int descriptor_ = -1;
};

struct Kind {
  const char* name;
  std::vector<std::string> command;
  std::string called;  ///< as a login shell
};

// GoogleTest prints it.
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

/// A home whose start-up files do all that is known to be in the way.
class Home {
 public:
  Home() {
    std::string name = (fs::temp_directory_path() / "kvmtest-shells-XXXXXX").string();
    path = mkdtemp(name.data());
    write(".bash_profile", R"(export FROM_PROFILE=here
export TMOUT=20; readonly TMOUT
__mark() { printf '\033]3008;start=x\033\\'; }
PROMPT_COMMAND=(__mark 'echo PROMPT')
readonly PROMPT_COMMAND
PS0='PS0'
readonly PS1='x> # '
export LS_COLORS='di=01;34' MAILCHECK=0 MAILPATH=~/mail PAGER=less HISTFILE=~/history
set -o vi -b -u
shopt -s extdebug checkwinsize histverify
alias ls='ls --color=always' echo='echo ALIAS'
trap 'builtin echo EXIT' EXIT
trap 'builtin echo ERR' ERR
command_not_found_handle() { echo "try apt install $1"; return 3; }
trap 'builtin echo DEBUG' DEBUG
)");
    write(".profile", R"(export FROM_PROFILE=here
export TMOUT=20; readonly TMOUT
readonly PS1='x> # '
alias ls='ls --color=always'
MAILPATH=~/mail; MAILCHECK=0
trap 'echo EXIT' 0
set -u
)");
    write(".zshrc", R"(export FROM_PROFILE=here
export TMOUT=20; readonly TMOUT
precmd() { echo PRECMD }
preexec() { echo PREEXEC }
chpwd() { echo CHPWD }
periodic() { echo PERIODIC }; PERIOD=0
setopt correctall autocd
alias ls='ls --color=always'
RPROMPT='right'
)");
    write("mail", "");
    fs::create_directory(path / "directory");
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }

  fs::path path;
};

class Shells : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (access(GetParam().command[0].c_str(), X_OK) != 0)
      GTEST_SKIP() << GetParam().command[0] << " is not installed: scripts/bootstrap check";
    start();
  }
  void start() {
    session = std::make_unique<Session>(std::make_unique<Terminal>(GetParam().command, GetParam().called, home.path),
                                        1 << 20, Patience{200ms, 1s});
    session->await_login_prompt(later());
    session->log_in({"root", ""}, later());
  }
  static GuestDeadline later() { return WallClock().now() + 60s; }
  /// Output, and the status where it is not 0.
  std::string run(const std::string& command) {
    const auto result = session->run(command, 60s);
    // What comes after it would wait as long.
    if (!result.status) throw std::runtime_error(command + ": no prompt after: " + result.output);
    return result.output + (result.status == 0 ? "" : "[" + std::to_string(*result.status) + "]");
  }

  Home home;
  std::unique_ptr<Session> session;
};

TEST_P(Shells, PrintNothingOfThemselves) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run("true"), "");
    EXPECT_EQ(run("echo hello"), "hello\n");
    EXPECT_EQ(run("false"), "[1]");
  }
  EXPECT_EQ(run("cd directory"), "");
  EXPECT_EQ(run("cd .."), "");
  EXPECT_EQ(run("printf 'no newline'"), "no newline");
  EXPECT_EQ(run("# a comment"), "");
  EXPECT_EQ(run("ls -d directory"), "directory\n");
  EXPECT_EQ(run("ls -d nosuch-* 2>/dev/null || echo none"), "none\n");
  home.write("mail", "From somebody\n\nSubject: x\n");
  EXPECT_EQ(run("true"), "");
  EXPECT_EQ(run("ulimit -c >/dev/null; umask >/dev/null; (exit 255)"), "[255]");
}

TEST_P(Shells, ExpandNoHistory) {
  EXPECT_EQ(run("echo \"Hello, world!\""), "Hello, world!\n");
  EXPECT_EQ(run("echo one; echo \"got it!!\""), "one\ngot it!!\n");
  EXPECT_EQ(run("echo \"two lines\nare!fine\""), "two lines\nare!fine\n");
  EXPECT_EQ(run("echo user:pass!word !$ !-1 ^a^b"), "user:pass!word !$ !-1 ^a^b\n");
}

TEST_P(Shells, SplitWordsAndKeepPatternsAsSh) {
  EXPECT_EQ(run("x='a b'; set -- $x; echo $#"), "2\n");
  EXPECT_EQ(run("echo nosuch*"), "nosuch*\n");
  EXPECT_EQ(run("unset nosuch; echo \"[$nosuch]\""), "[]\n");
  EXPECT_EQ(run("[ -e directory ] && echo there"), "there\n");
}

TEST_P(Shells, KeepTheEnvironmentOfTheLogin) {
  EXPECT_EQ(run("echo $FROM_PROFILE"), "here\n");
  EXPECT_EQ(run("pwd"), home.path.string() + "\n");
  EXPECT_EQ(run("echo \"$TERM $PAGER ${LS_COLORS-none} ${COLORTERM-none} ${ENV-none} ${HISTFILE-none}\""),
            "dumb cat none none none none\n");
}

// Of their kind, and in the words in which they tell errors.
TEST_P(Shells, StayWhatTheyAre) {
  const std::string name = GetParam().name;
  const std::string version = run("echo ${BASH_VERSION:+bash}${ZSH_VERSION:+zsh}");
  EXPECT_EQ(version, name.starts_with("bash") ? "bash\n" : name == "zsh" ? "zsh\n" : "\n");
  if (name == "bash") {
    EXPECT_EQ(run("nosuch"), "-bash: nosuch: command not found\n[127]");
  }
}

TEST_P(Shells, DoNotEndWhenIdle) {
  EXPECT_EQ(run("echo ${TMOUT:-0}"), "0\n");
  if (GetParam().name == std::string("bash")) {
    EXPECT_EQ(run("TMOUT=5; unset TMOUT; echo ${TMOUT-none}"), "none\n");
  }
}

TEST_P(Shells, TellAnIncompleteCommandAtOnce) {
  for (const std::string command : {"echo \"abc", "for i in a", "if true", "echo a &&", "echo 'x"}) {
    // zsh's eval takes this one for whole.
    if (GetParam().name == std::string("zsh") && command.ends_with("&&")) continue;
    const std::string said = run(command);
    EXPECT_TRUE(said.ends_with("]")) << command << ": " << said;
    // Its own status, and not that of the key that ended it.
    EXPECT_FALSE(said.ends_with("[130]")) << command << ": " << said;
    EXPECT_EQ(run("echo next"), "next\n");
  }
}

// However long they are, and whatever stands in them.
TEST_P(Shells, TreatLongAndShortCommandsAlike) {
  const std::string padding(3000, 'x');
  const auto both = [&](const std::string& before, const std::string& command) {
    run(before);
    const std::string brief = run(command);
    run(before);
    const std::string lengthy = run(command + " # " + padding);
    EXPECT_EQ(brief, lengthy) << command;
    return brief;
  };
  EXPECT_EQ(both("(exit 3)", "echo $?"), "3\n");
  EXPECT_EQ(both("true", "echo $?"), "0\n");
  EXPECT_EQ(both("true", "echo \"a!b\"; false"), "a!b\n[1]");
  EXPECT_EQ(both("set -e", "echo on; set +e"), "on\n");
  EXPECT_EQ(both("a=1", "echo $a; a=2; echo $a"), "1\n2\n");
  // A comment would be part of what is quoted.
  const std::string longer = "echo " + padding + "; echo 'x";
  EXPECT_TRUE(run("echo 'x").ends_with("]"));
  EXPECT_TRUE(run(longer).ends_with("]"));
  EXPECT_TRUE(run("true\necho 'x").ends_with("]"));
  EXPECT_EQ(run("(exit 4)\necho $?"), "4\n");
  run("(exit 5)");
  EXPECT_EQ(run("echo $?\n:"), "5\n");
  EXPECT_EQ(run("cat <<END\none\n$((1 + 1))\nEND"), "one\n2\n");
  EXPECT_EQ(run("alias hi='echo hi'"), "");
  EXPECT_EQ(run("hi"), "hi\n");
  EXPECT_EQ(run("hi\nhi"), "hi\nhi\n");
}

// A command that prints its own prompt ends itself too early, and no other one.
TEST_P(Shells, APromptThatACommandPrintsEndsNoLaterOne) {
  const std::string name = GetParam().name;
  // What bash has as ${PS1@P}, written for all.
  const std::string forge = "eval \"printf %s \\\"$PS1\\\"\"";
  for (const std::string& forged :
       {forge, forge + "; false", "false; " + forge + "; echo late", forge + "; sleep 0.2; echo late; (exit 3)",
        forge + ";" + forge, "(sleep 0.1; " + forge + ") & sleep 0.3; (exit 4)"}) {
    session->run(forged, 60s);
    const std::string status = forged.ends_with("(exit 3)") ? "3" : forged.ends_with("(exit 4)") ? "4" : "";
    if (!status.empty()) {
      EXPECT_EQ(run("echo $?"), status + "\n") << forged;
    }
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(run("echo hello"), "hello\n") << forged;
      EXPECT_EQ(run("(exit 9)"), "[9]") << forged;
      EXPECT_EQ(run("echo $?"), "9\n") << forged;
    }
  }
  if (name == "bash") {
    session->run("echo \"${PS1@P}\"", 60s);
    EXPECT_EQ(run("echo hello"), "hello\n");
  }
}

TEST_P(Shells, ShowNothingOfWhatStandsBeforeACommand) {
  EXPECT_EQ(run("set -x"), "");
  const std::string traced = run("true");
  EXPECT_TRUE(traced == "+ true\n" || traced == "+true\n" || traced.ends_with("> true\n")) << traced;
  run("set +x");
  EXPECT_EQ(run("set -e; set -u; false && true"), "[1]");
  EXPECT_EQ(run("echo on"), "on\n");
  EXPECT_EQ(run("set +eu"), "");
  EXPECT_EQ(run("(exit 3)"), "[3]");
  EXPECT_EQ(run("true # " + std::string(3000, 'x')), "");
  // What runs in the background is heard when the next command is.
  EXPECT_EQ(run("{ (sleep 0.1; echo behind) & } 2>/dev/null"), "");
  EXPECT_EQ(run("sleep 0.3; echo before"), "behind\nbefore\n");
}

TEST_P(Shells, ControlCharactersAreCharacters) {
  EXPECT_EQ(run("printf '%s' 'a\tb\x01\x03\x04\x11\x12\x13\x15\x16\x17\x1a\x1c\x7f z' | od -An -tx1 | tr -d ' \\n'"),
            "610962010304111213151617"
            "1a1c7f207a");
  EXPECT_EQ(run("printf '%s' '\x03\x15" + std::string(2000, 'y') + "\x7f' | wc -c | tr -d ' '"), "2003\n");
}

TEST_P(Shells, AreTakenBackFromWhatHangs) {
  EXPECT_EQ(session->run("stty -icanon echo; sleep 1000", 300ms).status, std::nullopt);
  EXPECT_TRUE(session->recover(20s));
  EXPECT_EQ(run("echo back"), "back\n");
}

TEST_P(Shells, HaveNoLineEditing) {
  EXPECT_EQ(run("echo 'a\tb'"), "a\tb\n");
  EXPECT_EQ(run("stty -a 2>/dev/null | tr ' ;' '\\n\\n' | grep -cx -e -echo -e icanon -e -onlcr"), "3\n");
}

INSTANTIATE_TEST_SUITE_P(Known, Shells,
                         testing::Values(Kind{"bash", {"/bin/bash"}, "-bash"}, Kind{"bash_as_sh", {"/bin/bash"}, "-sh"},
                                         Kind{"dash", {"/bin/dash"}, "-sh"}, Kind{"ash", {"/bin/busybox"}, "-sh"},
                                         Kind{"zsh", {"/bin/zsh"}, "-zsh"}),
                         [](const auto& kind) { return kind.param.name; });

// The lines must fit what the shortest line editing takes (of busybox: 1,023 characters), and hold nothing that the
// shell before could act upon.
TEST(ShellSetup, LinesAreTypable) {
  std::vector<std::string> lines = shell_setup_lines(make_nonce());
  for (const std::string& line : {plain_shell_line(make_nonce()), any_shell_line(make_nonce()), system_setup_line()})
    lines.push_back(line);
  for (const std::string& line : lines) {
    EXPECT_LT(line.size(), 1000U) << line;
    EXPECT_EQ(line.find_first_of("\n\t"), std::string::npos) << line;
  }
  EXPECT_EQ(lines[3].find('!'), std::string::npos) << "the shell may still expand history";
}

}  // namespace
}  // namespace kvmtest::console
