// Reading a libreswan checkout: one of our own making with every construct of the format, what is wrong in others, and,
// where KVMTEST_LIBRESWAN names one, a real one against its own runner's reading.

#include <array>
#include <cstdlib>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../directory.h"
#include "suite/libreswan/checkout.h"
#include "suite/libreswan/format.h"
#include "suite/libreswan/scripts.h"
#include "suite/libreswan/testlist.h"
#include "suite/loader.h"

namespace kvmtest::suite {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

const fs::path checkout = fs::path(KVMTEST_SOURCE) / "testing/unit/suite/libreswan/checkout";

Names names(const std::vector<LoadedTest>& tests) {
  Names out;
  for (const auto& loaded : tests) out.push_back(loaded.test.name);
  return out;
}

Test only(const std::string& path) {
  auto tests = load({path}, nullptr, checkout);
  EXPECT_EQ(tests.size(), 1U);
  return tests.at(0).test;
}

// "east# echo", a comment of nobody as "# text".
Names lines(const Test& test) {
  Names out;
  for (const Step& step : test.steps) {
    if (step.post_mortem) continue;
    const std::string mark = step.kind == StepKind::comment ? "(comment) " : "# ";
    out.push_back(step.host.empty() ? step.command : step.host + mark + step.command);
  }
  return out;
}

TEST(LibreswanReading, TheListIsFoundFromAnyOfItsDirectoriesAndItsOrderIsKept) {
  const Names all{"scripts-in-order", "merged",     "platforms",  "hangs",        "other-kind",
                  "looked-at",        "no-scripts", "two-merged", "unknown-host", "last"};
  for (const char* path : {".", "testing", "testing/pluto", "testing/pluto/TESTLIST"})
    EXPECT_EQ(names(load({path}, nullptr, checkout)), all) << path;
}

TEST(LibreswanReading, AListedTestHasItsKindAndStatusAndANamedOneIsGood) {
  const auto tests = load({"."}, nullptr, checkout);
  EXPECT_EQ(tests[3].test.value("status"), "wip");
  for (const Names& named : {Names{".", "testing/pluto/hangs"}, Names{"testing/pluto/hangs", "."}})
    for (const auto& loaded : load(named, nullptr, checkout)) {
      if (loaded.test.name == "hangs") {
        EXPECT_EQ(loaded.test.value("status"), "good");
      }
    }
  EXPECT_EQ(tests[4].test.value("kind"), "othertest");
  EXPECT_EQ(tests[9].test.value("status"), "skip");
  const suite::Test test = only("testing/pluto/hangs");
  EXPECT_EQ(test.value("kind") + " " + test.value("status"), "kvmplutotest good");
  EXPECT_EQ(only("testing/pluto/scripts-in-order").title, "Every way to name a script");
}

TEST(LibreswanReading, ThePreparationKnowsTheTest) {
  LoadContext context;
  context.base = checkout;
  context.in_guests.prepare = "mount output /testing/pluto/@@TEST@@/OUTPUT";
  const auto tests = load({"testing/pluto/hangs"}, context, "");
  EXPECT_EQ(tests.at(0).test.preparation.at(0).command, "mount output /testing/pluto/hangs/OUTPUT");
}

TEST(LibreswanReading, ScriptsRunInTheFormatsOrder) {
  const suite::Test test = only("testing/pluto/scripts-in-order");
  EXPECT_EQ(test.hosts, (Names{"east", "nic", "north", "west"}));
  EXPECT_EQ(test.values("platform"), Names{"linux"});
  EXPECT_EQ(lines(test),
            (Names{"nic(comment) # the network first", "nic# echo nic", "east# echo east init",
                   "east(comment) # an indented comment", "west# echo west init", "east# echo east run",
                   "west# echo west run", "north# echo north", "west# echo both", "east# echo both",
                   "east# echo final # no newline at its end", "nic# echo final # no newline at its end",
                   "north# echo final # no newline at its end", "west# echo final # no newline at its end"}));
  EXPECT_EQ(test.steps[3].file, "eastinit.sh");
  EXPECT_EQ(test.steps[3].line, 3U);
}

TEST(LibreswanReading, AMergedScriptCountsAlone) {
  const suite::Test test = only("testing/pluto/merged");
  EXPECT_EQ(test.hosts, (Names{"west", "netbsdrise"}));
  EXPECT_EQ(test.values("platform"), (Names{"linux", "netbsd"}));
  EXPECT_EQ(lines(test), (Names{"# a title", "# without a blank", "west# echo one", "west# echo two",
                                "netbsdrise#   three blanks", "netbsdrise# ", "west# echo end", "netbsdrise# echo end",
                                "# ", "west# echo last, without a newline"}));
}

TEST(LibreswanReading, GuestsHavePlatformsButForNic) {
  const suite::Test test = only("testing/pluto/platforms");
  EXPECT_EQ(test.hosts, (Names{"nic", "west", "netbsdeast"}));
  EXPECT_EQ(libreswan::guests_of(test).at(2).host, "east");
  EXPECT_EQ(test.values("platform"), (Names{"linux", "netbsd"}));
  EXPECT_EQ(lines(test), (Names{"netbsdeast# uname", "west# uname", "nic# uname", "nic# uname -a", "west# uname -a",
                                "netbsdeast# uname -a"}));
}

TEST(LibreswanReading, ATestThatCannotRunSaysWhy) {
  EXPECT_EQ(only("testing/pluto/no-scripts").obstacle,
            "testing/pluto/no-scripts: the test has no scripts: no file is called *GUEST*.sh");
  EXPECT_EQ(only("testing/pluto/two-merged").obstacle,
            "testing/pluto/two-merged: two scripts claim all guests: all.east.sh and all.west.sh");
  EXPECT_EQ(only("testing/pluto/unknown-host").obstacle,
            "testing/pluto/unknown-host/all.east.sh:2: host 'weast' is not in the file's name (did you mean 'east'?)");
  const std::set<std::string> known{"east", "west", "nic"};
  EXPECT_EQ(load({"testing/pluto/platforms"}, &known, checkout).at(0).test.obstacle,
            "it needs guest netbsdeast, and there is no domain 'netbsdeast' for it");
  EXPECT_EQ(only("testing/pluto/merged").obstacle, "");
}

class InADirectory : public ::testing::Test {
 protected:
  [[nodiscard]] std::string error(const std::string& path) const {
    try {
      (void)load({path}, nullptr, directory_.path());
    } catch (const core::InputError& caught) {
      return caught.what();
    }
    return "no error";
  }
  void write_list(const std::string& text) { directory_.write("testing/pluto/TESTLIST", text); }
  void write_checkout() {
    for (const char* file : {"kvm/vm/east.xml", "kvm/upgrade/linux.sh", "pluto/a/eastinit.sh", "pluto/b/eastinit.sh"})
      directory_.write(std::string("testing/") + file, "true\n");
  }

  testing::Directory directory_;
};

TEST_F(InADirectory, EachErrorOfAListNamesItsLine) {
  write_checkout();
  write_list("kvmplutotest a good\n# comment\nkvmplutotest b\n");
  EXPECT_EQ(error("."), "testing/pluto/TESTLIST:3: too few fields; a line is 'kind name status [reference]'");
  write_list("\n\nkvmplutotest a good 1 2\n");
  EXPECT_EQ(error("."), "testing/pluto/TESTLIST:3: too many fields; a line is 'kind name status [reference]'");
  write_list("kvmplutotest a good\nkvmplutotest b good\nkvmplutotest a wip\n");
  EXPECT_EQ(error("."), "testing/pluto/TESTLIST:3: test a is here for the second time; the first is in line 1");
  write_list("kvmplutotest nosuch good\n");
  EXPECT_EQ(error("."), "testing/pluto/TESTLIST:1: test nosuch has no directory testing/pluto/nosuch");
  write_list("# nothing\n");
  EXPECT_EQ(error("."), "testing/pluto/TESTLIST: the list names no test");
}

TEST_F(InADirectory, ACheckoutWithoutHostsOrPlatformsIsNone) {
  directory_.write("testing/pluto/a/eastinit.sh", "true\n");
  write_list("kvmplutotest a good\n");
  EXPECT_NE(error(".").find("testing/kvm/vm: no hosts (*.xml) here: No such file or directory; is this the testing "
                            "directory of a libreswan checkout?"),
            std::string::npos)
      << error(".");
  directory_.write("testing/kvm/vm/east.xml", "");
  EXPECT_NE(error(".").find("testing/kvm/upgrade: no platforms (*.sh) here"), std::string::npos) << error(".");
}

TEST_F(InADirectory, AListThatIsNoFileIsToldOf) {
  write_checkout();
  ASSERT_EQ(names(load({"testing/pluto"}, nullptr, directory_.path())).size(), 2U);
  fs::create_symlink("TESTLIST", directory_.path() / "testing/pluto/TESTLIST");
  EXPECT_THROW((void)load({"testing/pluto"}, nullptr, directory_.path()), core::InputError);
  fs::remove(directory_.path() / "testing/pluto/TESTLIST");
  fs::create_directory(directory_.path() / "testing/pluto/TESTLIST");
  EXPECT_THROW((void)load({"testing/pluto"}, nullptr, directory_.path()), core::InputError);
}

TEST_F(InADirectory, WithoutAListEveryTestDirectoryCounts) {
  write_checkout();
  directory_.write("testing/pluto/README", "no test");
  EXPECT_EQ(names(load({"testing/pluto"}, nullptr, directory_.path())), (Names{"a", "b"}));
  EXPECT_EQ(names(load({"testing/pluto/b", "testing/pluto/a"}, nullptr, directory_.path())), (Names{"b", "a"}));
}

TEST_F(InADirectory, TheDirectorysOwnPathAddsNoGuest) {
  directory_.write("west/testing/kvm/vm/east.xml", "");
  directory_.write("west/testing/kvm/vm/west.xml", "");
  directory_.write("west/testing/kvm/upgrade/linux.sh", "");
  directory_.write("west/testing/pluto/a/description.txt", "");
  directory_.write("west/testing/pluto/a/all.east.sh", "east# true\n");
  EXPECT_EQ(load({"west/testing/pluto/a"}, nullptr, directory_.path()).at(0).test.hosts, Names{"east"});
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> bytes{};
  for (std::size_t n = 0; (n = fread(bytes.data(), 1, bytes.size(), pipe)) > 0;) out.append(bytes.data(), n);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return out;
}

nlohmann::json as_original(const Test& test) {
  std::map<std::string, std::string> guest_of;
  nlohmann::json hosts = nlohmann::json::array();
  nlohmann::json guests = nlohmann::json::array();
  for (const libreswan::Guest& guest : libreswan::guests_of(test)) {
    guest_of[libreswan::domain_host(guest)] = guest.name;
    hosts.push_back(guest.host);
    guests.push_back(guest.name);
  }
  nlohmann::json commands = nlohmann::json::array();
  for (const Step& step : test.steps) {
    if (step.post_mortem) continue;
    const auto guest = step.host.empty() ? nlohmann::json(nullptr) : nlohmann::json(guest_of.at(step.host));
    commands.push_back({{"guest", guest}, {"line", step.command}});
  }
  return {{"name", test.name},   {"kind", test.value("kind")}, {"status", test.value("status")},
          {"hosts", hosts},      {"guests", guests},           {"platforms", test.values("platform")},
          {"commands", commands}};
}

// Every test directory of a checkout, and the checkout of our own making as well.
void compare_with_original(const fs::path& testing) {
  const fs::path script = fs::path(KVMTEST_SOURCE) / "testing/unit/suite/libreswan/original_reading.py";
  std::istringstream original(output_of(fmt::format("python3 '{}' '{}'", script.string(), testing.string())));
  std::map<std::string, suite::Test> ours;
  for (auto& loaded : load({(testing / "pluto").string()})) ours.emplace(loaded.test.name, std::move(loaded.test));
  std::size_t count = 0;
  for (std::string line; std::getline(original, line); ++count) {
    const auto theirs = nlohmann::json::parse(line);
    const std::string name = theirs.at("name");
    if (!ours.contains(name)) ours.emplace(name, load({(testing / "pluto" / name).string()}).at(0).test);
    const suite::Test& test = ours.at(name);
    if (theirs.contains("obstacle"))
      EXPECT_FALSE(test.obstacle.empty()) << name;
    else
      EXPECT_EQ(as_original(test), theirs) << name;
  }
  EXPECT_GE(count, ours.size());
  ::testing::Test::RecordProperty("tests", static_cast<int>(count));
}

TEST(LibreswanReading, ARealCheckoutReadsAsItsOwnRunnerReadsIt) {
  const char* directory = std::getenv("KVMTEST_LIBRESWAN");
  if (directory == nullptr || *directory == '\0') GTEST_SKIP() << "KVMTEST_LIBRESWAN names no checkout";
  const auto list = libreswan::find_testlist(fs::absolute(directory));
  ASSERT_TRUE(list) << directory << " has no TESTLIST";
  compare_with_original(fs::canonical(*list).parent_path().parent_path());
}

}  // namespace
}  // namespace kvmtest::suite
