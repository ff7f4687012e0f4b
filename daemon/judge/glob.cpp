#include "judge/glob.h"

#include <algorithm>

namespace kvmtest::judge {
namespace {

constexpr std::size_t bits = 64;

void set(std::vector<std::uint64_t>& parts, std::size_t at) { parts[at / bits] |= std::uint64_t{1} << at % bits; }

// The length of the character that `text` begins with: UTF-8 where it is, else one byte.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size()) return 1;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  }
  return size;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  const std::string_view head = pattern.substr(0, pattern.find_first_of("*?\\"));
  pattern.remove_prefix(head.size());
  head_ = head;
  words_ = pattern.size() / bits + 1;
  any_.resize(words_);
  runs_.resize(words_);
  same_.emplace_back(words_);
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '*') {
      set(runs_, parts_);
    } else if (pattern[at] == '?') {
      set(any_, parts_++);
    } else {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
      add(pattern[at]);
    }
  }
}

void Glob::add(char byte) {
  std::uint8_t& kind = kind_[static_cast<unsigned char>(byte)];
  if (kind == 0) {
    kind = static_cast<std::uint8_t>(same_.size());  // no line holds all 256 bytes
    same_.emplace_back(words_);
  }
  set(same_[kind], parts_++);
}

bool Glob::matches(std::string_view text, Effort& effort) const {
  if (!text.starts_with(head_)) {
    effort.spend(std::min(text.size(), head_.size()) + 1);
    return false;
  }
  std::size_t at = head_.size();
  const bool matched = match_rest(text, at);
  effort.spend((at + 1) * words_);
  return matched;
}

// All numbers of parts that the text so far may be are followed at once (Baeza-Yates and Gonnet, "A New Approach to
// Text Searching", 1992), so nothing is ever tried twice. `at`: from where on; then up to where it was looked at.
bool Glob::match_rest(std::string_view text, std::size_t& at) const {
  Parts memory(3 * words_);
  Word* now = memory.data();
  Word* next = now + words_;
  Word* behind = next + words_;  // the character that the byte is in, by "?"
  now[0] = 1;
  for (std::size_t end = at; at < text.size(); ++at) {
    const bool begins = at == end;
    if (begins) end += character(text.substr(at));
    const Word* same = same_[kind_[static_cast<unsigned char>(text[at])]].data();
    Word carry = 0;
    Word any_carry = 0;
    Word left = 0;
    for (std::size_t i = 0; i < words_; ++i) {
      const Word moved = now[i] & same[i];
      next[i] = (now[i] & runs_[i]) | moved << 1U | carry;
      carry = moved >> (bits - 1);
      if (begins) {
        const Word any = now[i] & any_[i];
        behind[i] = any << 1U | any_carry;
        any_carry = any >> (bits - 1);
      }
      if (at + 1 == end) next[i] |= behind[i];
      left |= next[i] | behind[i];
    }
    if (left == 0) return false;
    std::swap(now, next);
  }
  return (now[parts_ / bits] >> parts_ % bits & 1U) != 0;
}

}  // namespace kvmtest::judge
