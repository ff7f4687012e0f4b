#include "console/prompt.h"

#include <algorithm>
#include <cctype>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace kvmtest::console {

std::string make_nonce() {
  std::random_device random;
  return fmt::format("kt{:08x}{:08x}{:04x}", random(), random(), random() & 0xffffU);
}

std::string prompt_variable(std::string_view nonce) { return fmt::format("{}:$?# ", nonce); }

std::string continuation_variable(std::string_view nonce) { return fmt::format("{}:$?> ", nonce); }

namespace {

/// Longest end of `text` that is a beginning of `word`, short of the whole word.
std::size_t overlap(std::string_view text, std::string_view word) {
  for (std::size_t n = std::min(text.size(), word.size() - 1); n > 0; --n)
    if (text.ends_with(word.substr(0, n))) return n;
  return 0;
}

enum class Match { yes, no, more };

/// Whether `text`, just behind a nonce, goes on like a prompt: ":" status "# ", or ":" status "> ".
Match match_status(std::string_view text, int& status, bool& incomplete, std::size_t& length) {
  if (text.empty()) return Match::more;
  if (text[0] != ':') return Match::no;
  std::size_t i = 1;
  int value = 0;
  while (i < text.size() && i <= 3 && std::isdigit(static_cast<unsigned char>(text[i])))
    value = value * 10 + (text[i++] - '0');
  if (i == text.size() && i <= 3) return Match::more;
  if (i == 1) return Match::no;
  const std::string_view rest = text.substr(i);
  const std::string_view end = rest.starts_with('>') ? "> " : "# ";
  if (end.starts_with(rest) && rest.size() < 2) return Match::more;
  if (!rest.starts_with(end)) return Match::no;
  status = value;
  incomplete = end == "> ";
  length = i + 2;
  return Match::yes;
}

}  // namespace

PromptScanner::Result PromptScanner::feed(std::string_view bytes) {
  pending_.append(bytes);
  Result result;
  std::size_t from = 0;
  while (true) {
    const std::size_t at = pending_.find(nonce_, from);
    if (at == std::string::npos) {
      const std::size_t safe = pending_.size() - overlap(std::string_view(pending_).substr(from), nonce_);
      result.output = pending_.substr(0, safe);
      pending_.erase(0, safe);
      return result;
    }
    int status = 0;
    std::size_t length = 0;
    switch (match_status(std::string_view(pending_).substr(at + nonce_.size()), status, result.incomplete, length)) {
      case Match::yes:
        result.output = pending_.substr(0, at);
        if (!result.incomplete) result.status = status;
        pending_.erase(0, at + nonce_.size() + length);
        return result;
      case Match::more:
        result.output = pending_.substr(0, at);
        pending_.erase(0, at);
        return result;
      case Match::no: from = at + 1; break;
    }
  }
}

std::string PromptScanner::take_rest() { return std::exchange(pending_, {}); }

std::string without_escapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      out.push_back(text[i]);
      continue;
    }
    if (++i >= text.size()) break;
    if (text[i] != '[') continue;
    ++i;
    while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
  }
  return out;
}

std::string last_words(std::string_view text) {
  std::string line;
  std::string last;
  for (const char c : without_escapes(text)) {
    if (c == '\n' || c == '\r') {
      if (!line.empty()) last = line;
      line.clear();
    } else if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f) {
      line.push_back(c);
    }
  }
  if (!line.empty()) last = line;
  if (last.empty()) return "the console printed nothing";
  return fmt::format("last line on the console: '{}'", last.substr(0, 100));
}

}  // namespace kvmtest::console
