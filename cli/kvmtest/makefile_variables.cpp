#include "kvmtest/makefile_variables.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace kvmtest::command {
namespace {

/// GNU make's manual, "Setting Variables": NAME = value, or with one of := ::= ?= +=, perhaps after "override" or
/// "export".
bool sets(std::string_view line, std::string_view name) {
  constexpr std::string_view blank = " \t";
  const auto skip = [&](std::string_view word) {
    const auto begin = line.find_first_not_of(blank);
    line.remove_prefix(begin == std::string_view::npos ? line.size() : begin);
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  };
  if (line.starts_with('\t')) return false;  // a recipe's
  for (bool more = true; more;) more = skip("override ") || skip("export ");
  if (!skip(name)) return false;
  skip("");
  while (!line.empty() && (line.front() == ':' || line.front() == '?' || line.front() == '+')) line.remove_prefix(1);
  return line.starts_with('=');
}

}  // namespace

std::string with_variable(std::string_view text, std::string_view name, std::string_view value) {
  std::vector<std::string> lines;
  std::optional<std::size_t> last;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (sets(text.substr(0, end), name)) last = lines.size();
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::string line = std::string(name) + " = " + std::string(value);
  if (last) {
    // A line that goes on does so no more.
    while (lines[*last].ends_with('\\') && *last + 1 < lines.size())
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(*last),
                  lines.begin() + static_cast<std::ptrdiff_t>(*last) + 1);
    lines[*last] = std::move(line);
  } else {
    lines.push_back(std::move(line));
  }
  std::string out;
  for (const std::string& each : lines) out += each + '\n';
  return out;
}

}  // namespace kvmtest::command
