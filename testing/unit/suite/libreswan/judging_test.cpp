// Judging libreswan's output: consoles, sanitizer, issues and verdicts, the files written, and what is found to be
// judged again.

#include <array>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/input_error.h"
#include "judging.h"
#include "suite/libreswan/outputs.h"
#include "suite/libreswan/result_files.h"
#include "suite/libreswan/text_diff.h"

namespace kvmtest::suite::libreswan {
namespace {

namespace fs = std::filesystem;
using core::Verdict;

TEST_F(LibreswanJudging, TheConsolesAreAsLibreswansToolsExpectThem) {
  const auto test = loaded().test;
  auto texts = console_texts(test, execution(test));
  EXPECT_EQ(texts["east"],
            "# a comment\n[root@east t]# echo one\none\n[root@east t]# true\n[root@east t]# "
            ": >>>>>>>>>> post-mortem >>>>>>>>>>\n[root@east t]# ../../guestbin/post-mortem.sh\nover\n"
            "[root@east t]# : <<<<<<<<<< post-mortem <<<<<<<<<<\n[root@east t]# " +
                done);
  EXPECT_EQ(texts["west"],
            "echo two\ntwo\n[root@west t]# true\n[root@west t]# : >>>>>>>>>> post-mortem >>>>>>>>>>\n"
            "[root@west t]# ../../guestbin/post-mortem.sh\nover\n"
            "[root@west t]# : <<<<<<<<<< post-mortem <<<<<<<<<<\n[root@west t]# " +
                done);
  EXPECT_EQ(texts["all"],
            "# a comment\n\neast# echo one\n\none\n\nwest# echo two\n\ntwo\n\neast# true\n\nwest# true\n\n"
            ">>>>>>>>>> post-mortem >>>>>>>>>>east# ../../guestbin/post-mortem.sh\n\nover\n"
            "west# ../../guestbin/post-mortem.sh\n\nover\n<<<<<<<<<< post-mortem <<<<<<<<<<" +
                done);
}

TEST_F(LibreswanJudging, ATimeOutEndsTheConsolesWithItsMark) {
  const auto test = loaded().test;
  Execution hung = execution(test);
  hung.results.resize(2);
  hung.results[1] = {2, "so far", {}};
  hung.ending = {Ending::Why::timeout, "west", "no prompt"};
  auto texts = console_texts(test, hung);
  const std::string mark = ">>>>>>>>>> TIMEOUT while running command echo two <<<<<<<<<<";
  EXPECT_EQ(texts["west"], "echo two\nso far" + mark + done);
  EXPECT_EQ(texts["east"], "# a comment\n[root@east t]# echo one\none\n[root@east t]# " + done);
  EXPECT_EQ(texts["all"], "# a comment\n\neast# echo one\n\none\n\nwest# echo two\n\nso far" + mark + done);
  hung.ending.why = Ending::Why::console_closed;
  EXPECT_NE(console_texts(test, hung)["west"].find(">>>>>>>>>> EOF while running command echo two <<<<<<<<<<"),
            std::string::npos);
}

TEST_F(LibreswanJudging, AFailedPostMortemLeavesItsFenceOpen) {
  const auto test = loaded().test;
  Execution failed = execution(test);
  failed.results[4].status = 1;
  auto texts = console_texts(test, failed);
  EXPECT_EQ(texts["east"].find("<<<<<<<<<< post-mortem"), std::string::npos);
  EXPECT_NE(texts["west"].find("<<<<<<<<<< post-mortem"), std::string::npos);
  EXPECT_TRUE(texts["all"].ends_with("over\n" + done));
  // Left out altogether: no fence.
  failed.results.resize(4);
  EXPECT_EQ(console_texts(test, failed)["east"].find("post-mortem"), std::string::npos);
}

TEST_F(LibreswanJudging, AnAttemptLeavesItsFilesAndItsVerdict) {
  const LoadedTest test = loaded();
  Execution attempt = execution(test.test);
  attempt.times.begin = std::chrono::system_clock::from_time_t(1'000'000'000);
  attempt.times.end = attempt.times.begin + std::chrono::seconds(3);
  attempt.times.resets = std::chrono::milliseconds(1500);
  attempt.times.script = std::chrono::seconds(3);
  for (std::size_t i = 4; i < 6; ++i) attempt.results[i].output.clear();
  const std::string expected = read("east.console.txt");
  write("east.console.txt",
        expected.substr(0, expected.size() - 1) +
            ": >>>>>>>>>> post-mortem >>>>>>>>>>\neast #\n ../../guestbin/post-mortem.sh\neast #\n : "
            "<<<<<<<<<< post-mortem <<<<<<<<<<\neast #\n \n");
  EXPECT_EQ(test.own_output->begin({}), "");
  const Judgement judgement = judgement_of(test, attempt);
  ASSERT_EQ(judgement.issues.size(), 1U);
  EXPECT_EQ(judgement.issues[0].host + ":" + judgement.issues[0].name, "west:output-different");
  EXPECT_EQ(judgement.issues[0].detail, "line 6: expected ' ', got ' : >>>>>>>>>> post-mortem >>>>>>>>>>'");
  EXPECT_EQ(read("OUTPUT/east.console.txt"), read("east.console.txt"));
  EXPECT_EQ(read("OUTPUT/east.console.diff"), "");
  EXPECT_TRUE(read("OUTPUT/west.console.diff")
                  .starts_with("--- MAIN/testing/pluto/t/west.console.txt\n+++ "
                               "OUTPUT/testing/pluto/t/west.console.txt\n@@ -3,4 +3,10 @@\n"))
      << read("OUTPUT/west.console.diff");
  EXPECT_EQ(read("OUTPUT/result.json"),
            "{\n  \"test_name\": \"t\",\n  \"test_kind\": \"kvmplutotest\",\n  \"test_status\": \"good\",\n"
            "  \"test_guest_platforms\": [\n    \"linux\",\n    \"linux\"\n  ],\n"
            "  \"test_host_names\": [\n    \"east\",\n    \"west\"\n  ],\n"
            "  \"start_time\": \"2001-09-09T01:46:38.500000Z\",\n  \"stop_time\": \"2001-09-09T01:46:43Z\",\n"
            "  \"result\": \"failed\",\n  \"issues\": {\n    \"west\": [\n      \"output-different\"\n    ]\n  },\n"
            "  \"total_time\": 4.5,\n  \"boot_time\": 1.5,\n  \"test_time\": 3.0\n}\n");
  EXPECT_EQ(test.own_output->earlier(), Verdict::failed);
}

TEST_F(LibreswanJudging, EachIssueHasItsVerdict) {
  EXPECT_EQ(issues_with(""), "passed");
  EXPECT_EQ(issues_with("\nCORE FOUND"), "failed east:CORE east:output-different");
  EXPECT_EQ(issues_with(" SEGFAULT"), "failed east:SEGFAULT east:output-different");
  EXPECT_EQ(issues_with(" GPFAULT"), "failed east:GPFAULT east:output-different");
  EXPECT_EQ(issues_with(" ASSERTION FAILED"), "failed east:ASSERTION east:output-different");
  EXPECT_EQ(issues_with(" EXPECTATION FAILED"), "failed east:EXPECTATION east:output-different");
  EXPECT_EQ(issues_with(" (null)"), "failed east:PRINTF_NULL east:output-different");
  EXPECT_EQ(issues_with(" FAIL: reference counts"), "failed east:REFCNT east:output-different");
  EXPECT_EQ(issues_with("\x01"), "failed east:iscntrl east:output-different");
  EXPECT_EQ(issues_with("[  12.5] Call Trace:"), "failed east:KERNEL east:output-different");
  EXPECT_EQ(issues_with(">>>>>>>>>> TIMEOUT while"), "failed east:TIMEOUT east:output-different");
  EXPECT_EQ(issues_with(">>>>>>>>>> EOF while"), "unresolved east:EOF east:output-different");
  EXPECT_EQ(issues_with(">>>>>>>>>> EXCEPTION"), "unresolved east:EXCEPTION east:output-different");
  EXPECT_EQ(issues_with("\n\n  \t"), "failed east:output-whitespace");
}

TEST_F(LibreswanJudging, LogsAreLookedInto) {
  (void)issues_with("");
  const auto with_log = [&](const std::string& text) {
    write("OUTPUT/west.pluto.log", text);
    return described(judged());
  };
  EXPECT_EQ(with_log("leak detective found 3 leaks\n"), "failed west:LEAK");
  EXPECT_EQ(with_log("leak detective found no leaks\n"), "passed");
  EXPECT_EQ(with_log("ASSERTION FAILED EXPECTATION FAILED (null)\t"),
            "failed west:ASSERTION west:EXPECTATION west:PRINTF_NULL west:iscntrl");
}

TEST_F(LibreswanJudging, WhatIsMissingOrCutOffIsNotResolved) {
  EXPECT_EQ(described(judged()), "untested");
  (void)issues_with("");
  write("OUTPUT/west.console.verbose.txt", "echo two\n");
  EXPECT_EQ(described(judged()), "unresolved west:output-truncated");
  fs::remove(directory_.path() / "testing/pluto/t/OUTPUT/west.console.verbose.txt");
  EXPECT_EQ(described(judged()), "unresolved west:output-missing");
  (void)issues_with("");
  fs::remove(directory_.path() / "testing/pluto/t/west.console.txt");
  EXPECT_EQ(described(judged()), "failed west:output-unchecked");
  fs::remove_all(directory_.path() / "testing/pluto/t/OUTPUT");
  write("OUTPUT", "a file");
  EXPECT_EQ(described(judged()), "unresolved :output-missing");
}

TEST_F(LibreswanJudging, AMergedExpectationStandsForAllHosts) {
  (void)issues_with("");
  write("all.console.txt", "east # x\n");
  write("OUTPUT/all.console.verbose.txt", "east # y\n" + done);
  EXPECT_EQ(described(judged()), "failed all:output-different");
}

TEST_F(LibreswanJudging, ASanitizerThatFailsOrComplainsLeavesItUnresolved) {
  write("testparams.sh", ". ../../default-testparams.sh\nREF_CONSOLE_FIXUPS=nosuch.sed\n");
  (void)issues_with("");
  auto judgement = judged();
  EXPECT_EQ(described(judgement), "unresolved east:sanitizer-failed west:sanitizer-failed");
  EXPECT_NE(judgement.issues[0].detail.find("sanitizer.sh exited with"), std::string::npos);
  write("testparams.sh", "REF_CONSOLE_FIXUPS=prompt.sed\necho careful >&2\n");
  judgement = judged();
  EXPECT_EQ(described(judgement), "unresolved east:sanitizer-failed west:sanitizer-failed");
  EXPECT_EQ(judgement.issues[0].detail, "sanitizer.sh exited with 0 and said: careful");
  fs::remove(directory_.path() / "testing/utils/sanitizer.sh");
  EXPECT_EQ(judged().issues[0].detail,
            (directory_.path() / "testing/utils/sanitizer.sh").string() + ": No such file or directory");
}

TEST_F(LibreswanJudging, ASanitizerWithoutEndIsEnded) {
  (void)issues_with("");
  const fs::path held = directory_.path() / "held";
  ASSERT_EQ(mkfifo(held.c_str(), 0600), 0);
  const int reader = open(held.c_str(), O_RDONLY | O_NONBLOCK);
  fcntl(reader, F_SETFL, 0);
  write("testparams.sh", "exec 9>" + held.string() + "\necho begun >&9\nsleep 1000 &\nexec yes\n");
  const auto judgement = judged();
  EXPECT_EQ(described(judgement), "unresolved east:sanitizer-failed west:sanitizer-failed");
  EXPECT_EQ(judgement.issues[0].detail, "sanitizer.sh printed more than 64 MiB");
  // The end comes only when what it left in the background has gone, too.
  std::string said;
  std::array<char, 64> buffer;
  for (ssize_t got = 0; (got = ::read(reader, buffer.data(), buffer.size())) > 0;)
    said.append(buffer.data(), static_cast<std::size_t>(got));
  close(reader);
  EXPECT_EQ(said, "begun\nbegun\n");
}

TEST_F(LibreswanJudging, AnAnswerIsKeptUntilTextScriptsOrParametersChange) {
  // Each run leaves a line behind.
  const fs::path runs = directory_.path() / "runs";
  directory_.write("testing/default-testparams.sh", "REF_CONSOLE_FIXUPS=prompt.sed\necho >>" + runs.string() + "\n");
  const fs::path testing = directory_.path() / "testing";
  const auto ask = [&](const std::string& text) {
    const Sanitizer sanitizer(testing, directory_.path() / "cache");
    const auto parameters = read_parameters(testing, testing / "pluto/t");
    EXPECT_EQ(sanitizer.sanitize("east.console.verbose.txt", text, parameters, Unstored::run).text, text);
    EXPECT_EQ(sanitizer.sanitize("east.console.verbose.txt", text, parameters, Unstored::leave).text, text);
    return directory_.read("runs").size();
  };
  EXPECT_EQ(ask("text\n"), 1U);
  EXPECT_EQ(ask("text\n"), 1U);
  EXPECT_EQ(ask("more\n"), 2U);
  directory_.write("testing/sanitizers/numbers.sed", "s/nothing/at all/\n");
  EXPECT_EQ(ask("more\n"), 3U);
  write("testparams.sh", ". ../../default-testparams.sh\n");
  EXPECT_EQ(ask("more\n"), 4U);
  EXPECT_EQ(ask("more\n"), 4U);
}

TEST_F(LibreswanJudging, WhatNoAnswerIsStoredForIsLeftAsItIs) {
  (void)issues_with("");
  const fs::path ran = directory_.path() / "ran";
  directory_.write("testing/default-testparams.sh", "REF_CONSOLE_FIXUPS=prompt.sed\necho >>" + ran.string() + "\n");
  const auto of = [&](Unstored unstored) {
    const auto outputs = find_outputs({"testing/pluto/t"}, directory_.path(), directory_.path() / "cache", {}).outputs;
    return judge_outputs(outputs, unstored).at(0);
  };
  EXPECT_EQ(described(of(Unstored::leave)), "unresolved east:sanitizer-not-run west:sanitizer-not-run");
  EXPECT_TRUE(of(Unstored::leave).left);
  EXPECT_EQ(loaded().own_output->earlier(), std::nullopt);
  EXPECT_FALSE(fs::exists(ran));
  EXPECT_EQ(described(of(Unstored::run)), "passed");
  EXPECT_EQ(directory_.read("ran"), "\n\n");
  EXPECT_EQ(described(of(Unstored::leave)), "passed");
  EXPECT_EQ(loaded().own_output->earlier(), Verdict::passed);
  EXPECT_EQ(directory_.read("ran"), "\n\n");
}

TEST_F(LibreswanJudging, EarlierOutputMovesToTheBackupsAndOutputStays) {
  const LoadedTest test = loaded();
  write("OUTPUT/east.console.txt", "old");
  const auto run = std::chrono::system_clock::from_time_t(1'000'000'000);
  EXPECT_EQ(test.own_output->begin({run, run, run, {}, {}}), "");
  EXPECT_TRUE(fs::is_empty(directory_.path() / "testing/pluto/t/OUTPUT"));
  const fs::path backups = directory_.path() / "BACKUP/t";
  ASSERT_TRUE(fs::exists(backups));
  const fs::path first = fs::directory_iterator(backups)->path();
  EXPECT_EQ(directory_.read(first / "east.console.txt"), "old");
  write("OUTPUT/east.console.txt", "newer");
  EXPECT_EQ(test.own_output->begin({run, run, run, {}, {}}), "");
  EXPECT_EQ(directory_.read(first.string() + "-2/east.console.txt"), "newer");
}

TEST_F(LibreswanJudging, AnOutputThatIsAFileLeavesTheAttemptUnresolved) {
  write("OUTPUT", "a file");
  const LoadedTest test = loaded();
  const std::string problem = test.own_output->begin({});
  EXPECT_NE(problem.find("testing/pluto/t/OUTPUT: this is a file where a directory belongs; remove it"),
            std::string::npos)
      << problem;
  Execution none;
  none.ending = {Ending::Why::unprepared, "", problem};
  const Judgement judgement = judgement_of(test, none);
  EXPECT_EQ(judgement.verdict, Verdict::unresolved);
  EXPECT_EQ(judgement.issues.at(0).detail, problem);
  EXPECT_EQ(read("OUTPUT"), "a file");
}

TEST_F(LibreswanJudging, AnAttemptThatNeverBeganLeavesNothingOfTheOneBefore) {
  (void)issues_with("");
  const LoadedTest test = loaded();
  const auto run = std::chrono::system_clock::from_time_t(1'000'000'000);
  test.own_output->missed({run, run, run, {}, {}}, {{"east", "boot-failed", "no login prompt"}});
  EXPECT_EQ(test.own_output->earlier(), Verdict::unresolved);
  EXPECT_NE(read("OUTPUT/result.json").find("boot-failed"), std::string::npos);
  EXPECT_EQ(read("OUTPUT/RESULT").find("passed"), std::string::npos);
  const fs::path saved = fs::directory_iterator(directory_.path() / "BACKUP/t")->path();
  EXPECT_TRUE(fs::exists(saved / "east.console.verbose.txt"));
  EXPECT_EQ(find_outputs({"testing/pluto/t/OUTPUT"}, directory_.path(), {}, {}).outputs.size(), 1U);
}

TEST_F(LibreswanJudging, APreparationThatFailedIsInTheOutput) {
  const LoadedTest test = loaded();
  ASSERT_EQ(test.own_output->begin({}), "");
  Execution none;
  none.ending = {Ending::Why::unprepared, "east", "east: 'mount' exited with 32"};
  EXPECT_EQ(judgement_of(test, none).verdict, Verdict::unresolved);
  EXPECT_NE(read("OUTPUT/result.json").find("unresolved"), std::string::npos);
  EXPECT_TRUE(fs::exists(directory_.path() / "testing/pluto/t/OUTPUT/debug.log"));
}

TEST_F(LibreswanJudging, OutputThatWasCutIsNotResolved) {
  const LoadedTest test = loaded();
  ASSERT_EQ(test.own_output->begin({}), "");
  Execution ran = execution(test.test);
  ran.results.front().truncated = true;
  const Judgement judgement = judgement_of(test, ran);
  EXPECT_EQ(judgement.verdict, Verdict::unresolved);
  EXPECT_EQ(judgement.issues.back().name, "output-truncated");
  EXPECT_EQ(judgement.issues.back().host, "east");
}

TEST_F(LibreswanJudging, OutputsAreFoundByTestAndWhereTheyWereSaved) {
  (void)issues_with("");
  const fs::path root = directory_.path();
  fs::create_directories(root / "BACKUP/t");
  fs::create_directories(root / "BACKUP2/t");
  fs::copy(root / "testing/pluto/t/OUTPUT", root / "BACKUP/t/2026-01-02-030405", fs::copy_options::recursive);
  fs::copy(root / "testing/pluto/t/OUTPUT", root / "BACKUP2/t/OUTPUT", fs::copy_options::recursive);
  for (const char* path : {"testing/pluto/t", "testing/pluto/t/", "testing/pluto/t/OUTPUT", "BACKUP", "BACKUP/t",
                           "BACKUP/t/2026-01-02-030405", "BACKUP2", "BACKUP2/t/OUTPUT"}) {
    const auto outputs = find_outputs({path}, root, {}, {}).outputs;
    ASSERT_EQ(outputs.size(), 1U) << path;
    EXPECT_EQ(outputs[0].test.directory, root / "testing/pluto/t") << path;
    EXPECT_EQ(described(judge_outputs(outputs, Unstored::run)[0]), "passed") << path;
  }
  const auto wip = find_outputs({"testing/pluto"}, root, {}, {.status = "wip"});
  EXPECT_EQ(wip.outputs.size(), 3U);
  EXPECT_GT(wip.ignored.size(), 0U);
  // One of another checkout is passed over, and told of; of a single host's console one knows a test's output, too.
  fs::create_directories(root / "BACKUP/gone");
  std::ofstream(root / "BACKUP/gone/debug.log") << "";
  fs::remove(root / "BACKUP/t/2026-01-02-030405/east.console.verbose.txt");
  const auto saved = find_outputs({"BACKUP"}, root, {}, {});
  EXPECT_EQ(saved.outputs.size(), 1U);
  ASSERT_EQ(saved.passed_over.size(), 1U);
  EXPECT_NE(saved.passed_over[0].find("BACKUP/gone: there is no test of that name"), std::string::npos);
  EXPECT_THROW((void)find_outputs({"BACKUP/gone"}, root, {}, {}), core::InputError);
  EXPECT_THROW((void)find_outputs({"testing/kvm"}, root, {}, {}), core::InputError);
  EXPECT_THROW((void)find_outputs({"nosuch"}, root, {}, {}), core::InputError);
  EXPECT_TRUE(names_outputs({"testing/pluto/t"}, root));
  EXPECT_FALSE(names_outputs({"netlab/gre"}, root));
}

std::string text_diff(std::string_view before, std::string_view after, const std::string& a, const std::string& b) {
  judge::Effort effort;
  return libreswan::text_diff(before, after, a, b, effort);
}

// What difflib.unified_diff of Python 3.11 gives.
TEST(LibreswanDiff, IsWhatDifflibWrites) {
  EXPECT_EQ(text_diff("a\nb\n", "a\nb", "x", "y"), "");
  EXPECT_EQ(text_diff("a\r\nb\n", "a\nb\n", "x", "y"), "");
  EXPECT_EQ(text_diff("", "a\n", "x", "y"), "--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(text_diff("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", "a\nB\nc\nd\ne\nf\ng\nh\ni\nJ\nk\nl\n", "x", "y"),
            "--- x\n+++ y\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n@@ -7,5 +7,6 @@\n g\n h\n i\n-j\n+J\n k\n+l\n");
}

TEST(LibreswanDiff, FrequentLinesOfALongTextAreNotSearchedFor) {
  std::string before;
  std::string after = "new\n";
  for (int i = 0; i < 250; ++i) {
    before += "the same\n";
    after += "the same\n";
  }
  // Where all lines are frequent, nothing is found to be kept.
  const std::string diff = text_diff(before, after, "x", "y");
  EXPECT_TRUE(diff.starts_with("--- x\n+++ y\n@@ -1,250 +1,251 @@\n-the same\n")) << diff.substr(0, 80);
}

TEST(LibreswanDiff, ItsSearchIsBounded) {
  // Each line of one text stands a hundred times in the other, and no two runs of them are equal.
  std::string before;
  std::string after;
  for (int i = 0; i < 20'000; ++i) {
    before += std::to_string(i * 7919 % 200) + "\n";
    after += std::to_string(i * 104'729 % 211) + "\n";
  }
  judge::Effort effort;
  EXPECT_GT(libreswan::text_diff(before, after, "x", "y", effort).size(), before.size());
  EXPECT_LE(effort.refined(), judge::Effort::most_refining + before.size() + after.size());
  EXPECT_EQ(effort.needed(), 0U);
}

TEST(LibreswanDiff, LeavesOutWhatNobodyExpects) {
  judge::Effort effort;
  const std::string diff =
      libreswan::text_diff("a\n", "a\n" + std::string(judge::Effort::most_surplus + 100, '\n'), "x", "y", effort);
  EXPECT_TRUE(diff.ends_with("\n+\n+>>>>>>>>>> 100 bytes not compared <<<<<<<<<<\n")) << diff.substr(0, 100);
}

TEST(LibreswanDebugLog, IsReadWhoeverWroteIt) {
  const auto times = read_debug_log(
      "x starting debug log at 2018-08-15 13:00:12.275358\ny: stop booting domains after 56.9 seconds\n"
      "z: stop running commands after 3 seconds\nz: stop testing t (test 2 of 756) after 79.3 seconds\n"
      "ending debug log at 2018-08-15T13:01:31\n");
  ASSERT_TRUE(times.start && times.stop);
  EXPECT_EQ(*times.stop - *times.start, std::chrono::microseconds(78'724'642));
  EXPECT_EQ(times.boot, 56.9);
  EXPECT_EQ(times.test, 3.0);
  EXPECT_EQ(times.total, 79.3);
  const auto again = read_debug_log(debug_log(times, "t"));
  EXPECT_EQ(again.start, times.start);
  EXPECT_EQ(again.total, times.total);
  EXPECT_FALSE(read_debug_log("starting debug log at noon\n").start);
}

}  // namespace
}  // namespace kvmtest::suite::libreswan
