#include "suite/libreswan/log_scan.h"

#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "suite/libreswan/contains.h"

namespace kvmtest::suite::libreswan {

namespace {

constexpr std::size_t piece = 256U << 10U;
// What is looked for is shorter; what crosses the border of two pieces is seen in the second.
constexpr std::size_t overlap = 128;

bool has_leak(std::string_view text) {
  static const RE2 pattern("leak detective found [0-9]+ leaks", RE2::Latin1);
  return contains(text, "leak detective found") && RE2::PartialMatch({text.data(), text.size()}, pattern);
}

void look(std::string_view text, LogFindings& found) {
  found.assertion = found.assertion || contains(text, "ASSERTION FAILED");
  found.expectation = found.expectation || contains(text, "EXPECTATION FAILED");
  found.printf_null = found.printf_null || contains(text, "(null)");
  found.leak = found.leak || has_leak(text);
  found.control =
      found.control || std::any_of(text.begin(), text.end(), [](char c) { return (c < ' ' || c > '~') && c != '\n'; });
}

}  // namespace

LogFindings scan_log(int file) {
  LogFindings found;
  std::string text;
  std::uint64_t total = 0;
  while (true) {
    const std::size_t had = std::min(text.size(), overlap);
    text.erase(0, text.size() - had);
    text.resize(had + piece);
    const ssize_t got = read(file, text.data() + had, piece);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category());
    if (got == 0) break;
    total += text.size() - had;
    found.whole = total <= largest_log;
    if (!found.whole) break;
    look(text, found);
  }
  return found;
}

}  // namespace kvmtest::suite::libreswan
