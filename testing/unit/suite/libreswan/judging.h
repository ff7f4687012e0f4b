#pragma once
// A copy of the checkout of our own making, with a test "t" of east and west.

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "../directory.h"
#include "suite/libreswan/console_files.h"
#include "suite/libreswan/judge.h"
#include "suite/loader.h"

namespace kvmtest::suite::libreswan {

inline const std::filesystem::path checkout =
    std::filesystem::path(KVMTEST_SOURCE) / "testing/unit/suite/libreswan/checkout";
inline const std::string done = mark::done;

inline Judgement judgement_of(const LoadedTest& test, const Execution& execution) {
  judge::Effort effort;
  return test.judge->judge(execution, effort);
}

class LibreswanJudging : public ::testing::Test {
 protected:
  LibreswanJudging() {
    std::filesystem::copy(checkout / "testing", directory_.path() / "testing",
                          std::filesystem::copy_options::recursive);
    write("eastinit.sh", "# a comment\necho one\n");
    write("westrun.sh", "echo two\n");
    write("final.sh", "true\n");
    write("east.console.txt", "# a comment\neast #\n echo one\none\neast #\n true\neast #\n \n");
    write("west.console.txt", "echo two\ntwo\nwest #\n true\nwest #\n \n");
  }

  void write(const std::string& file, const std::string& text) const {
    directory_.write("testing/pluto/t/" + file, text);
  }
  [[nodiscard]] std::string read(const std::string& file) const { return directory_.read("testing/pluto/t/" + file); }
  [[nodiscard]] LoadedTest loaded() const {
    LoadContext context;
    context.cache = directory_.path() / "cache";
    return load({(directory_.path() / "testing/pluto/t").string()}, context, "").at(0);
  }
  /// As if every command had printed what is expected and the post-mortem a line.
  [[nodiscard]] static Execution execution(const suite::Test& test) {
    Execution out;
    for (std::size_t i = 0; i < test.steps.size(); ++i) {
      const Step& step = test.steps[i];
      if (step.kind == StepKind::comment) continue;
      const std::string word = step.command.starts_with("echo ") ? step.command.substr(5) + "\n" : "";
      out.results.push_back({i, step.post_mortem ? "over\n" : word, 0});
    }
    return out;
  }
  [[nodiscard]] OutputJudgement judged() const {
    const Sanitizer sanitizer(directory_.path() / "testing", {});
    judge::Effort effort;
    return judge_output(judged_test(loaded().test), directory_.path() / "testing/pluto/t/OUTPUT", sanitizer,
                        Unstored::run, effort);
  }
  /// The verdict and issues once `text` is added to east's raw console, before the mark of its end.
  [[nodiscard]] std::string issues_with(const std::string& text) const {
    write("OUTPUT/east.console.verbose.txt",
          "# a comment\n[root@east t]# echo one\none\n[root@east t]# true\n[root@east t]# " + text + done);
    write("OUTPUT/west.console.verbose.txt", "echo two\ntwo\n[root@west t]# true\n[root@west t]# " + done);
    return described(judged());
  }
  static std::string described(const OutputJudgement& judgement) {
    std::string out(core::to_string(judgement.verdict));
    for (const auto& issue : judgement.issues) out += " " + issue.host + ":" + issue.name;
    return out;
  }

  testing::Directory directory_;
};

}  // namespace kvmtest::suite::libreswan
