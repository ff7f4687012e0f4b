#include <algorithm>
#include <map>
#include <stdexcept>

#include "settings/values.h"
#include "suite/header.h"
#include "suite/transcript.h"
#include "suite/transcript_line.h"
#include "suite/words.h"

namespace kvmtest::suite {

namespace {

using core::did_you_mean;

bool is_shell_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// One pass over the lines; a line is known by where it stands.
class Parser {
 public:
  Parser(std::string_view text, const std::filesystem::path& path, TestName name, const std::set<std::string>* known)
      : known_(known) {
    out_.text = text;
    out_.label = path.string();
    out_.test.path = path;
    out_.test.name = std::move(name);
  }

  Transcript parse() {
    read_header();
    while (next()) read_line();
    close_step();
    if (out_.test.steps.empty()) fail(std::max(number_, 1U), "the test has no command; one looks like 'east# ip link'");
    return std::move(out_);
  }

 private:
  enum class State { between, after_command, expecting };

  [[noreturn]] void fail(unsigned line, const std::string& message) const {
    throw core::InputError({out_.label, line}, message);
  }
  [[noreturn]] void fail(const std::string& message) const { fail(number_, message); }
  [[nodiscard]] std::string origin(std::string_view what) const {
    return core::Place{out_.label, number_}.text() + ": " + std::string(what);
  }

  bool next() {
    if (end_ >= out_.text.size()) return false;
    begin_ = end_;
    const std::size_t feed = out_.text.find('\n', begin_);
    end_ = feed == std::string::npos ? out_.text.size() : feed + 1;
    line_ = std::string_view(out_.text).substr(begin_, (feed == std::string::npos ? end_ : feed) - begin_);
    ++number_;
    if (line_.ends_with('\r'))
      fail("the line ends in CR LF; a test's lines end in LF (write a printed CR as \\r with (esc))");
    return true;
  }

  void read_header() {
    if (!next() || !line_.starts_with('#') || trimmed(line_.substr(1)).empty()) {
      fail(1, "a test begins with its title: '# what it tests'");
    }
    const std::string_view title = trimmed(line_.substr(1));
    const std::string key = header_key(title);
    if (is_header_key(key)) fail("the first line is the title; '" + key + ":' comes after it");
    out_.test.title = title;
    out_.header_end = end_;
    Header header(out_.test, known_, out_.label);
    while (end_ < out_.text.size() && out_.text[end_] == '#') {
      next();
      header.read(trimmed(line_.substr(1)), number_);
      out_.header_end = end_;
    }
    if (out_.test.hosts.empty()) fail("the header does not say which hosts the test needs: '# hosts: east west'");
  }

  void read_line() {
    if (const auto command = command_line(line_)) {
      close_step();
      return read_command(*command);
    }
    if (state_ == State::after_command && is_continuation(line_)) return read_continuation();
    if (line_.empty()) {
      if (state_ != State::between) state_ = State::expecting;
      ++blanks_;
      return;
    }
    if (line_.starts_with('#') && (state_ == State::between || blanks_ > 0)) return close_step();
    if (state_ == State::between) {
      fail(
          "this line belongs to no command: neither 'host# command' nor '# comment', nor output right after a command");
    }
    for (; blanks_ > 0; --blanks_) add_expected("", number_ - blanks_);
    add_expected(line_, number_);
    out_.expectations.back().body.end = end_;
    last_number_ = number_;
    state_ = State::expecting;
  }

  void add_expected(std::string_view text, unsigned line) {
    // A status is known only once nothing follows it; as a pattern it means itself, so it can wait here.
    try {
      out_.expectations.back().lines.push_back(judge::parse_expected(std::string(text)));
    } catch (const std::invalid_argument& error) {
      fail(line, error.what());
    }
    if (text.ends_with(" (no-eol)")) no_eol_.push_back(line);
  }

  void read_command(const CommandLine& parts) {
    Step step;
    step.host = parts.host;
    step.line = number_;
    step.command = trimmed(parts.command).empty() ? std::string_view{} : parts.command;
    if (std::find(out_.test.hosts.begin(), out_.test.hosts.end(), step.host) == out_.test.hosts.end()) {
      fail("host '" + step.host + "' is not in the test's '# hosts:'" + did_you_mean(step.host, out_.test.hosts) +
           "; if this is output, write it with (esc) and \\x23 for the '#'");
    }
    if (parts.options) read_options(*parts.options, step);
    if (step.kind == StepKind::collect) {
      if (!step.command.empty())
        fail("collect takes no command; it is the background command's output that comes here");
    } else if (step.command.empty() && step.kind != StepKind::reboot) {
      fail("there is no command after '" + step.host + "#'");
    }
    note_background(step);
    out_.test.steps.push_back(std::move(step));
    Expectation expectation;
    expectation.head = {begin_, end_};
    expectation.body = {end_, end_};
    out_.expectations.push_back(std::move(expectation));
    head_number_ = number_;
    state_ = State::after_command;
  }

  void read_continuation() {
    Step& step = out_.test.steps.back();
    if (step.kind == StepKind::collect)
      fail("collect takes no command; it is the background command's output that comes here");
    step.command += '\n';
    if (line_.size() > 2) step.command += line_.substr(2);
    out_.expectations.back().head.end = end_;
    out_.expectations.back().body = {end_, end_};
    head_number_ = number_;
  }

  void read_options(std::string_view text, Step& step) {
    std::set<std::string> seen;
    std::string kind;
    for (;;) {
      const std::size_t comma = std::min(text.find(','), text.size());
      const std::vector<std::string> option = words(text.substr(0, comma));
      if (option.empty()) fail("an option is missing between the parentheses");
      if (!seen.insert(option[0]).second) fail("option '" + option[0] + "' is given twice");
      if (read_option(option, step)) {
        if (!kind.empty()) fail("a command is either '" + kind + "' or '" + option[0] + "', not both");
        kind = option[0];
      }
      if (comma == text.size()) break;
      text.remove_prefix(comma + 1);
    }
    if (seen.contains("until") && seen.contains("timeout")) fail("until has its time limit already; leave out timeout");
    if (seen.contains("background") && seen.contains("timeout")) {
      fail("a background command has no time limit; give it where its output is collected");
    }
  }

  /// Whether the option says of what kind the step is.
  bool read_option(const std::vector<std::string>& option, Step& step) {
    static const std::vector<std::string> names{"background", "collect", "reboot", "requires", "timeout", "until"};
    const std::string& word = option[0];
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      fail("unknown option '" + word + "'" + did_you_mean(word, names) + "; there are " + joined(names));
    }
    if (word == "requires" || word == "reboot") {
      if (option.size() != 1) fail("option '" + word + "' takes nothing after it");
      step.kind = word == "reboot" ? StepKind::reboot : StepKind::requires_;
      return true;
    }
    const bool named = word == "background" || word == "collect";
    if (option.size() != 2)
      fail("option '" + word + "' takes " + (named ? "a name: " + word + " server" : "a time: " + word + " 5s"));
    if (named) {
      if (!is_shell_name(option[1])) {
        fail("'" + option[1] + "' is not a name for a background command; letters, digits and _ only, no digit first");
      }
      step.kind = word == "collect" ? StepKind::collect : StepKind::background;
      step.name = option[1];
      return true;
    }
    step.limit = settings::parse_duration(option[1], origin(word));
    if (word == "until") step.kind = StepKind::until;
    return word == "until";
  }

  struct Background {
    std::string host;
    unsigned line = 0;
    unsigned collected = 0;  // line
    unsigned rebooted = 0;   // line; it went with its machine
  };

  void note_background(const Step& step) {
    if (step.kind == StepKind::background) {
      const auto [first, fresh] = backgrounds_.emplace(step.name, Background{step.host, step.line});
      if (!fresh)
        fail("background '" + step.name + "' was started in line " + std::to_string(first->second.line) + " already");
    }
    if (step.kind == StepKind::reboot)
      for (auto& [name, background] : backgrounds_)
        if (background.host == step.host && background.rebooted == 0) background.rebooted = step.line;
    if (step.kind != StepKind::collect) return;
    const auto found = backgrounds_.find(step.name);
    if (found == backgrounds_.end()) {
      std::vector<std::string> names;
      for (const auto& item : backgrounds_) names.push_back(item.first);
      fail("background '" + step.name + "' was not started before this line" + did_you_mean(step.name, names));
    }
    Background& background = found->second;
    if (background.host != step.host) {
      fail("background '" + step.name + "' was started on " + background.host + ", in line " +
           std::to_string(background.line) + "; collect it there");
    }
    if (background.collected != 0) {
      fail("background '" + step.name + "' was collected in line " + std::to_string(background.collected) + " already");
    }
    if (background.rebooted != 0) {
      fail("background '" + step.name + "' ended when " + step.host + " rebooted, in line " +
           std::to_string(background.rebooted));
    }
    background.collected = step.line;
  }

  /// The expectation is complete: its last line may be the status, blank lines after it separate.
  void close_step() {
    if (state_ != State::between) {
      Expectation& expectation = out_.expectations.back();
      if (!expectation.lines.empty() && is_status(expectation.lines.back().text)) {
        take_status(expectation);
      }
      check_no_eol(expectation);
      const Step& step = out_.test.steps.back();
      if (step.kind == StepKind::background && expectation.body.begin != expectation.body.end) {
        fail(head_number_ + 1, "a background command has no output here; it comes where '" + step.name +
                                   "' is collected: " + step.host + "(collect " + step.name + ")#");
      }
      if (step.kind == StepKind::reboot && (!expectation.lines.empty() || expectation.status.value_or(0) != 0)) {
        fail(head_number_ + 1,
             "a reboot has no output here: what the machine prints while it goes down and comes up is "
             "not looked at");
      }
      if (step.kind == StepKind::requires_ && expectation.status != 0) {
        fail(last_number_, "requires means status 0; anything else makes the test unsupported");
      }
    }
    state_ = State::between;
    blanks_ = 0;
    no_eol_.clear();
  }

  void take_status(Expectation& expectation) {
    const std::string text = expectation.lines.back().text;
    expectation.lines.pop_back();
    if (text == "[*]") {
      expectation.status = std::nullopt;
    } else if (text.size() > 5 || std::stoi(text.substr(1)) > 255) {
      fail(last_number_, "exit status " + text + " is not from 0 to 255");
    } else {
      expectation.status = std::stoi(text.substr(1));
    }
  }

  void check_no_eol(const Expectation& expectation) {
    if (no_eol_.empty()) return;
    const bool at_end = no_eol_.size() == 1 && !expectation.lines.back().newline;
    if (!at_end) fail(no_eol_.front(), "(no-eol) is for the last line of an output");
  }

  const std::set<std::string>* known_;
  Transcript out_;
  std::string_view line_;  // the current one, without its line feed
  unsigned number_ = 0;
  unsigned head_number_ = 0;  // of the last line of the current step's command
  unsigned last_number_ = 0;  // of the last line of its expectation
  std::size_t begin_ = 0;     // of the current line in the text
  std::size_t end_ = 0;       // behind it, line feed included
  State state_ = State::between;
  unsigned blanks_ = 0;           // empty lines since the last other one
  std::vector<unsigned> no_eol_;  // lines of the current expectation
  std::map<std::string, Background> backgrounds_;
};

}  // namespace

Transcript parse_transcript(std::string_view text, const std::filesystem::path& path, TestName name,
                            const std::set<std::string>* known_hosts) {
  return Parser(text, path, std::move(name), known_hosts).parse();
}

}  // namespace kvmtest::suite
