// Words of a command line, and what the programs make of them.

#include <optional>

#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include "client/words.h"

namespace kvmtest::client {
namespace {

using Words = std::vector<std::string>;

/// Command lines in the shape of kvmtest's.
class Verbs : public testing::Test {
 protected:
  Verbs() {
    CLI::App* run = app_.add_subcommand("run", "");
    add_words(*run, "TESTS", tests_, "");
    run->add_option("--tag", tags_, "");
    run->add_option("--order", order_, "");
    run->add_option("--pair", pair_, "")->expected(2);
    run->add_flag("-d,--detach", detach_, "");
    CLI::App* show = app_.add_subcommand("show", "");
    show->add_option("TEST", test_, "")->required();
    show->add_option("RUN", number_, "")->check(CLI::Range(1, 100));
  }

  CLI::App app_;
  Words tests_;
  Words tags_;
  Words pair_;
  std::string order_;
  std::string test_;
  int number_ = 0;
  bool detach_ = false;
};

TEST_F(Verbs, WordsArriveAsTheyWereTyped) {
  const Words typed{"[a,b]", "[",  "]",   "[]",  "{}",      "%%",  "++",  "",
                    ":",     ":x", "[a]", "a,b", "\"a b\"", "run", "x=y", "-"};
  Words words{"run"};
  words.insert(words.end(), typed.begin(), typed.end());
  parse(app_, words);
  EXPECT_EQ(tests_, typed);
}

TEST_F(Verbs, OneWordAloneToo) {
  for (const std::string word : {"[a,b]", "{}", "[]", "++", "%%", ""}) {
    SCOPED_TRACE(word);
    parse(app_, {"run", word});
    EXPECT_EQ(tests_, Words{word});
    app_.clear();
  }
}

TEST_F(Verbs, BehindTheMarkNothingIsAnOption) {
  parse(app_, {"run", "--detach", "--", "-x", "--order", "--", "-d"});
  EXPECT_EQ(tests_, (Words{"-x", "--order", "--", "-d"}));
  EXPECT_TRUE(detach_);
  EXPECT_EQ(order_, "");
}

TEST_F(Verbs, AWordThatIsOneIsTakenLiterally) {
  parse(app_, {"show", "[a,b]", "7"});
  EXPECT_EQ(test_, "[a,b]");
  EXPECT_EQ(number_, 7);
}

TEST_F(Verbs, ValuesOfOptionsToo) {
  parse(app_, {"run", "--order", "[x,y]", "--tag", "[t,u]", "--tag=[v]", "a"});
  EXPECT_EQ(order_, "[x,y]");
  EXPECT_EQ(tags_, (Words{"[t,u]", "[v]"}));
  EXPECT_EQ(tests_, Words{"a"}) << "what stands behind an option's value is no value";
}

TEST_F(Verbs, AnOptionTakesAsManyValuesAsItMustHave) {
  parse(app_, {"run", "--pair", "[a,b]", "c", "[d]"});
  EXPECT_EQ(pair_, (Words{"[a,b]", "c"}));
  EXPECT_EQ(tests_, Words{"[d]"});
}

TEST_F(Verbs, WhatThereIsNotIsRefused) {
  EXPECT_THROW(parse(app_, {"run", "--nosuch"}), CLI::ParseError);
  app_.clear();
  EXPECT_THROW(parse(app_, {"show"}), CLI::ParseError);
  app_.clear();
  EXPECT_THROW(parse(app_, {"show", "a", "1", "more"}), CLI::ParseError);
  app_.clear();
  EXPECT_THROW(parse(app_, {"show", "a", "[1]"}), CLI::ParseError);
}

/// Command lines in the shape of kvmsh's.
class Shell : public testing::Test {
 protected:
  Shell() {
    app_.add_option("DOMAIN", domain_, "");
    app_.add_option("--timeout", limit_, "");
    app_.add_option("-e,--escape", escape_, "");
    app_.add_flag("-n", no_input_, "");
    app_.add_flag("-q", quiet_, "");
  }
  /// The words that are left to the command, behind the program's own.
  Words command(const Words& words) {
    app_.clear();
    const std::size_t own = own_words(app_, words);
    parse(app_, {words.begin(), words.begin() + static_cast<std::ptrdiff_t>(own)});
    return {words.begin() + static_cast<std::ptrdiff_t>(own), words.end()};
  }

  CLI::App app_;
  std::string domain_;
  std::string escape_;
  double limit_ = 0;
  bool no_input_ = false;
  bool quiet_ = false;
};

TEST_F(Shell, AllBehindTheDomainIsTheCommands) {
  EXPECT_EQ(command({"a.east", "echo", "-n", "--timeout", "5", "[a,b]", "--", "", "{}"}),
            (Words{"echo", "-n", "--timeout", "5", "[a,b]", "--", "", "{}"}));
  EXPECT_EQ(domain_, "a.east");
  EXPECT_FALSE(no_input_);
  EXPECT_EQ(limit_, 0);
}

TEST_F(Shell, OptionsMayStandOnBothSidesOfTheDomain) {
  EXPECT_EQ(command({"--timeout", "5", "a.east", "-n", "--escape=^a", "ls", "-n"}), (Words{"ls", "-n"}));
  EXPECT_EQ(limit_, 5);
  EXPECT_TRUE(no_input_);
  EXPECT_EQ(escape_, "^a");
}

TEST_F(Shell, ValuesAreNotTheCommand) {
  EXPECT_EQ(command({"-e", "^a", "a.east", "ls"}), Words{"ls"});
  EXPECT_EQ(command({"-e^b", "a.east", "ls"}), Words{"ls"});
  EXPECT_EQ(escape_, "^b");
  EXPECT_EQ(command({"-nqe", "^c", "a.east", "ls"}), Words{"ls"});
  EXPECT_EQ(escape_, "^c");
  EXPECT_TRUE(quiet_);
}

TEST_F(Shell, ACommandMayBeginWithADash) {
  EXPECT_EQ(command({"a.east", "--", "-x", "--"}), (Words{"-x", "--"}));
  EXPECT_EQ(command({"--", "a.east", "-x"}), Words{"-x"});
  EXPECT_EQ(domain_, "a.east");
}

TEST_F(Shell, WithoutACommandThereIsNone) {
  EXPECT_EQ(command({"a.east", "-n"}), Words{});
  EXPECT_EQ(command({}), Words{});
  EXPECT_EQ(command({"a.east", ""}), Words{""}) << "an empty word is one";
}

TEST_F(Shell, AnUnknownOptionIsRefused) { EXPECT_THROW(command({"a.east", "--nosuch", "ls"}), CLI::ParseError); }

}  // namespace
}  // namespace kvmtest::client
