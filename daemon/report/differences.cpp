#include "report/differences.h"

#include <fmt/format.h>

#include <algorithm>

namespace kvmtest::report {
namespace {

constexpr std::size_t longest_line = 500;  ///< columns; what differs may be far to the right

/// Takes the first line off `text`, without its \n.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool differs(std::string_view line) { return line.starts_with('-') || line.starts_with('+'); }

const char* look_of(std::string_view line) {
  if (line.starts_with('-')) return look::removed;
  return line.starts_with('+') ? look::added : look::plain;
}

}  // namespace

std::string first_differences(std::string_view diff, std::size_t most, std::size_t indent, const Options& options) {
  std::string out;
  std::size_t shown = 0;
  std::size_t more = 0;
  std::string_view before;  // the last line that is as expected
  bool in_hunk = false;     // before the first one are the files' names
  bool first = true;        // only the first hunk is shown
  const auto show = [&](std::string_view line) {
    const std::string text = cut_end(escaped(line), longest_line);
    out += std::string(indent, ' ') + painted(options, text, look_of(line)) + '\n';
    ++shown;
  };
  while (!diff.empty()) {
    const std::string_view line = take_line(diff);
    if (line.starts_with("@@ ")) {
      if (shown > 0) first = false;
      in_hunk = true;
      before = {};
    } else if (in_hunk && differs(line)) {
      if (!first || shown >= most) {
        ++more;
        continue;
      }
      if (before.size() > 1 && shown + 1 < most) show(before);
      before = {};
      show(line);
    } else if (in_hunk) {
      before = line;
    }
  }
  if (more > 0) out += fmt::format("{}({} more differ)\n", std::string(indent, ' '), more);
  return out;
}

std::string whole_diff(std::string_view diff, const Options& options) {
  std::string out;
  bool in_hunk = false;
  while (!diff.empty()) {
    const std::string_view line = take_line(diff);
    if (line.starts_with("@@ ")) in_hunk = true;
    if (line.starts_with("--- ") && diff.starts_with("+++ ")) in_hunk = false;
    const char* how = !in_hunk ? look::bold : line.starts_with("@@ ") ? look::place : look_of(line);
    out += painted(options, escaped_lines(line), how) + '\n';
  }
  return out;
}

}  // namespace kvmtest::report
