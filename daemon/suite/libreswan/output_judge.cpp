#include "suite/libreswan/output_judge.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <system_error>

#include "suite/libreswan/beneath.h"
#include "suite/libreswan/console_files.h"
#include "suite/libreswan/contains.h"
#include "suite/libreswan/log_scan.h"
#include "suite/libreswan/text_diff.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using ::kvmtest::core::Verdict;

bool has_core(std::string_view text) { return contains(text, "\nCORE FOUND") || contains(text, "\rCORE FOUND"); }

/// Whether a byte is neither printable ASCII nor one of `allowed`.
bool has_control(std::string_view text, std::string_view allowed) {
  return std::any_of(text.begin(), text.end(),
                     [&](char c) { return (c < ' ' || c > '~') && allowed.find(c) == std::string_view::npos; });
}

bool has_call_trace(const std::string& text) {
  static const RE2 pattern(R"(\[ *[0-9]+\.[0-9]+\] Call Trace:)", RE2::Latin1);
  return contains(text, "Call Trace:") && RE2::PartialMatch(text, pattern);
}

constexpr std::size_t longest_shown = 100;  // bytes of a line in an issue's detail

std::string shown(std::string_view line) {
  std::string out;
  for (const char c : line.substr(0, longest_shown)) out += c >= ' ' && c <= '~' ? c : '?';
  return "'" + out + (line.size() > longest_shown ? "…" : "") + "'";
}

/// The first line that is not as expected, for a person.
std::string first_difference(std::string_view expected, std::string_view actual) {
  for (unsigned number = 1;; ++number) {
    const std::string_view a = expected.substr(0, expected.find('\n'));
    const std::string_view b = actual.substr(0, actual.find('\n'));
    const std::string line = "line " + std::to_string(number) + ": ";
    if (expected.empty() && actual.empty()) return "line ends differ";
    if (expected.empty()) return line + "more output than expected: " + shown(b);
    if (actual.empty()) return line + "the output ends, expected " + shown(a);
    if (a != b) return line + "expected " + shown(a) + ", got " + shown(b);
    expected.remove_prefix(std::min(a.size() + 1, expected.size()));
    actual.remove_prefix(std::min(b.size() + 1, actual.size()));
  }
}

class OutputJudging {
 public:
  OutputJudging(const JudgedTest& test, const base::OpenDirectory& output, const Sanitizer& sanitizer,
                Unstored unstored, judge::Effort& effort)
      : test_(test), output_(output), sanitizer_(sanitizer), unstored_(unstored), effort_(effort) {
    for (const Guest& guest : test.guests) hosts_.push_back(guest.host);
    sanitized_ = verified_ = hosts_;
    if (std::error_code ignored; fs::exists(test.directory / "all.console.txt", ignored)) {
      verified_ = {"all"};
      sanitized_.emplace_back("all");
    }
  }

  OutputJudgement judge() {
    out_.verdict = Verdict::passed;
    for (const std::string& host : hosts_) judge_log(host);
    for (const std::string& host : verified_) judge_raw(host);
    for (const std::string& host : sanitized_) sanitize(host);
    for (const std::string& host : verified_) compare(host);
    return std::move(out_);
  }

 private:
  void add(const std::string& host, const char* name, std::string detail = {}) {
    out_.verdict = ::kvmtest::core::worse(out_.verdict, verdict_of(name));
    const bool there = std::any_of(out_.issues.begin(), out_.issues.end(),
                                   [&](const auto& known) { return known.host == host && known.name == name; });
    if (!there) out_.issues.push_back({host, name, std::move(detail)});
  }

  void judge_log(const std::string& host) {
    const std::string file = host + ".pluto.log";
    if (!output_.kind(file)) return;
    LogFindings found;
    try {
      found = scan_log(output_.open_file(file).number());
    } catch (const std::system_error& error) {
      return add(host, issue::output_missing, error.what());
    }
    const std::string where = "in " + file;
    if (found.assertion) add(host, issue::assertion, where);
    if (found.expectation) add(host, issue::expectation, where);
    if (found.printf_null) add(host, issue::printf_null, where);
    if (found.control) add(host, issue::iscntrl, where);
    if (found.leak) add(host, issue::leak, where);
    if (!found.whole)
      add(host, issue::output_truncated,
          file + " is larger than " + std::to_string(largest_log >> 20U) + " MiB: no more of it was looked at");
  }

  /// A console as it was printed. Nothing: it is not there, or cannot be read, which is told.
  std::optional<std::string> raw_text(const std::string& host) {
    try {
      return read_whole(output_, raw_name(host));
    } catch (const base::FileError& error) {
      add(host, issue::output_missing, error.what());
      return std::nullopt;
    }
  }

  void judge_raw(const std::string& host) {
    auto text = raw_text(host);
    if (!text) return add(host, issue::output_missing, "there is no " + raw_name(host));
    const std::string& raw = raw_[host] = std::move(*text);
    if (has_core(raw)) add(host, issue::core);
    const std::array<std::pair<const char*, const char*>, 6> words{{{"SEGFAULT", issue::segfault},
                                                                    {"GPFAULT", issue::gpfault},
                                                                    {"ASSERTION FAILED", issue::assertion},
                                                                    {"EXPECTATION FAILED", issue::expectation},
                                                                    {"(null)", issue::printf_null},
                                                                    {"FAIL: reference counts", issue::refcnt}}};
    for (const auto& [word, name] : words)
      if (contains(raw, word)) add(host, name);
    for (const char* name : {issue::timeout, issue::eof, issue::exception}) {
      const auto at = raw.find(std::string(mark::left) + " " + name);
      if (at == std::string::npos) continue;
      const std::string line = raw.substr(at, raw.find('\n', at) - at);
      add(host, name, shown(line.substr(0, line.find(mark::done))));
    }
    if (!contains(raw, mark::done)) {
      add(host, issue::output_truncated, raw_name(host) + " has no mark of its end");
      truncated_ = true;
    }
  }

  void sanitize(const std::string& host) {
    if (!raw_.contains(host)) {
      auto text = raw_text(host);
      if (!text) return;
      raw_[host] = std::move(*text);
    }
    auto answer = sanitizer_.sanitize(raw_name(host), raw_.at(host), test_.parameters, unstored_, effort_.descriptor());
    out_.left = out_.left || answer.left;
    if (answer.left) return add(host, issue::sanitizer_not_run, answer.error);
    if (!answer.text) return add(host, issue::sanitizer_failed, answer.error);
    out_.sanitized[host] = std::move(*answer.text);
  }

  void compare(const std::string& host) {
    const auto found = out_.sanitized.find(host);
    if (found == out_.sanitized.end()) return;
    const std::string& text = found->second;
    if (contains(text, "(null)")) add(host, issue::printf_null);
    if (has_control(text, "\r\n\t")) add(host, issue::iscntrl);
    if (has_call_trace(text)) add(host, issue::kernel);
    const std::string file = host + ".console.txt";
    std::optional<std::string> expected;
    try {
      expected = read_beneath(sanitizer_.testing(), test_.directory / file);
    } catch (const base::FileError& error) {
      return add(host, issue::output_unchecked, error.what());
    }
    if (!expected)
      return add(host, issue::output_unchecked, "there is no expected output, " + test_.label + "/" + file);
    const std::string path = test_.label + "/" + file;
    std::string& diff = out_.diffs[host] = text_diff(*expected, text, "MAIN/" + path, "OUTPUT/" + path, effort_);
    // What is missing at its end is no difference to speak of.
    if (truncated_ || diff.empty()) return;
    add(host, same_but_for_blanks(*expected, text) ? issue::output_whitespace : issue::output_different,
        first_difference(*expected, text));
  }

  [[nodiscard]] static std::string raw_name(const std::string& host) { return host + ".console.verbose.txt"; }

  const JudgedTest& test_;
  const base::OpenDirectory& output_;
  const Sanitizer& sanitizer_;
  const Unstored unstored_;
  judge::Effort& effort_;
  std::vector<std::string> hosts_;
  std::vector<std::string> verified_;
  std::vector<std::string> sanitized_;
  std::map<std::string, std::string> raw_;
  bool truncated_ = false;
  OutputJudgement out_;
};

}  // namespace

Verdict verdict_of(const std::string& issue_name) {
  static const std::set<std::string> open{issue::output_missing,   issue::eof,
                                          issue::exception,        issue::output_truncated,
                                          issue::sanitizer_failed, issue::sanitizer_not_run};
  return open.contains(issue_name) ? Verdict::unresolved : Verdict::failed;
}

OutputJudgement judge_output(const JudgedTest& test, const fs::path& output, const Sanitizer& sanitizer,
                             Unstored unstored, judge::Effort& effort) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(output, ignored))) return {};
  try {
    return OutputJudging(test, open_unlinked(output), sanitizer, unstored, effort).judge();
  } catch (const base::FileError& error) {
    OutputJudgement judgement;
    judgement.verdict = verdict_of(issue::output_missing);
    judgement.issues.push_back({"", issue::output_missing, error.what()});
    return judgement;
  }
}

}  // namespace kvmtest::suite::libreswan
