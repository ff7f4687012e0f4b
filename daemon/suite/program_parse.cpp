#include <algorithm>
#include <array>
#include <map>

#include "settings/values.h"
#include "suite/header.h"
#include "suite/program.h"
#include "suite/words.h"

namespace kvmtest::suite {
namespace {

/// How comments begin, in what languages a test may be written in.
constexpr std::array<std::string_view, 4> comment_marks{"#", "//", "--", ";"};

/// The comment's text; none: the line is something else.
std::optional<std::string_view> comment_of(std::string_view line) {
  for (const std::string_view mark : comment_marks)
    if (line.starts_with(mark)) return trimmed(line.substr(mark.size()));
  return std::nullopt;
}

/// What stands at the top of many files and says nothing of what they test.
bool is_boilerplate(std::string_view comment) {
  return comment.starts_with("-*-") || comment.starts_with("SPDX-") || comment.starts_with("vim:");
}

}  // namespace

std::optional<Test> parse_program(std::string_view text, const std::filesystem::path& path, TestName name,
                                  const std::set<std::string>* known_hosts) {
  Test test;
  test.name = std::move(name);
  test.path = path;
  Header header(test, known_hosts, path.string(), Header::Unknown::text);
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if ((number == 1 && line.starts_with("#!")) || trimmed(line).empty()) continue;
    const auto comment = comment_of(line);
    if (!comment) break;
    if (!header.read(*comment, number) && test.title.empty() && !is_boilerplate(*comment)) test.title = *comment;
  }
  if (test.hosts.empty()) return std::nullopt;
  return test;
}

namespace {

class ListParser {
 public:
  ListParser(const std::filesystem::path& path, const std::string& suite, const std::filesystem::path& directory,
             const std::set<std::string>* known_hosts)
      : label_(path.string()), path_(path), suite_(suite), directory_(directory), known_hosts_(known_hosts) {}

  std::vector<Test> parse(std::string_view text) {
    bool at_top = true;
    Header header(common_, known_hosts_, label_);
    while (!text.empty()) {
      const std::string_view line = trimmed(take_line(text));
      ++number_;
      const bool comment = line.starts_with('#');
      at_top = at_top && comment;
      if (line.empty()) continue;
      if (!comment) {
        read(line);
      } else if (at_top && !header.read(trimmed(line.substr(1)), number_) && common_.title.empty()) {
        common_.title = trimmed(line.substr(1));
      }
    }
    if (tests_.empty()) fail("the list has no test; one looks like 'name: command'");
    return std::move(tests_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw core::InputError({label_, number_}, message); }

  /// "name(options): command".
  void read(std::string_view line) {
    const std::size_t end = line.find_first_of("(:");
    const std::string name(trimmed(line.substr(0, end)));
    check_name(name);
    Test test = common_;
    line.remove_prefix(std::min(end, line.size()));
    if (line.starts_with('(')) {
      const std::size_t close = line.find(')');
      if (close == std::string_view::npos) fail("the options of '" + name + "' have no ')'");
      read_options(line.substr(1, close - 1), test);
      line.remove_prefix(close + 1);
    }
    if (!line.starts_with(':')) fail("after '" + name + "' comes ': command'");
    line = trimmed(line.substr(1));
    if (line.empty()) fail("there is no command after '" + name + ":'");
    if (test.hosts.empty())
      fail("nothing says which hosts '" + name + "' needs: '# hosts: east west' at the top of the list, or '" + name +
           "(hosts east west): …'");
    test.name = test_name(suite_ + "/" + name, path_, number_);
    test.path = path_;
    if (test.title.empty()) test.title = line;
    test.program = Program{{"/bin/sh", "-c", std::string(line)}, directory_};
    tests_.push_back(std::move(test));
  }

  void check_name(const std::string& name) {
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("._-+").find(c) != std::string_view::npos;
    };
    if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), fits))
      fail("a line is 'name: command', or 'name(options): command'; a name has letters, digits and . _ - + only");
    const auto [first, fresh] = names_.emplace(name, number_);
    if (!fresh) fail("'" + name + "' is in line " + std::to_string(first->second) + " already");
  }

  void read_options(std::string_view text, Test& test) {
    static const std::vector<std::string> known{"hosts", "tags", "timeout"};
    std::set<std::string> seen;
    for (;;) {
      const std::size_t comma = std::min(text.find(','), text.size());
      const std::string_view option = trimmed(text.substr(0, comma));
      const std::string key(option.substr(0, option.find_first_of(" \t")));
      const std::string_view value = trimmed(option.substr(key.size()));
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail("unknown option '" + key + "'" + core::did_you_mean(key, known) + "; there are " + joined(known));
      if (!seen.insert(key).second) fail("option '" + key + "' is given twice");
      if (value.empty()) fail("option '" + key + "' has no value");
      if (key == "hosts") {
        test.hosts.clear();
        Header(test, known_hosts_, label_).read_hosts(value, number_);
      } else if (key == "tags") {
        test.tags = words(value);
      } else {
        test.limit = settings::parse_duration(value, core::Place{label_, number_}.text() + ": timeout");
      }
      if (comma == text.size()) break;
      text.remove_prefix(comma + 1);
    }
  }

  std::string label_;
  const std::filesystem::path& path_;
  const std::string& suite_;
  const std::filesystem::path& directory_;
  const std::set<std::string>* known_hosts_;
  Test common_;  ///< what the header says of all
  unsigned number_ = 0;
  std::map<std::string, unsigned> names_;
  std::vector<Test> tests_;
};

}  // namespace

std::vector<Test> parse_list(std::string_view text, const std::filesystem::path& path, const std::string& suite,
                             const std::filesystem::path& directory, const std::set<std::string>* known_hosts) {
  return ListParser(path, suite, directory, known_hosts).parse(text);
}

}  // namespace kvmtest::suite
