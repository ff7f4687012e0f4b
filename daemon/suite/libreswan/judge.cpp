#include "suite/libreswan/judge.h"

#include <array>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/plain_copy.h"
#include "suite/libreswan/beneath.h"
#include "suite/libreswan/console_files.h"
#include "suite/libreswan/result_files.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using base::OpenDirectory;
using ::kvmtest::core::Issue;
using ::kvmtest::core::Verdict;
using std::chrono::system_clock;

constexpr const char* output_name = "OUTPUT";

/// As libreswan's backups are named: local time.
std::string backup_date(system_clock::time_point time) {
  const std::time_t seconds = system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d-%H%M%S", &parts);
  return text.data();
}

double in_seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

class LibreswanJudge final : public Judge, public OwnOutput {
 public:
  LibreswanJudge(Test test, std::shared_ptr<const Sanitizer> sanitizer)
      : test_(std::move(test)), judged_(judged_test(test_)), sanitizer_(std::move(sanitizer)) {}

  /// OUTPUT itself stays where it is: a guest may have it mounted.
  [[nodiscard]] std::string begin(const Times& times) const override {
    try {
      const OpenDirectory test = open_unlinked(test_.path);
      const auto kind = test.kind(output_name);
      if (kind && kind != OpenDirectory::Kind::directory)
        return (test_.path / output_name).string() + ": this is " +
               (kind == OpenDirectory::Kind::link ? "a link" : "a file") + " where a directory belongs; remove it";
      if (!kind)
        (void)test.make_new(output_name);
      else
        back_up(test.open(output_name), times.run);
      return {};
    } catch (const std::system_error& error) {
      return std::string("there is no room for the test's output: ") + error.what();
    }
  }

  [[nodiscard]] std::vector<std::string> take(const OpenDirectory& share) const override {
    return base::copy_plain(share, output());
  }

  [[nodiscard]] Judgement judge(const Execution& execution, judge::Effort& effort) const override {
    Judgement judgement;
    const bool unprepared = execution.ending.why == Ending::Why::unprepared;
    const Issue why_not{execution.ending.host, issue::output_missing, execution.ending.detail};
    // Without a host it was begin() that found no room, and what lies there is another attempt's.
    const bool room = !unprepared || !execution.ending.host.empty();
    try {
      if (!unprepared) write_consoles(execution);
      if (room) write_log(execution.times);
      OutputJudgement found = judge_output(judged_, path(), *sanitizer_, Unstored::run, effort);
      if (unprepared) found.issues.insert(found.issues.begin(), why_not);
      if (unprepared) found.verdict = Verdict::unresolved;
      add_truncated(execution, found);
      if (room) save_judgement(judged_, output(), found);
      judgement.verdict = found.verdict;
      judgement.issues = found.issues;
      judgement.clean = found.sanitized;
      for (const auto& [host, diff] : found.diffs) judgement.diff += diff;
    } catch (const std::exception& error) {
      judgement.verdict = Verdict::unresolved;
      if (unprepared) judgement.issues.push_back(why_not);
      judgement.issues.push_back({"", issue::output_missing, error.what()});
    }
    judgement.transcript = console_texts(test_, execution)["all"];
    return judgement;
  }

  void missed(const Times& times, const std::vector<Issue>& issues) const override {
    if (!begin(times).empty()) return;
    try {
      write_log(times);
      judge::Effort effort;
      OutputJudgement found = judge_output(judged_, path(), *sanitizer_, Unstored::run, effort);
      found.verdict = Verdict::unresolved;
      found.issues.insert(found.issues.begin(), issues.begin(), issues.end());
      save_judgement(judged_, output(), found);
    } catch (const std::exception&) {
      // Without them it is unresolved as well: its consoles are missing.
    }
  }

  [[nodiscard]] std::optional<Verdict> earlier() const override {
    try {
      judge::Effort effort;
      const OutputJudgement found = judge_output(judged_, path(), *sanitizer_, Unstored::leave, effort);
      return found.left ? std::nullopt : std::optional(found.verdict);
    } catch (const std::exception&) {
      return Verdict::unresolved;
    }
  }

 private:
  void add_truncated(const Execution& execution, OutputJudgement& found) const {
    for (const StepResult& result : execution.results) {
      if (!result.truncated) continue;
      const std::string& host = test_.steps.at(result.step).host;
      found.issues.push_back({host, issue::output_truncated,
                              "'" + test_.steps.at(result.step).command + "' printed more than limits.capture keeps"});
      found.verdict = worse(found.verdict, verdict_of(issue::output_truncated));
    }
  }

  [[nodiscard]] std::filesystem::path path() const { return test_.path / output_name; }
  [[nodiscard]] OpenDirectory output() const { return open_unlinked(path()); }

  void back_up(const OpenDirectory& output, system_clock::time_point run) const {
    const auto entries = output.list();
    const OpenDirectory backups = open_unlinked(test_.path.parent_path().parent_path().parent_path())
                                      .make(std::filesystem::path("BACKUP") / test_.name.path());
    std::string name = backup_date(run);
    // A test that a run tries several times.
    for (unsigned number = 2; backups.kind(name); ++number) name = backup_date(run) + "-" + std::to_string(number);
    const OpenDirectory directory = backups.make_new(name);
    try {
      for (const auto& entry : entries) output.move(entry.name, directory, entry.name);
    } catch (const base::FileError& error) {
      if (error.code() != std::errc::cross_device_link) throw;
      (void)base::copy_plain(output, directory);
      for (const auto& entry : entries) output.remove(entry.name);
    }
  }

  void write_consoles(const Execution& execution) const {
    const OpenDirectory directory = output();
    for (const auto& [host, text] : console_texts(test_, execution))
      put_file(directory, host + ".console.verbose.txt", text);
  }

  void write_log(const Times& times) const {
    const auto wall = [](system_clock::time_point time) {
      return std::chrono::time_point_cast<std::chrono::microseconds>(time);
    };
    put_file(output(), "debug.log",
             debug_log({wall(times.begin - times.resets), wall(times.end), in_seconds(times.resets + times.script),
                        in_seconds(times.resets), in_seconds(times.script)},
                       test_.name));
  }

  const Test test_;
  const JudgedTest judged_;
  const std::shared_ptr<const Sanitizer> sanitizer_;
};

}  // namespace

JudgedTest judged_test(const Test& test) {
  // Differences are for `patch -p1` in the checkout's own directory.
  const fs::path root = test.path.parent_path().parent_path().parent_path();
  return {test.path,
          test.path.lexically_relative(root).string(),
          guests_of(test),
          test.name,
          test.value(attribute::kind),
          test.value(attribute::status),
          read_parameters(test.path.parent_path().parent_path(), test.path)};
}

LoadedTest with_judge(Test test, std::shared_ptr<const Sanitizer> sanitizer) {
  auto judge = std::make_shared<LibreswanJudge>(test, std::move(sanitizer));
  return {std::move(test), judge, judge};
}

}  // namespace kvmtest::suite::libreswan
