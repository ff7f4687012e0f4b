#include "console/prompt.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace kvmtest::console {

namespace {

constexpr std::size_t key_length = 10;
constexpr std::size_t mark_length = 12;

}  // namespace

std::string make_key() {
  std::random_device random;
  return fmt::format("{:08x}{:02x}", random(), random() & 0xffU);
}

std::string make_nonce() { return "kt" + make_key() + make_key(); }

std::string_view mark_of(std::string_view nonce) { return nonce.substr(0, mark_length); }

std::string_view key_of(std::string_view nonce) { return nonce.substr(std::min(mark_length, nonce.size())); }

std::string prompt_variable(std::string_view nonce) {
  return fmt::format("{}${{{}}}:$?# ", mark_of(nonce), key_variable);
}

std::string continuation_variable(std::string_view nonce) {
  return fmt::format("{}${{{}}}:$?> ", mark_of(nonce), key_variable);
}

namespace {

/// Longest end of `text` that is a beginning of `word`, short of the whole word.
std::size_t overlap(std::string_view text, std::string_view word) {
  text = text.substr(text.size() - std::min(text.size(), word.size() - 1));
  for (std::size_t at = text.find(word.front()); at != std::string_view::npos; at = text.find(word.front(), at + 1))
    if (word.starts_with(text.substr(at))) return text.size() - at;
  return 0;
}

enum class Match { yes, no, more };

struct Prompt {
  int status = 0;
  bool incomplete = false;
  std::size_t length = 0;
};

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

/// Whether `text`, just behind a mark, goes on like a prompt: key, ":", status, "# " or "> ".
Match match_prompt(std::string_view text, Prompt& prompt) {
  std::size_t at = 0;
  for (; at < key_length && at < text.size(); ++at)
    if (!is_decimal(text[at]) && (text[at] < 'a' || text[at] > 'f')) return Match::no;
  if (at == text.size()) return Match::more;
  if (text[at++] != ':') return Match::no;
  const std::size_t digits = at;
  prompt.status = 0;
  for (; at < text.size() && at < digits + 3 && is_decimal(text[at]); ++at)
    prompt.status = prompt.status * 10 + (text[at] - '0');
  if (at == text.size()) return Match::more;
  if (at == digits || (text[at] != '#' && text[at] != '>')) return Match::no;
  prompt.incomplete = text[at++] == '>';
  if (at == text.size()) return Match::more;
  prompt.length = at + 1;
  return text[at] == ' ' ? Match::yes : Match::no;
}

}  // namespace

void PromptScanner::renew(std::string_view key) { nonce_.replace(mark_length, std::string::npos, key); }

PromptScanner::Result PromptScanner::feed(std::string_view bytes) {
  if (!bytes.empty()) {
    // Only now: many prompts may have come in one read.
    pending_.erase(0, std::exchange(given_, 0));
    pending_.append(bytes);
  }
  Result result;
  const std::string_view text = std::string_view(pending_).substr(given_);
  const std::string_view mark = mark_of(nonce_);
  std::size_t safe = 0;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, safe)) {
    Prompt prompt;
    const Match match = match_prompt(text.substr(at + mark.size()), prompt);
    safe = at + mark.size();
    if (match == Match::no) continue;
    result.output = text.substr(0, at);
    given_ += at;
    if (match == Match::more) return result;
    given_ += mark.size() + prompt.length;
    result.stale = text.substr(safe, key_length) != key_of(nonce_);
    result.incomplete = !result.stale && prompt.incomplete;
    if (!result.stale && !prompt.incomplete) result.status = prompt.status;
    return result;
  }
  result.output = text.substr(0, text.size() - overlap(text.substr(safe), mark));
  given_ += result.output.size();
  return result;
}

std::string PromptScanner::take_rest() { return std::exchange(pending_, {}).substr(std::exchange(given_, 0)); }

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
