#include "suite/transcript.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

namespace kvmtest::suite {
namespace {

using namespace std::chrono_literals;

const std::string header = "# title\n# hosts: east west\n\n";  // commands begin in line 4

Transcript parse(const std::string& text) { return parse_transcript(text, "dir/x.test", "dir/x"); }

std::string error_in(const std::string& text, const std::set<std::string>* known = nullptr) {
  try {
    (void)parse_transcript(text, "x.test", "dir/x", known);
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::string> texts(const Expectation& expectation) {
  std::vector<std::string> out;
  for (const auto& line : expectation.lines) out.push_back(line.text);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Transcript, ReadsAWholeTest) {
  const Transcript transcript = parse(
      "# GRE between east and west\n"
      "# hosts: east west\n"
      "# timeout: 30s\n"
      "# command-timeout: 500ms\n"
      "# tags: tunnel smoke\n"
      "# kernel-warnings: fail\n"
      "# Note: RFC 2784: free text\n"
      "\n"
      "# a comment\n"
      "east# ip tunnel add gre1\n"
      "west# ping -c 1 10.9.9.1\n"
      "PING\n"
      "\n"
      "time=* ms (glob)\n"
      "\n"
      "# another\n"
      "# comment\n"
      "\n"
      "west# ip link show nosuch\n"
      "Device \"nosuch\" does not exist.\n"
      "[1]\n");
  EXPECT_EQ(transcript.test.name, "dir/x");
  EXPECT_EQ(transcript.test.path, "dir/x.test");
  EXPECT_EQ(transcript.test.title, "GRE between east and west");
  EXPECT_EQ(transcript.test.hosts, (Texts{"east", "west"}));
  EXPECT_EQ(transcript.test.tags, (Texts{"tunnel", "smoke"}));
  EXPECT_EQ(transcript.test.limit, 30s);
  EXPECT_EQ(transcript.test.command_limit, 500ms);
  EXPECT_EQ(transcript.test.kernel_warnings, core::KernelWarnings::fail);
  ASSERT_EQ(transcript.test.steps.size(), 3U);
  EXPECT_EQ(transcript.test.steps[0].host, "east");
  EXPECT_EQ(transcript.test.steps[0].command, "ip tunnel add gre1");
  EXPECT_EQ(transcript.test.steps[0].line, 10U);
  EXPECT_EQ(transcript.test.steps[2].line, 19U);
  ASSERT_EQ(transcript.expectations.size(), 3U);
  EXPECT_TRUE(transcript.expectations[0].lines.empty());
  EXPECT_EQ(transcript.expectations[0].status, 0);
  EXPECT_EQ(texts(transcript.expectations[1]), (Texts{"PING", "", "time=* ms (glob)"}));
  EXPECT_EQ(transcript.expectations[1].lines[2].match, judge::Match::glob);
  EXPECT_EQ(texts(transcript.expectations[2]), (Texts{"Device \"nosuch\" does not exist."}));
  EXPECT_EQ(transcript.expectations[2].status, 1);
}

TEST(Transcript, ReadsOptions) {
  const Transcript transcript = parse(header +
                                      "east(timeout 5s)# a\n"
                                      "east(background server)# b\n"
                                      "east( until  10s )# c\n"
                                      "west(requires, timeout 1m)# d\n"
                                      "east(collect server,timeout 2s)#\n"
                                      "out\n"
                                      "[*]\n");
  const auto& steps = transcript.test.steps;
  ASSERT_EQ(steps.size(), 5U);
  EXPECT_EQ(steps[0].kind, StepKind::run);
  EXPECT_EQ(steps[0].limit, 5s);
  EXPECT_EQ(steps[1].kind, StepKind::background);
  EXPECT_EQ(steps[1].name, "server");
  EXPECT_EQ(steps[1].limit, std::nullopt);
  EXPECT_EQ(steps[2].kind, StepKind::until);
  EXPECT_EQ(steps[2].limit, 10s);
  EXPECT_EQ(steps[3].kind, StepKind::requires_);
  EXPECT_EQ(steps[3].limit, 60s);
  EXPECT_EQ(steps[4].kind, StepKind::collect);
  EXPECT_EQ(steps[4].name, "server");
  EXPECT_EQ(steps[4].command, "");
  EXPECT_EQ(steps[4].limit, 2s);
  EXPECT_EQ(transcript.expectations[4].status, std::nullopt);
}

TEST(Transcript, AMachineMayReboot) {
  const Transcript transcript = parse(header +
                                      "east(reboot)# reboot -f\n"
                                      "east(reboot, timeout 2m)# kexec -e\n"
                                      "[*]\n"
                                      "west(reboot)#\n");
  const auto& steps = transcript.test.steps;
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].kind, StepKind::reboot);
  EXPECT_EQ(steps[0].command, "reboot -f");
  EXPECT_EQ(steps[0].limit, std::nullopt);
  EXPECT_EQ(steps[1].limit, 120s);
  EXPECT_EQ(steps[2].kind, StepKind::reboot);
  EXPECT_EQ(steps[2].command, "");
}

TEST(Transcript, ARebootRefusesWhatItCannotHave) {
  const auto error = [](const std::string& lines) { return error_in(header + lines); };
  const std::string none =
      "a reboot has no output here: what the machine prints while it goes down and comes up is not "
      "looked at";
  EXPECT_TRUE(error("east(reboot)# reboot -f\nout\n").ends_with(none));
  EXPECT_TRUE(error("east(reboot)# reboot -f\n[1]\n").ends_with(none));
  EXPECT_TRUE(error("east(reboot now)# reboot -f\n").ends_with("option 'reboot' takes nothing after it"));
  EXPECT_TRUE(
      error("east(reboot, until 5s)# reboot -f\n").ends_with("a command is either 'reboot' or 'until', not both"));
  EXPECT_TRUE(error("east(background a)# a\neast(reboot)#\neast(collect a)#\n")
                  .ends_with("background 'a' ended when east rebooted, in line 5"));
  EXPECT_EQ(error_in(header + "east(background a)# a\nwest(reboot)#\neast(collect a)#\n"), "no error");
}

TEST(Transcript, ACommandGoesOnInFurtherLines) {
  const Transcript transcript = parse(header + "east# cat <<END\n> one\n>\n>   three\n> END\none\n\n  three\n> four\n");
  ASSERT_EQ(transcript.test.steps.size(), 1U);
  EXPECT_EQ(transcript.test.steps[0].command, "cat <<END\none\n\n  three\nEND");
  EXPECT_EQ(texts(transcript.expectations[0]), (Texts{"one", "", "  three", "> four"}));
}

TEST(Transcript, BlankLinesAtTheEndSeparate) {
  const Transcript transcript =
      parse(header + "east# a\n\nx\n\n\neast# b\n\n\n# comment\n\neast# c\n#!/bin/sh\n[1]\n\n[2]\n\n");
  EXPECT_EQ(texts(transcript.expectations[0]), (Texts{"", "x"}));
  EXPECT_EQ(texts(transcript.expectations[1]), Texts{});
  EXPECT_EQ(texts(transcript.expectations[2]), (Texts{"#!/bin/sh", "[1]", ""}));
  EXPECT_EQ(transcript.expectations[2].status, 2);
}

TEST(Transcript, TheLastLineNeedsNoNewline) {
  const Transcript transcript = parse(header + "east# a\nx");
  EXPECT_EQ(texts(transcript.expectations[0]), Texts{"x"});
  EXPECT_EQ(parse(header + "east# a").test.steps[0].command, "a");
  EXPECT_EQ(parse(header + "east# a\nx\n[3]").expectations[0].status, 3);
}

TEST(Transcript, TheHeaderSaysWhatIsMissing) {
  const std::string no_title = "x.test:1: a test begins with its title: '# what it tests'";
  EXPECT_EQ(error_in(""), no_title);
  EXPECT_EQ(error_in("\n# title\n"), no_title);
  EXPECT_EQ(error_in("#\n"), no_title);
  EXPECT_EQ(error_in("east# a\n"), no_title);
  EXPECT_EQ(error_in("# hosts: east\neast# a\n"), "x.test:1: the first line is the title; 'hosts:' comes after it");
  EXPECT_EQ(error_in("# title\n# tags: a\n\neast# a\n"),
            "x.test:2: the header does not say which hosts the test needs: '# hosts: east west'");
  EXPECT_EQ(error_in("# title\n# hosts: east\n"), "x.test:2: the test has no command; one looks like 'east# ip link'");
}

TEST(Transcript, TheHeaderRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(error_in("# title\n# host: east\n"),
            "x.test:2: unknown header 'host:' (did you mean 'hosts'?); there are command-timeout hosts kernel-warnings "
            "tags timeout");
  EXPECT_EQ(error_in("# title\n# hosts: east\n# hosts: west\n"),
            "x.test:3: header 'hosts:' is here for the second time; the first is in line 2");
  EXPECT_EQ(error_in("# title\n# hosts: east east\n"), "x.test:2: host 'east' is named twice");
  EXPECT_EQ(error_in("# title\n# hosts:\n"), "x.test:2: header 'hosts:' has no value");
  EXPECT_EQ(error_in("# title\n# hosts: ea/st\n"),
            "x.test:2: 'ea/st' is not a host's name; letters, digits and . _ - only");
  EXPECT_EQ(error_in("# title\n# timeout: 30\n"),
            "x.test:2: timeout: '30' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
  EXPECT_EQ(error_in("# title\n# kernel-warnings: loudly\n"),
            "x.test:2: header 'kernel-warnings:' is tell, fail or ignore, not 'loudly'");
  EXPECT_EQ(error_in("# title\n# command-timeout: soon\n"),
            "x.test:2: command-timeout: 'soon' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
}

TEST(Transcript, AnUnknownHostNamesTheNearest) {
  const std::set<std::string> known{"east", "nic", "north", "west"};
  EXPECT_EQ(error_in("# title\n# hosts: esat\n", &known),
            "x.test:2: unknown host 'esat' (did you mean 'east'?); there are east nic north west");
  EXPECT_EQ(
      error_in("# title\n# hosts: east\n\nwset# a\n", &known),
      "x.test:4: host 'wset' is not in the test's '# hosts:'; if this is output, write it with (esc) and \\x23 for "
      "the '#'");
  EXPECT_EQ(
      error_in(header + "eats# a\n", &known),
      "x.test:4: host 'eats' is not in the test's '# hosts:' (did you mean 'east'?); if this is output, write it with "
      "(esc) and \\x23 for the '#'");
}

TEST(Transcript, OptionsAreChecked) {
  const auto option = [](const std::string& text) { return error_in(header + "east(" + text + ")# a\n"); };
  EXPECT_EQ(
      option("tiemout 5s"),
      "x.test:4: unknown option 'tiemout' (did you mean 'timeout'?); there are background collect reboot requires "
      "timeout until");
  EXPECT_EQ(option(""), "x.test:4: an option is missing between the parentheses");
  EXPECT_EQ(option("requires,"), "x.test:4: an option is missing between the parentheses");
  EXPECT_EQ(option("timeout"), "x.test:4: option 'timeout' takes a time: timeout 5s");
  EXPECT_EQ(option("timeout 5"),
            "x.test:4: timeout: '5' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
  EXPECT_EQ(option("timeout 5s, timeout 6s"), "x.test:4: option 'timeout' is given twice");
  EXPECT_EQ(option("background"), "x.test:4: option 'background' takes a name: background server");
  EXPECT_EQ(option("background a b"), "x.test:4: option 'background' takes a name: background server");
  EXPECT_EQ(option("background 1a"),
            "x.test:4: '1a' is not a name for a background command; letters, digits and _ only, no digit first");
  EXPECT_EQ(option("background a, requires"), "x.test:4: a command is either 'background' or 'requires', not both");
  EXPECT_EQ(option("requires yes"), "x.test:4: option 'requires' takes nothing after it");
  EXPECT_EQ(option("until 5s, timeout 6s"), "x.test:4: until has its time limit already; leave out timeout");
  EXPECT_EQ(option("background a, timeout 6s"),
            "x.test:4: a background command has no time limit; give it where its output is collected");
}

TEST(Transcript, BackgroundCommandsAreCollectedOnceWhereTheyRun) {
  const std::string start = header + "east(background server)# a\n";
  EXPECT_EQ(error_in(start + "east(collect sever)#\n"),
            "x.test:5: background 'sever' was not started before this line (did you mean 'server'?)");
  EXPECT_EQ(error_in(header + "east(collect server)#\n"),
            "x.test:4: background 'server' was not started before this line");
  EXPECT_EQ(error_in(start + "west(collect server)#\n"),
            "x.test:5: background 'server' was started on east, in line 4; collect it there");
  EXPECT_EQ(error_in(start + "east(collect server)#\neast(collect server)#\n"),
            "x.test:6: background 'server' was collected in line 5 already");
  EXPECT_EQ(error_in(start + "west(background server)# a\n"),
            "x.test:5: background 'server' was started in line 4 already");
  EXPECT_EQ(error_in(start + "east(collect server)# a\n"),
            "x.test:5: collect takes no command; it is the background command's output that comes here");
  EXPECT_EQ(error_in(start + "east(collect server)#\n> a\n"),
            "x.test:6: collect takes no command; it is the background command's output that comes here");
  EXPECT_EQ(
      error_in(start + "out\n"),
      "x.test:5: a background command has no output here; it comes where 'server' is collected: east(collect server)#");
  EXPECT_EQ(error_in(start), "no error") << "it ends with the domain";
}

TEST(Transcript, LinesThatBelongNowhereAreRefused) {
  const std::string nowhere =
      ": this line belongs to no command: neither 'host# command' nor '# comment', nor output right after a command";
  EXPECT_EQ(error_in(header + "text\n"), "x.test:4" + nowhere);
  EXPECT_EQ(error_in(header + "east# a\n\n# comment\ntext\n"), "x.test:7" + nowhere);
  EXPECT_EQ(error_in("# title\n# hosts: east\ntext\n"), "x.test:3" + nowhere);
  EXPECT_EQ(error_in(header + "east#\n"), "x.test:4: there is no command after 'east#'");
  EXPECT_EQ(error_in(header + "east#  \n"), "x.test:4: there is no command after 'east#'");
}

TEST(Transcript, ExpectedLinesAreChecked) {
  EXPECT_EQ(error_in(header + "east# a\nx\n( (re)\n"), "x.test:6: bad regular expression: missing ): (");
  EXPECT_EQ(error_in(header + "east# a\n\\n (esc)\n"),
            "x.test:5: unknown escape '\\n'; there are \\t \\r \\e \\\\ and \\xHH");
  EXPECT_EQ(error_in(header + "east# a\nx (no-eol)\n\ny\n"), "x.test:5: (no-eol) is for the last line of an output");
  EXPECT_EQ(error_in(header + "east# a\nx (no-eol)\n[1]\n"), "no error");
  EXPECT_EQ(error_in(header + "east# a\n[256]\n"), "x.test:5: exit status [256] is not from 0 to 255");
  EXPECT_EQ(error_in(header + "east# a\n[99999999999999999999]\n"),
            "x.test:5: exit status [99999999999999999999] is not from 0 to 255");
  EXPECT_EQ(error_in(header + "east(requires)# a\n[1]\n"),
            "x.test:5: requires means status 0; anything else makes the test unsupported");
  EXPECT_EQ(error_in("# title\r\n# hosts: east\r\n"),
            "x.test:1: the line ends in CR LF; a test's lines end in LF (write a printed CR as \\r with (esc))");
}

TEST(Transcript, TheDocumentedExampleIsOne) {
  std::ifstream stream(std::filesystem::path(KVMTEST_SOURCE) / "docs/formats.md");
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const std::size_t begin = text.find("# GRE between");
  ASSERT_NE(begin, std::string::npos);
  const Transcript transcript = parse(text.substr(begin, text.find("```", begin) - begin));
  EXPECT_EQ(transcript.test.steps.size(), 9U);
  EXPECT_EQ(transcript.test.tags, (Texts{"tunnel", "smoke"}));
  EXPECT_EQ(transcript.expectations[5].lines.size(), 6U);
  EXPECT_EQ(transcript.test.steps[7].command, "cat >/etc/hosts <<END\n10.9.9.1 east\n10.9.9.2 west\nEND");
  EXPECT_EQ(transcript.expectations[8].status, 1);
}

TEST(Transcript, AnyBytesParseOrAreRefused) {
  // Pieces of the syntax in random order reach deeper than random bytes.
  const std::vector<std::string> pieces{"east# ",    "west(", "until 5s", ")# ", "\n",    "\n\n",        "# ",
                                        "hosts: ",   "> ",    "[1]",      "[*]", " (re)", " (glob)",     " (esc)",
                                        " (no-eol)", "\\x",   "\xff",     "(",   "east",  "background a"};
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random() % 4 == 0 ? "" : header;
    for (auto n = random() % 30; n > 0; --n) text += pieces[random() % pieces.size()];
    try {
      const Transcript transcript = parse(text);
      ASSERT_EQ(transcript.test.steps.size(), transcript.expectations.size());
      ASSERT_EQ(accept(transcript, {}), text);
    } catch (const core::InputError&) {
    }
  }
}

}  // namespace
}  // namespace kvmtest::suite
