#include "suite/libreswan/judge.h"

#include <array>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "suite/libreswan/console_files.h"
#include "suite/libreswan/result_files.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

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

void move_into(const fs::path& from, const fs::path& directory) {
  const fs::path to = directory / from.filename();
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return;
  // Another file system.
  fs::copy(from, to,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing | fs::copy_options::copy_symlinks);
  fs::remove_all(from);
}

class LibreswanJudge final : public Judge {
 public:
  LibreswanJudge(Test test, std::shared_ptr<Sanitizer> sanitizer)
      : test_(std::move(test)),
        judged_(judged_test(test_)),
        output_(test_.path / "OUTPUT"),
        sanitizer_(std::move(sanitizer)) {}

  /// OUTPUT itself stays where it is: a guest may have it mounted.
  [[nodiscard]] std::string begin(const Times& times) const override {
    try {
      if (fs::exists(output_) && !fs::is_directory(output_))
        return output_.string() + ": this is a file where a directory belongs; remove it";
      if (!fs::create_directory(output_)) back_up(times.run);
      return {};
    } catch (const fs::filesystem_error& error) {
      return "there is no room for the test's output: " + error.path1().string() + ": " + error.code().message();
    }
  }

  [[nodiscard]] Judgement judge(const Execution& execution) const override {
    Judgement judgement;
    try {
      if (execution.ending.why != Ending::Why::unprepared) write_consoles(execution);
      const OutputJudgement found = judge_output(judged_, output_, *sanitizer_);
      if (execution.ending.why != Ending::Why::unprepared) save_judgement(judged_, output_, found);
      judgement.verdict = found.verdict;
      judgement.issues = found.issues;
      judgement.clean = found.sanitized;
      for (const auto& [host, diff] : found.diffs) judgement.diff += diff;
    } catch (const std::exception& error) {
      judgement.verdict = ::kvmtest::core::Verdict::unresolved;
      judgement.issues.push_back({"", issue::output_missing, error.what()});
    }
    if (execution.ending.why == Ending::Why::unprepared) {
      judgement.verdict = ::kvmtest::core::Verdict::unresolved;
      judgement.issues.insert(judgement.issues.begin(),
                              {execution.ending.host, issue::output_missing, execution.ending.detail});
    }
    judgement.transcript = console_texts(test_, execution)["all"];
    return judgement;
  }

  [[nodiscard]] std::optional<::kvmtest::core::Verdict> earlier() const override {
    try {
      return judge_output(judged_, output_, *sanitizer_).verdict;
    } catch (const std::exception&) {
      return ::kvmtest::core::Verdict::unresolved;
    }
  }

 private:
  void back_up(system_clock::time_point run) const {
    const fs::path backups = test_.path.parent_path().parent_path().parent_path() / "BACKUP" / test_.name;
    fs::path directory = backups / backup_date(run);
    // A test that a run tries several times.
    for (unsigned number = 2; fs::exists(directory); ++number)
      directory = backups / (backup_date(run) + "-" + std::to_string(number));
    fs::create_directories(directory);
    for (const auto& entry : fs::directory_iterator(output_)) move_into(entry.path(), directory);
  }

  void write_consoles(const Execution& execution) const {
    for (const auto& [host, text] : console_texts(test_, execution))
      write_output_file(output_ / (host + ".console.verbose.txt"), text);
    const Times& times = execution.times;
    const auto wall = [](system_clock::time_point time) {
      return std::chrono::time_point_cast<std::chrono::microseconds>(time);
    };
    write_output_file(output_ / "debug.log", debug_log({wall(times.begin - times.resets), wall(times.end),
                                                        in_seconds(times.resets + times.script),
                                                        in_seconds(times.resets), in_seconds(times.script)},
                                                       test_.name));
  }

  const Test test_;
  const JudgedTest judged_;
  const fs::path output_;
  const std::shared_ptr<Sanitizer> sanitizer_;
};

}  // namespace

JudgedTest judged_test(const Test& test) {
  // Differences are for `patch -p1` in the checkout's own directory.
  const fs::path root = test.path.parent_path().parent_path().parent_path();
  return {test.path, test.path.lexically_relative(root).string(), test.guests, test.name, test.kind, test.status};
}

std::shared_ptr<const Judge> make_judge(Test test, std::shared_ptr<Sanitizer> sanitizer) {
  return std::make_shared<LibreswanJudge>(std::move(test), std::move(sanitizer));
}

}  // namespace kvmtest::suite::libreswan
