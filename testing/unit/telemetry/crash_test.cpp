// The writer is killed in the middle of its work: what append had returned for is there, and nothing is there by half.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "../../send_signal.h"
#include "state_directory.h"
#include "telemetry/queries.h"
#include "telemetry/writer.h"

namespace kvmtest::telemetry {
namespace {

using namespace core::record;
using core::RunId;

constexpr std::uint64_t tests_a_batch = 10;
constexpr std::uint64_t batches = 1000;

std::string name(std::uint64_t test) { return "suite/test-" + std::to_string(test); }

/// Writes batches of started and judged attempts until it is killed; tells `report` after each commit.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int report) {
  Database database(path);
  Writer writer(database);
  std::vector<std::string> tests;
  for (std::uint64_t test = 0; test < batches * tests_a_batch; ++test) tests.push_back(name(test));
  const RunId run = writer.create_run(run_of(tests), at(0));
  for (std::uint64_t batch = 0; batch < batches; ++batch) {
    std::vector<Record> records;
    for (std::uint64_t i = 0; i < tests_a_batch; ++i) {
      const std::uint64_t test = batch * tests_a_batch + i;
      records.push_back(record(run, started(test + 1, name(test))));
      records.push_back(record(run, judged(test + 1, name(test))));
    }
    writer.append(records);
    const char byte = 0;
    if (::write(report, &byte, 1) != 1) _exit(1);
  }
  // Done before the kill came: still a valid end.
  while (true) pause();
}

/// Kills the writer after it reported `commits` times, and returns how often it had reported at its end.
std::uint64_t kill_after(const std::filesystem::path& path, std::uint64_t commits) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe failed");
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    write_until_killed(path, ends[1]);
  }
  close(ends[1]);
  std::uint64_t reported = 0;
  char byte = 0;
  while (reported < commits && ::read(ends[0], &byte, 1) == 1) ++reported;
  send_signal(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  while (::read(ends[0], &byte, 1) == 1) ++reported;
  close(ends[0]);
  return reported;
}

TEST(Crash, KilledBetweenOrInCommitsLosesNothingAndHalvesNothing) {
  for (const std::uint64_t commits : {1U, 7U, 40U, 180U}) {
    SCOPED_TRACE(commits);
    const StateDirectory state;
    const std::uint64_t reported = kill_after(state.database(), commits);
    ASSERT_GE(reported, commits);

    Database database(state.database());
    const auto number = [&](const char* query) {
      return static_cast<std::uint64_t>(database.connection().execAndGet(query).getInt64());
    };
    EXPECT_EQ(database.connection().execAndGet("PRAGMA integrity_check").getString(), "ok");
    const std::uint64_t judged_tests = number("SELECT count(*) FROM tests WHERE verdict = 'passed'");
    EXPECT_GE(judged_tests, reported * tests_a_batch);
    EXPECT_EQ(judged_tests % tests_a_batch, 0U);
    EXPECT_EQ(number("SELECT count(*) FROM attempts WHERE final AND verdict = 'passed'"), judged_tests);
    EXPECT_EQ(number("SELECT count(*) FROM attempts"), judged_tests);
    EXPECT_EQ(number("SELECT count(*) FROM records"), judged_tests * 2);
    EXPECT_EQ(number("SELECT max(sequence) FROM records"), judged_tests * 2);

    Queries queries(database);
    ASSERT_EQ(queries.unfinished_run(), RunId(1));
    const Resume resume = queries.resume_state(RunId(1));
    EXPECT_EQ(resume.counts.passed, judged_tests);
    EXPECT_EQ(resume.counts.undecided, batches * tests_a_batch - judged_tests);
    Writer writer(database);
    EXPECT_EQ(writer.next_attempt_id().value, judged_tests + 1);
    std::vector<Record> on{record(RunId(1), RunResumed{}),
                           record(RunId(1), judged(judged_tests + 1, name(judged_tests)))};
    writer.append(on);
    EXPECT_EQ(on[0].sequence, static_cast<std::int64_t>(judged_tests * 2 + 1));
  }
}

}  // namespace
}  // namespace kvmtest::telemetry
