#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "settings/input_file.h"
#include "suite/files.h"
#include "suite/program.h"
#include "suite/shelf.h"
#include "suite/transcript.h"

namespace kvmtest::suite {

namespace {

namespace fs = std::filesystem;

/// Keeps the text alone, and parses it once more.
class TranscriptJudge final : public Judge {
 public:
  TranscriptJudge(std::string text, std::string label, const Test& test)
      : text_(std::move(text)), label_(std::move(label)), name_(test.name), path_(test.path) {}
  [[nodiscard]] Judgement judge(const Execution& execution, judge::Effort& effort) const override {
    return judge_transcript(transcript(), execution, effort);
  }
  [[nodiscard]] std::optional<std::string> accept(const Execution& execution) const override {
    return suite::accept(transcript(), execution);
  }
  [[nodiscard]] std::optional<JudgeAway> put_away(base::Spool& spool) const override {
    return JudgeAway{spool.put(label_ + '\0' + text_), [](const Test& test, std::string kept) {
                       const std::size_t end = kept.find('\0');
                       std::shared_ptr<const Judge> judge =
                           std::make_shared<TranscriptJudge>(kept.substr(end + 1), kept.substr(0, end), test);
                       return judge;
                     }};
  }

 private:
  [[nodiscard]] Transcript transcript() const {
    Transcript transcript = parse_transcript(text_, label_, name_);
    transcript.test.path = path_;
    return transcript;
  }

  const std::string text_;
  const std::string label_;
  const TestName name_;
  const fs::path path_;
};

bool is_test_file(const fs::path& path) {
  std::error_code ignored;
  return path.extension() == transcript_suffix && !path.stem().empty() && fs::is_regular_file(path, ignored) &&
         !is_script(path);
}

// The file, when `path` names one, with or without its suffix; else empty.
fs::path file_of(const fs::path& path) {
  if (is_test_file(path)) return path;
  fs::path with_suffix = path;
  with_suffix += transcript_suffix;
  return is_test_file(with_suffix) ? with_suffix : fs::path{};
}

class TranscriptFormat final : public Format {
 public:
  [[nodiscard]] std::string_view name() const override { return "transcript"; }
  [[nodiscard]] bool shares_directories() const override { return true; }

  [[nodiscard]] bool recognizes(const fs::path& path) const override {
    if (!file_of(path).empty()) return true;
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return false;
    bool found = false;
    walk(path, is_test_file, [&](const fs::path&) {
      found = true;
      return false;
    });
    return found;
  }

  [[nodiscard]] std::vector<LoadedTest> load(const fs::path& path, const LoadContext& context) const override {
    std::vector<LoadedTest> tests;
    const fs::path file = file_of(path);
    std::error_code ignored;
    if (!file.empty()) {
      tests.push_back(load_file(file, context));
    } else if (fs::is_directory(path, ignored)) {
      walk(path, is_test_file, [&](const fs::path& found) {
        tests.push_back(load_file(found, context));
        return true;
      });
    }
    if (tests.empty()) throw core::InputError({label_of(path, context.base)}, "no tests (*.test) are here");
    std::sort(tests.begin(), tests.end(), [](const LoadedTest& a, const LoadedTest& b) {
      return std::tie(a.test.name, a.test.path) < std::tie(b.test.name, b.test.path);
    });
    return tests;
  }

 private:
  static LoadedTest load_file(const fs::path& file, const LoadContext& context) {
    const fs::path label = label_of(file, context.base);
    const TestName name = test_name_of(file, file.stem().string(), label);
    std::string text = settings::read_input_file(file, label, "the test");
    Test test = parse_transcript(text, label, name, context.known_hosts).test;
    test.path = file;
    auto judge = std::make_shared<TranscriptJudge>(std::move(text), label.string(), test);
    return put_away({std::move(test), std::move(judge)}, context);
  }
};

}  // namespace

const Format& transcript_format() {
  static const TranscriptFormat format;
  return format;
}

}  // namespace kvmtest::suite
