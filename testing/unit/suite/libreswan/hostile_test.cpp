// What a guest that has the checkout as a share can do to the daemon: nothing. It may put anything in the place of
// anything there, while its test runs or before.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "judging.h"
#include "suite/libreswan/outputs.h"

namespace kvmtest::suite::libreswan {
namespace {

namespace fs = std::filesystem;
using core::Verdict;

class HostileGuest : public LibreswanJudging {
 protected:
  HostileGuest() {
    directory_.write("outside/secret", "untouched\n");
    write("east.console.txt", expected("east", "# a comment\neast #\n echo one\none\neast #\n true\n"));
    write("west.console.txt", expected("west", "echo two\ntwo\nwest #\n true\n"));
  }
  ~HostileGuest() override {
    EXPECT_EQ(directory_.read("outside/secret"), "untouched\n");
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_.path() / "outside"), {}), 1);
  }

  static std::string expected(const std::string& host, const std::string& begin) {
    return begin + host + " #\n : >>>>>>>>>> post-mortem >>>>>>>>>>\n" + host +
           " #\n ../../guestbin/post-mortem.sh\nover\n" + host + " #\n : <<<<<<<<<< post-mortem <<<<<<<<<<\n" + host +
           " #\n \n";
  }

  [[nodiscard]] fs::path at(const std::string& file) const { return directory_.path() / "testing/pluto/t" / file; }
  [[nodiscard]] fs::path outside() const { return directory_.path() / "outside"; }
  [[nodiscard]] fs::path secret() const { return outside() / "secret"; }

  /// An attempt at the test, whose guests do `evil` while it runs.
  std::string attempt(const std::function<void()>& evil) const {
    const LoadedTest test = loaded();
    const std::string problem = test.own_output->begin({});
    if (!problem.empty()) return problem;
    evil();
    return described(judgement_of(test, execution(test.test)));
  }
  static std::string described(const Judgement& judgement) {
    OutputJudgement same;
    same.verdict = judgement.verdict;
    same.issues = judgement.issues;
    return LibreswanJudging::described(same);
  }
};

TEST_F(HostileGuest, OverwritesTheSanitizerInVain) {
  EXPECT_EQ(attempt([&] {
              const std::string run = "touch " + (outside() / "ran").string() + "\n";
              directory_.write("testing/utils/sanitizer.sh", "#!/bin/sh\n" + run);
              directory_.write("testing/default-testparams.sh", run);
              directory_.write("testing/sanitizers/prompt.sed", "1e " + run);
              write("testparams.sh", run);
            }),
            "passed");
}

TEST_F(HostileGuest, TheSanitizerSeesNothingThatIsHidden) {
  if (!process::can_confine()) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  directory_.write("testing/utils/sanitizer.sh",
                   "#!/bin/sh\ntest -e " + secret().string() + " && echo seen\ncat \"$1\"\n");
  const auto printed = [&](const process::Confinement& confinement) {
    const Sanitizer sanitizer(directory_.path() / "testing", outside() / "cache", confinement);
    const auto answer = sanitizer.sanitize("east.console.verbose.txt", "raw\n", {"t"}, Unstored::run);
    fs::remove_all(outside() / "cache");
    return answer.text.value_or(answer.error);
  };
  EXPECT_EQ(printed({}), "seen\nraw\n");
  EXPECT_EQ(printed({.hidden = {outside()}}), "raw\n");
}

TEST_F(HostileGuest, NothingIsWrittenThroughWhatItPlants) {
  const std::vector<std::string> names{"east.console.verbose.txt",
                                       "all.console.verbose.txt",
                                       "debug.log",
                                       "east.console.txt",
                                       "east.console.diff",
                                       "result.json",
                                       "RESULT"};
  const std::vector<std::function<void(const fs::path&)>> kinds{
      [&](const fs::path& path) { fs::create_symlink(secret(), path); },
      [&](const fs::path& path) { fs::create_symlink(outside() / "new", path); },
      [&](const fs::path& path) { fs::create_hard_link(secret(), path); },
      [&](const fs::path& path) { ASSERT_EQ(mkfifo(path.c_str(), 0666), 0); },
      [&](const fs::path& path) { fs::create_directories(path / "below"); },
      [&](const fs::path& path) { fs::create_symlink(path, path); },
  };
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    EXPECT_EQ(attempt([&] {
                for (const std::string& name : names) kinds[kind](at("OUTPUT/" + name));
              }),
              "passed")
        << kind;
    for (const std::string& name : names) {
      EXPECT_EQ(fs::symlink_status(at("OUTPUT/" + name)).type(), fs::file_type::regular) << name << kind;
      EXPECT_EQ(fs::hard_link_count(at("OUTPUT/" + name)), 1U) << name << kind;
    }
  }
}

TEST_F(HostileGuest, NothingIsReadThroughWhatItPlants) {
  const auto with_log = [&](const std::function<void(const fs::path&)>& make) {
    return attempt([&] { make(at("OUTPUT/west.pluto.log")); });
  };
  directory_.write("beside", "ASSERTION FAILED");
  EXPECT_EQ(with_log([&](const fs::path& log) { fs::create_symlink(directory_.path() / "beside", log); }),
            "unresolved west:output-missing");
  EXPECT_EQ(with_log([](const fs::path& log) { mkfifo(log.c_str(), 0666); }), "unresolved west:output-missing");
  EXPECT_EQ(with_log([](const fs::path& log) { fs::create_directory(log); }), "unresolved west:output-missing");
  // What an attempt is compared with, and what it types, may lie elsewhere in the checkout, and no farther.
  const std::string right = read("east.console.txt");
  const auto link = [&](const std::string& file, const fs::path& target) {
    fs::remove(at(file));
    fs::create_symlink(target, at(file));
  };
  link("east.console.txt", secret());
  EXPECT_EQ(attempt([] {}), "failed east:output-unchecked");
  EXPECT_EQ(read("OUTPUT/east.console.diff"), "");
  directory_.write("testing/elsewhere", right);
  link("east.console.txt", "../../elsewhere");
  EXPECT_EQ(attempt([] {}), "passed");
  link("eastinit.sh", secret());
  EXPECT_NE(loaded().test.obstacle.find("leads out of"), std::string::npos) << loaded().test.obstacle;
}

TEST_F(HostileGuest, GiantFilesAreReadToABound) {
  const auto giant = [](const fs::path& path) {
    std::ofstream(path) << "begin\n";
    fs::resize_file(path, std::uintmax_t{1} << 40U);
  };
  EXPECT_EQ(attempt([&] { giant(at("OUTPUT/west.pluto.log")); }), "unresolved west:iscntrl west:output-truncated");
  EXPECT_EQ(attempt([&] { giant(at("OUTPUT/debug.log")); }), "passed");
  (void)issues_with("");
  giant(at("OUTPUT/east.console.verbose.txt"));
  EXPECT_EQ(LibreswanJudging::described(judged()), "unresolved east:output-missing west:output-different");
  giant(at("testparams.sh"));
  EXPECT_EQ(attempt([] {}), "unresolved east:sanitizer-failed west:sanitizer-failed");
  fs::remove(at("testparams.sh"));
  giant(at("east.console.txt"));
  EXPECT_EQ(attempt([] {}), "failed east:output-unchecked");
  giant(at("eastinit.sh"));
  EXPECT_NE(loaded().test.obstacle.find("is larger than 64 MiB"), std::string::npos) << loaded().test.obstacle;
  giant(directory_.path() / "testing/sanitizers/prompt.sed");
  EXPECT_NE(SanitizerCopy(directory_.path() / "testing").obstacle().find("is larger than 1 MiB"), std::string::npos);
}

TEST_F(HostileGuest, ALinkInPlaceOfADirectoryLeadsNowhere) {
  fs::create_symlink(outside(), at("OUTPUT"));
  EXPECT_NE(attempt([] {}).find("testing/pluto/t/OUTPUT: this is a link where a directory belongs; remove it"),
            std::string::npos);
  loaded().own_output->missed({}, {{"east", "boot-failed", ""}});
  EXPECT_EQ(loaded().own_output->earlier(), Verdict::unresolved);
  fs::remove(at("OUTPUT"));
  // BACKUP, where the whole checkout is a share.
  write("OUTPUT/file", "text");
  fs::create_symlink(outside(), directory_.path() / "BACKUP");
  EXPECT_NE(attempt([] {}).find("BACKUP: is a link"), std::string::npos);
  fs::remove(directory_.path() / "BACKUP");
  // The test's own directory, once the test has been read.
  const LoadedTest test = loaded();
  fs::rename(at("eastinit.sh").parent_path(), directory_.path() / "testing/pluto/moved");
  fs::create_symlink(outside(), directory_.path() / "testing/pluto/t");
  EXPECT_NE(test.own_output->begin({}), "");
  EXPECT_EQ(judgement_of(test, execution(test.test)).verdict, Verdict::unresolved);
}

TEST_F(HostileGuest, WhatItWroteToAShareIsTakenPlainly) {
  const fs::path share = directory_.path() / "share";
  fs::create_directories(share / "below");
  std::ofstream(share / "west.pluto.log") << "(null)";
  std::ofstream(share / "below/set-user-id") << "#!/bin/sh\n";
  ASSERT_EQ(chmod((share / "below/set-user-id").c_str(), 04755), 0);
  fs::create_symlink(secret(), share / "east.console.verbose.txt");
  const LoadedTest test = loaded();
  ASSERT_EQ(test.own_output->begin({}), "");
  EXPECT_EQ(test.own_output->take(base::OpenDirectory(share)),
            std::vector<std::string>{"east.console.verbose.txt: neither a file nor a directory"});
  EXPECT_EQ(described(judgement_of(test, execution(test.test))), "failed west:PRINTF_NULL");
  struct stat status {};
  ASSERT_EQ(stat(at("OUTPUT/below/set-user-id").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07111U, 0U);
}

TEST_F(HostileGuest, LinksAmongSavedOutputsAreNotFollowed) {
  (void)issues_with("");
  fs::create_directories(directory_.path() / "BACKUP/t");
  fs::rename(at("OUTPUT"), directory_.path() / "BACKUP/t/1");
  fs::create_directory_symlink(directory_.path() / "BACKUP/t/1", directory_.path() / "BACKUP/t/2");
  EXPECT_EQ(find_outputs({"BACKUP"}, directory_.path(), {}, {}).outputs.size(), 1U);
}

}  // namespace
}  // namespace kvmtest::suite::libreswan
