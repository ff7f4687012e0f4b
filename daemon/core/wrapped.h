#pragma once
// Text in lines of a width, for help and files that people read. Pure; any thread.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace kvmtest::core {

/// The words of `text` in lines that begin with `start`, have at most `columns` bytes, and end in a line feed. A line
/// feed in `text` ends a line, too. A word that does not fit has a line of its own.
inline std::string wrapped(std::string_view text, std::size_t columns, std::string_view start = {}) {
  const std::size_t room = columns > start.size() ? columns - start.size() : 1;
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::size_t end = line.size();
    if (end > room) {
      const std::size_t blank = line.rfind(' ', room);
      end = std::min(blank == std::string_view::npos || blank == 0 ? line.find(' ', room) : blank, line.size());
    }
    out += std::string(start) + std::string(line.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace kvmtest::core
