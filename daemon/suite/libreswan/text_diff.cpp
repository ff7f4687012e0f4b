#include "suite/libreswan/text_diff.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace kvmtest::suite::libreswan {

namespace {

constexpr std::size_t context_lines = 3;
constexpr std::size_t long_text = 200;  // lines from which on frequent ones are not searched for

using Lines = std::vector<std::string_view>;

// LF, CR LF and CR end a line. Takes at most so many off the text.
Lines take_lines(std::string_view& text, std::size_t most) {
  Lines lines;
  while (!text.empty() && lines.size() < most) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + (text.substr(end).starts_with("\r\n") ? 2 : 1), text.size()));
  }
  return lines;
}

struct Block {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t size = 0;
};

/// Finds the runs of equal lines: the longest, then those on both sides of it, and so on.
class Matcher {
 public:
  Matcher(const Lines& a, const Lines& b, judge::Effort& effort)
      : a_(a), b_(b), effort_(effort), lengths_(b.size() + 1), next_lengths_(b.size() + 1) {
    for (std::size_t j = 0; j < b.size(); ++j) places_[b[j]].push_back(j);
    if (b.size() < long_text) return;
    const std::size_t most = b.size() / 100 + 1;
    std::erase_if(places_, [&](const auto& entry) { return entry.second.size() > most; });
  }

  std::vector<Block> blocks() {
    struct Range {
      std::size_t a_begin, a_end, b_begin, b_end;
    };
    std::vector<Range> todo{{0, a_.size(), 0, b_.size()}};
    std::vector<Block> found;
    const judge::Effort::Refining refining(effort_);
    while (!todo.empty() && !effort_.exhausted()) {
      const Range r = todo.back();
      todo.pop_back();
      const Block block = longest(r.a_begin, r.a_end, r.b_begin, r.b_end);
      if (block.size == 0) continue;
      found.push_back(block);
      if (r.a_begin < block.a && r.b_begin < block.b) todo.push_back({r.a_begin, block.a, r.b_begin, block.b});
      if (block.a + block.size < r.a_end && block.b + block.size < r.b_end)
        todo.push_back({block.a + block.size, r.a_end, block.b + block.size, r.b_end});
    }
    std::sort(found.begin(), found.end(), [](const Block& x, const Block& y) { return x.a < y.a; });
    return found;
  }

 private:
  /// The earliest in a of the longest ones, and of those the earliest in b.
  Block longest(std::size_t a_begin, std::size_t a_end, std::size_t b_begin, std::size_t b_end) {
    Block best{a_begin, b_begin, 0};
    std::vector<std::size_t> touched;  // entries of lengths_ that are not 0
    std::vector<std::size_t> next_touched;
    for (std::size_t i = a_begin; i < a_end && !effort_.exhausted(); ++i) {
      effort_.spend(a_[i].size() + 1);
      next_touched.clear();
      if (const auto places = places_.find(a_[i]); places != places_.end()) {
        for (const std::size_t j : places->second) {
          if (j < b_begin) continue;
          if (j >= b_end) break;
          effort_.spend(1);
          const std::size_t size = lengths_[j] + 1;  // lengths_[j]: of the run that ends at (i - 1, j - 1)
          next_lengths_[j + 1] = size;
          next_touched.push_back(j + 1);
          if (size > best.size) best = {i + 1 - size, j + 1 - size, size};
        }
      }
      for (const std::size_t j : touched) lengths_[j] = 0;
      std::swap(lengths_, next_lengths_);
      std::swap(touched, next_touched);
    }
    for (const std::size_t j : touched) lengths_[j] = 0;
    // Lines that were not searched for may stand around it all the same.
    while (best.a > a_begin && best.b > b_begin && a_[best.a - 1] == b_[best.b - 1])
      best = {best.a - 1, best.b - 1, best.size + 1};
    while (best.a + best.size < a_end && best.b + best.size < b_end && a_[best.a + best.size] == b_[best.b + best.size])
      ++best.size;
    return best;
  }

  const Lines& a_;
  const Lines& b_;
  judge::Effort& effort_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> places_;  // in b
  std::vector<std::size_t> lengths_;
  std::vector<std::size_t> next_lengths_;
};

/// Lines [a, a_end) that become [b, b_end), or stay.
struct Change {
  bool equal = false;
  std::size_t a = 0, a_end = 0, b = 0, b_end = 0;
};

std::vector<Change> changes_of(const Lines& a, const Lines& b, judge::Effort& effort) {
  std::vector<Change> changes;
  std::size_t i = 0;
  std::size_t j = 0;
  std::vector<Block> blocks = Matcher(a, b, effort).blocks();
  blocks.push_back({a.size(), b.size(), 0});
  for (const Block& block : blocks) {
    if (i < block.a || j < block.b) changes.push_back({false, i, block.a, j, block.b});
    i = block.a + block.size;
    j = block.b + block.size;
    if (block.size == 0) continue;
    if (!changes.empty() && changes.back().equal) {
      changes.back().a_end = i;  // adjacent runs are one
      changes.back().b_end = j;
    } else {
      changes.push_back({true, block.a, i, block.b, j});
    }
  }
  return changes;
}

/// Changes with the context around them; long runs of equal lines end a hunk.
std::vector<std::vector<Change>> hunks_of(std::vector<Change> changes) {
  if (changes.front().equal) {
    Change& first = changes.front();
    first.a = std::max(first.a, first.a_end - std::min(first.a_end, context_lines));
    first.b = std::max(first.b, first.b_end - std::min(first.b_end, context_lines));
  }
  if (changes.back().equal) {
    Change& last = changes.back();
    last.a_end = std::min(last.a_end, last.a + context_lines);
    last.b_end = std::min(last.b_end, last.b + context_lines);
  }
  std::vector<std::vector<Change>> hunks(1);
  for (Change change : changes) {
    if (change.equal && change.a_end - change.a > 2 * context_lines) {
      Change tail = change;
      tail.a_end = change.a + context_lines;
      tail.b_end = change.b + context_lines;
      hunks.back().push_back(tail);
      hunks.emplace_back();
      change.a = change.a_end - context_lines;
      change.b = change.b_end - context_lines;
    }
    hunks.back().push_back(change);
  }
  return hunks;
}

std::string range(std::size_t begin, std::size_t end) {
  const std::size_t size = end - begin;
  if (size == 1) return std::to_string(begin + 1);
  return std::to_string(size == 0 ? begin : begin + 1) + "," + std::to_string(size);
}

void append_lines(std::string& out, char sign, const Lines& lines, std::size_t begin, std::size_t end) {
  for (; begin < end; ++begin) {
    out += sign;
    out += lines[begin];
    out += '\n';
  }
}

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || (c == '\n' && (out.empty() || out.back() == '\n'))) continue;
    out += c;
  }
  return out;
}

}  // namespace

std::string text_diff(std::string_view before, std::string_view after, const std::string& before_label,
                      const std::string& after_label, judge::Effort& effort) {
  if (before == after) return {};
  const Lines a = take_lines(before, std::string_view::npos);
  Lines b = take_lines(after, a.size() + effort.surplus());
  if (b.size() > a.size()) effort.take_surplus(b.size() - a.size());
  if (a == b && after.empty()) return {};
  const std::string left_out = ">>>>>>>>>> " + std::to_string(after.size()) + " bytes not compared <<<<<<<<<<";
  if (!after.empty()) b.push_back(left_out);
  std::string out = "--- " + before_label + "\n+++ " + after_label + "\n";
  for (const auto& hunk : hunks_of(changes_of(a, b, effort))) {
    out +=
        "@@ -" + range(hunk.front().a, hunk.back().a_end) + " +" + range(hunk.front().b, hunk.back().b_end) + " @@\n";
    for (const Change& change : hunk) {
      if (change.equal) {
        append_lines(out, ' ', a, change.a, change.a_end);
      } else {
        append_lines(out, '-', a, change.a, change.a_end);
        append_lines(out, '+', b, change.b, change.b_end);
      }
    }
  }
  return out;
}

bool same_but_for_blanks(std::string_view a, std::string_view b) { return without_blanks(a) == without_blanks(b); }

}  // namespace kvmtest::suite::libreswan
