#include "suite/loader.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

namespace kvmtest::suite {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

const std::string test_text = "# title\n# hosts: east\n\neast# true\n";

class Loader : public testing::Test {
 public:
  Loader()
      : base_(fs::path(testing::TempDir()) /
              ("kvmtest-loader-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(base_);
    fs::create_directories(base_);
  }
  ~Loader() override { fs::remove_all(base_); }

 protected:
  void write(const fs::path& path, const std::string& text = test_text) {
    fs::create_directories((base_ / path).parent_path());
    std::ofstream(base_ / path, std::ios::binary) << text;
  }

  void write_program(const fs::path& path, const std::string& text) {
    write(path, text);
    fs::permissions(base_ / path, fs::perms::owner_all);
  }

  [[nodiscard]] Names names(const Names& paths) const {
    Names out;
    for (const LoadedTest& loaded : load(paths, nullptr, base_)) out.push_back(loaded.test.name);
    return out;
  }

  [[nodiscard]] std::string error(const Names& paths, const std::set<std::string>* known = nullptr,
                                  const std::string& format = {}) const {
    try {
      (void)load(paths, known, base_, format);
    } catch (const core::InputError& caught) {
      return caught.what();
    }
    return "no error";
  }

  const fs::path base_;
};

TEST(InputErrors, AreWholeInWhateverAFileHolds) {
  EXPECT_STREQ(core::InputError({"f", 3}, std::string("no test a\0b here", 16)).what(), "f:3: no test a\\x00b here");
}

TEST_F(Loader, FindsTheTestsOfADirectory) {
  write("suites/netlab/gre.test");
  write("suites/netlab/bridge.test");
  write("suites/netlab/README.md", "not a test");
  write("suites/netlab/.git/x.test", "not looked at");
  write("suites/netlab/.hidden.test", "nor this");
  write("suites/other/gre.test");
  EXPECT_EQ(names({"suites/netlab"}), (Names{"netlab/bridge", "netlab/gre"}));
  EXPECT_EQ(names({"suites"}), (Names{"netlab/bridge", "netlab/gre", "other/gre"}));
  EXPECT_EQ(names({"./suites//netlab/"}), (Names{"netlab/bridge", "netlab/gre"}));
  EXPECT_EQ(names({(base_ / "suites/netlab").string()}), (Names{"netlab/bridge", "netlab/gre"}));
}

TEST_F(Loader, HiddenLinksThatLeadNowhereAreNoTests) {
  write("suites/gre.test");
  fs::create_symlink(".loop", base_ / "suites/.loop");
  EXPECT_EQ(names({"suites"}), (Names{"suites/gre"}));
}

TEST_F(Loader, NamesATestWithOrWithoutItsSuffix) {
  write("suites/netlab/gre.test");
  write("suites/netlab/v1.2.test");
  EXPECT_EQ(names({"suites/netlab/gre"}), Names{"netlab/gre"});
  EXPECT_EQ(names({"suites/netlab/gre.test"}), Names{"netlab/gre"});
  EXPECT_EQ(names({"suites/netlab/v1.2"}), Names{"netlab/v1.2"});
  EXPECT_EQ(names({"suites/netlab/../netlab/gre"}), Names{"netlab/gre"});
  EXPECT_EQ(load({"suites/netlab/gre"}, nullptr, base_).at(0).test.path, base_ / "suites/netlab/gre.test");
}

TEST_F(Loader, KeepsTheOrderNamedAndEachTestOnce) {
  write("s/a.test");
  write("s/b.test");
  EXPECT_EQ(names({"s/b", "s/a"}), (Names{"s/b", "s/a"}));
  EXPECT_EQ(names({"s/b", "s", "s/a.test"}), (Names{"s/b", "s/a"}));
}

TEST_F(Loader, ATestComesWithItsJudge) {
  write("s/a.test", "# title\n# hosts: east\n\neast# true\nx\n");
  const LoadedTest loaded = load({"s/a"}, nullptr, base_).at(0);
  Execution run;
  run.results.emplace_back();
  run.results[0].status = 0;
  run.results[0].output = "y\n";
  judge::Effort effort;
  const Judgement judgement = loaded.judge->judge(run, effort);
  EXPECT_EQ(judgement.verdict, core::Verdict::failed);
  EXPECT_EQ(judgement.diff.substr(0, judgement.diff.find("@@")), "--- a/s/a.test\n+++ b/s/a.test\n");
  EXPECT_EQ(loaded.judge->accept(run), "# title\n# hosts: east\n\neast# true\ny\n");
}

TEST_F(Loader, WhatIsNotThereNamesTheNearest) {
  write("suites/netlab/gre.test");
  write("suites/netlab/bridge.test");
  EXPECT_EQ(error({"suites/netlab/gree"}), "suites/netlab/gree: no such test or suite (did you mean 'gre'?)");
  EXPECT_EQ(error({"suites/netlap"}), "suites/netlap: no such test or suite (did you mean 'netlab'?)");
  EXPECT_EQ(error({"suites/netlab/xyzzy"}), "suites/netlab/xyzzy: no such test or suite");
  EXPECT_EQ(error({"nowhere/x"}),
            "nowhere/x: no such test or suite; there is no directory " + (base_ / "nowhere").string());
  EXPECT_EQ(error({""}), "the name of a test or suite is empty");
}

TEST_F(Loader, WhatNoDirectoryCanBeNamedAfterIsNoTest) {
  write("s/a\xff.test");
  EXPECT_EQ(error({"s"}), "s/a\\xff.test: the test's name 's/a\\xff' is not UTF-8");
  const std::string long_name(300, 'a');
  write("l/l.tests", "# hosts: east\nshort: true\n" + long_name + ": true\n");
  EXPECT_EQ(error({"l"}),
            "l/l.tests:3: the test's name 'l/" + std::string(78, 'a') + "…' has a part of 300 bytes; 255 are the most");
  write("p/p.tests", "# hosts: east\n..: true\n");
  EXPECT_EQ(error({"p"}).substr(0, 12), "p/p.tests:2:");
}

TEST_F(Loader, WhatHoldsNoTestSaysSo) {
  fs::create_directories(base_ / "empty");
  write("s/notes.txt");
  EXPECT_EQ(error({"empty"}), "empty: no tests are in this directory");
  EXPECT_EQ(error({"s/notes.txt"}),
            "s/notes.txt: not a test; a test's name ends in .test or .tests, or it is an executable file");
}

TEST_F(Loader, TwoTestsOfOneNameAreBothNamed) {
  write("one/s/a.test");
  write("two/s/a.test");
  EXPECT_EQ(error({"one", "two"}), "two tests are named 's/a': " + (base_ / "one/s/a.test").string() + " and " +
                                       (base_ / "two/s/a.test").string());
  EXPECT_EQ(error({"."}).substr(0, 27), "two tests are named 's/a': ");
}

TEST_F(Loader, MistakesInATestSayWhere) {
  write("s/a.test", "# title\n# hosts: esat\n\nesat# true\n");
  const std::set<std::string> known{"east", "west"};
  EXPECT_EQ(error({"s"}, &known), "s/a.test:2: unknown host 'esat' (did you mean 'east'?); there are east west");
  EXPECT_EQ(error({"s"}), "no error");
  EXPECT_EQ(error({(base_ / "s/a").string()}, &known),
            "s/a.test:2: unknown host 'esat' (did you mean 'east'?); there are east west");
}

TEST_F(Loader, ADirectoryMayHoldTranscriptsAndPrograms) {
  write("s/b.test");
  write_program("s/a.sh", "#!/bin/sh\n# hosts: east\n");
  write_program("s/tool", "#!/bin/sh\n# no test\n");
  write_program("s/script.test", "#!/bin/sh\n# hosts: west\n");
  write("s/notes.sh", "# hosts: east\n");
  write("s/l.tests", "# list\n# hosts: east\ntwo: x\none: y\n");
  EXPECT_EQ(names({"s"}), (Names{"s/b", "s/a.sh", "l/two", "l/one", "s/script.test"}));
  EXPECT_EQ(load({"s/a.sh"}, nullptr, base_).at(0).test.program->command, Names{(base_ / "s/a.sh").string()});
  EXPECT_EQ(load({"s/a.sh"}, nullptr, base_).at(0).test.program->directory, base_ / "s");
  EXPECT_EQ(error({"s"}, nullptr, "program"), "no error");
}

TEST_F(Loader, AListOrOneOfItsTestsIsNamed) {
  write("s/l.tests", "# list\n# hosts: east\ntwo: x\none: y\n");
  EXPECT_EQ(names({"s/l.tests"}), (Names{"l/two", "l/one"}));
  EXPECT_EQ(names({"s/l"}), (Names{"l/two", "l/one"}));
  EXPECT_EQ(names({"s/l/one"}), Names{"l/one"});
  EXPECT_EQ(names({"s/l.tests/one", "s/l"}), (Names{"l/one", "l/two"}));
  EXPECT_EQ(error({"s/l/tow"}), "s/l.tests: there is no test 'tow' (did you mean 'two'?)");
}

TEST_F(Loader, AProgramWithoutHostsIsAnErrorWhereItIsNamed) {
  write_program("s/tool", "#!/bin/sh\n");
  EXPECT_EQ(error({"s/tool"}).substr(0, 67), "s/tool:1: the comment at the program's top does not say which hosts");
  EXPECT_EQ(error({"s"}), "s: no tests are in this directory");
}

TEST_F(Loader, AFormatCanBeForced) {
  write("s/a.test");
  EXPECT_EQ(error({"s"}, nullptr, "transcript"), "no error");
  EXPECT_EQ(error({"s"}, nullptr, "transcripts"), "unknown format 'transcripts' (did you mean 'transcript'?)");
  EXPECT_EQ(error({"t"}, nullptr, "transcript"), "t: no such test or suite");
}

TEST_F(Loader, WhatIsNoTextIsToldByName) {
  write("s/a.test", "\xef\xbb\xbf" + test_text);
  EXPECT_EQ(error({"s"}),
            "s/a.test:1: begins with a byte order mark; take it away: sed -i '1s/^\\xef\\xbb\\xbf//' 's/a.test'");
  write("s/a.test", "# title\r\n# hosts: east\r\n");
  EXPECT_EQ(error({"s/a"}), "s/a.test:1: ends in CR LF; make that LF: sed -i 's/\\r$//' 's/a.test'");
  write("l/a.tests", "# hosts: east\n\nx: true\r\n");
  EXPECT_EQ(error({"l"}), "l/a.tests:3: ends in CR LF; make that LF: sed -i 's/\\r$//' 'l/a.tests'");
  write_program("p/a", "#!/bin/sh\r\n# hosts: east\r\ntrue\r\n");
  EXPECT_EQ(error({"p"}), "p/a:1: ends in CR LF; make that LF: sed -i 's/\\r$//' 'p/a'");
  write_program("p/a", "\xef\xbb\xbf#!/bin/sh\n# hosts: east\ntrue\n");
  EXPECT_NE(error({"p"}).find("byte order mark"), std::string::npos);
  // What would be no test anyway is none of our business.
  write_program("p/a", "#!/bin/sh\n# hosts: east\ntrue\n");
  write_program("p/helper", "#!/bin/sh\r\ntrue\r\n");
  EXPECT_EQ(names({"p"}), Names{"p/a"});
}

TEST_F(Loader, ALinkToNothingIsToldByName) {
  write("s/a.test");
  fs::create_symlink("../gone", base_ / "s/b");
  const std::string what = " is a link to '../gone', and nothing is there; remove it or mend it";
  EXPECT_EQ(error({"s"}), (base_ / "s/b").string() + ":" + what);
  EXPECT_EQ(error({"s/b"}), "s/b:" + what);
  fs::remove(base_ / "s/b");
  fs::create_symlink("b.test", base_ / "s/b.test");
  EXPECT_EQ(error({"s"}), (base_ / "s/b.test").string() + ": is a link that leads back to itself; remove it");
  fs::remove(base_ / "s/b.test");
  fs::create_symlink("a.test", base_ / "s/b.test");
  EXPECT_EQ(names({"s"}), (Names{"s/a", "s/b"}));
  fs::create_symlink("gone", base_ / "s/.#hidden");  // an editor's lock
  EXPECT_EQ(names({"s"}).size(), 2U);
}

TEST_F(Loader, WhatIsNoFileIsNotOpened) {
  write("s/a.test");
  ASSERT_EQ(mkfifo((base_ / "s/b.test").c_str(), 0600), 0);
  EXPECT_EQ(error({"s"}), (base_ / "s/b.test").string() + ": is a FIFO and not a file");
  EXPECT_EQ(error({"s/b"}), "s/b.test: is a FIFO and not a file");
  fs::rename(base_ / "s/b.test", base_ / "s/agent");
  EXPECT_EQ(names({"s"}), Names{"s/a"}) << "it was not meant as a test";
}

}  // namespace
}  // namespace kvmtest::suite
