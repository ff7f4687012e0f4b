#include "console/kernel.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace kvmtest::console {
namespace {

// Processors take the time before they take their turn to write (Linux, vprintk_store): stamps may go back a little.
constexpr std::int64_t disorder = 1'000'000;
// LOG_LINE_MAX and what stands before it.
constexpr std::size_t longest_message = 1100;
// As many as one screen or two of dmesg.
constexpr std::size_t most_recent = 256;

constexpr std::string_view dropped_begin = "** ";
constexpr std::string_view dropped_end = " printk messages dropped **";

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Passes over blanks and then digits; the number of digits.
std::size_t pass_number(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  const std::size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at - begin;
}

/// "** 12 printk messages dropped **", which has no time stamp.
KernelStamp::Match match_dropped(std::string_view text) {
  using Match = KernelStamp::Match;
  if (!text.starts_with(dropped_begin)) return dropped_begin.starts_with(text) ? Match::more : Match::no;
  std::size_t at = dropped_begin.size();
  const std::size_t digits = pass_number(text, at);
  const std::string_view rest = text.substr(at);
  if (digits > 0 && rest.starts_with(dropped_end)) return Match::yes;
  return dropped_end.starts_with(rest) ? Match::more : Match::no;
}

}  // namespace

KernelStamp read_kernel_stamp(std::string_view text) {
  constexpr KernelStamp no{};
  constexpr KernelStamp more{.match = KernelStamp::Match::more};
  constexpr std::size_t most_digits = 12;
  if (text.empty()) return more;
  if (text[0] != '[') return no;
  std::size_t at = 1;
  const std::size_t seconds = pass_number(text, at);
  if (at == text.size()) return at <= most_digits + 1 ? more : no;
  if (seconds == 0 || seconds > most_digits || text[at] != '.') return no;
  const std::size_t fraction = at + 1;
  for (++at; at < fraction + 6; ++at) {
    if (at == text.size()) return more;
    if (!is_digit(text[at])) return no;
  }
  if (at == text.size()) return more;
  if (text[at++] != ']') return no;
  KernelStamp stamp{.match = KernelStamp::Match::yes};
  for (const char c : text.substr(0, at))
    if (is_digit(c)) stamp.stamp = stamp.stamp * 10 + (c - '0');
  // CONFIG_PRINTK_CALLER
  if (at < text.size() && text[at] == '[') {
    ++at;
    while (at < text.size() && text[at] == ' ') ++at;
    if (at < text.size() && text[at] != 'T' && text[at] != 'C') return no;
    if (at < text.size()) ++at;
    pass_number(text, at);
    if (at == text.size()) return more;
    if (text[at++] != ']') return no;
  }
  if (at == text.size()) return more;
  if (text[at] != ' ') return no;
  stamp.length = at + 1;
  return stamp;
}

bool KernelScanner::plausible(std::int64_t stamp) const { return stamp + disorder >= oldest_; }

/// Where in the line that ends before `end`, with CR LF, a message begins. The last stamp counts: a program that was
/// interrupted by the message may have printed one of its own before it.
std::optional<std::size_t> KernelScanner::find_message(std::size_t from, std::size_t end) const {
  for (std::size_t at = end; at > from;) {
    --at;
    if (end - at > longest_message) break;
    const auto rest = std::string_view(pending_).substr(at, end - at);
    const KernelStamp stamp = rest[0] == '[' ? read_kernel_stamp(rest) : KernelStamp{};
    const bool dropped = rest[0] == '*' && match_dropped(rest) == KernelStamp::Match::yes;
    if (!dropped && (stamp.match != KernelStamp::Match::yes || !plausible(stamp.stamp))) continue;
    if (rest.find(prompt_) != std::string_view::npos) return std::nullopt;
    // But for the lines of one message, which share its time.
    if (!dropped && !recent_.empty() && recent_.back() != rest &&
        std::find(recent_.begin(), recent_.end(), rest) != recent_.end())
      return std::nullopt;
    return at;
  }
  return std::nullopt;
}

/// Where in the last line, which has not ended, a message may begin; its end where none does.
std::size_t KernelScanner::find_beginning(std::size_t from) const {
  if (const std::size_t prompt = pending_.rfind(prompt_); prompt != std::string::npos)
    from = std::max(from, prompt + prompt_.size());
  if (pending_.size() > longest_message) from = std::max(from, pending_.size() - longest_message);
  for (std::size_t at = pending_.find_first_of("[*", from); at != std::string::npos;
       at = pending_.find_first_of("[*", at + 1)) {
    const auto rest = std::string_view(pending_).substr(at);
    if (rest[0] == '*') {
      if (match_dropped(rest) != KernelStamp::Match::no) return at;
      continue;
    }
    const KernelStamp stamp = read_kernel_stamp(rest);
    if (stamp.match == KernelStamp::Match::more) return at;
    if (stamp.match == KernelStamp::Match::yes && plausible(stamp.stamp)) return at;
  }
  return pending_.size();
}

KernelScanner::Message KernelScanner::take_message(std::size_t at, std::size_t end) {
  Message message;
  message.bytes = pending_.substr(at, end - at);
  const auto line = std::string_view(message.bytes).substr(0, message.bytes.size() - 2);
  const KernelStamp stamp = read_kernel_stamp(line);
  const bool stamped = stamp.match == KernelStamp::Match::yes;
  newest_ = std::max(newest_, stamp.stamp);
  message.line = {stamped ? stamp.stamp : newest_, -1, std::string(line.substr(stamped ? stamp.length : 0))};
  recent_.emplace_back(line);
  if (recent_.size() > most_recent) recent_.pop_front();
  return message;
}

KernelScanner::Piece KernelScanner::feed(std::string_view bytes) {
  pending_.append(bytes);
  Piece piece;
  std::size_t line = 0;
  for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', line)) {
    const bool returned = end > line && pending_[end - 1] == '\r';
    if (const auto at = returned ? find_message(line, end - 1) : std::nullopt) {
      piece.text = pending_.substr(0, *at);
      piece.message = take_message(*at, end + 1);
      pending_.erase(0, end + 1);
      return piece;
    }
    line = end + 1;
  }
  const std::size_t held = find_beginning(line);
  piece.text = pending_.substr(0, held);
  pending_.erase(0, held);
  return piece;
}

std::string KernelScanner::take_rest() { return std::exchange(pending_, {}); }

}  // namespace kvmtest::console
