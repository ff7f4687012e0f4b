#include "judge/diff.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace kvmtest::judge {

namespace {

using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

constexpr std::size_t most_edits = 1024;       // bounds the trace to 4 MiB
constexpr std::size_t most_cells = 1'000'000;  // bounds the table of the small case to 4 MiB
constexpr std::size_t context_lines = 3;

// The part of two sequences between their common head and tail.
struct Middle {
  std::size_t head = 0;
  std::size_t a_size = 0;
  std::size_t b_size = 0;
  const std::function<bool(std::size_t, std::size_t)>& relation;

  [[nodiscard]] bool same(std::size_t i, std::size_t j) const { return relation(head + i, head + j); }
};

// Walks the saved furthest-reaching ends of each number of edits back from the end to the start.
Pairs trace_back(const Middle& middle, const std::vector<std::vector<std::uint32_t>>& ends) {
  Pairs pairs;
  std::ptrdiff_t x = static_cast<std::ptrdiff_t>(middle.a_size);
  std::ptrdiff_t y = static_cast<std::ptrdiff_t>(middle.b_size);
  for (auto d = static_cast<std::ptrdiff_t>(ends.size()) - 1; d >= 0; --d) {
    std::ptrdiff_t from_x = 0;
    std::ptrdiff_t from_y = 0;
    if (d > 0) {
      const auto& before = ends[static_cast<std::size_t>(d) - 1];  // of diagonals -(d-1) … d-1
      const auto end = [&](std::ptrdiff_t k) {
        return static_cast<std::ptrdiff_t>(before[static_cast<std::size_t>(k + d - 1)]);
      };
      const std::ptrdiff_t k = x - y;
      const bool down = k == -d || (k != d && end(k - 1) < end(k + 1));
      const std::ptrdiff_t from_k = down ? k + 1 : k - 1;
      from_x = end(from_k);
      from_y = from_x - from_k;
    }
    // The snake of this d ends at (x, y) and begins one edit after (from_x, from_y).
    const std::ptrdiff_t edits = d > 0 ? 1 : 0;
    while (x + y > from_x + from_y + edits) {
      pairs.emplace_back(middle.head + static_cast<std::size_t>(--x), middle.head + static_cast<std::size_t>(--y));
    }
    x = from_x;
    y = from_y;
  }
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

// Myers' greedy algorithm; nothing when it would take too long.
std::optional<Pairs> greedy(const Middle& middle, Effort& effort) {
  const auto n = static_cast<std::ptrdiff_t>(middle.a_size);
  const auto m = static_cast<std::ptrdiff_t>(middle.b_size);
  if (static_cast<std::size_t>(std::abs(n - m)) > most_edits) return std::nullopt;
  std::vector<std::vector<std::uint32_t>> ends;
  for (std::ptrdiff_t d = 0; d <= static_cast<std::ptrdiff_t>(most_edits); ++d) {
    if (effort.exhausted()) return std::nullopt;
    std::vector<std::uint32_t> now(static_cast<std::size_t>(2 * d) + 1);
    const auto before = [&](std::ptrdiff_t k) {
      return static_cast<std::ptrdiff_t>(ends.back()[static_cast<std::size_t>(k + d - 1)]);
    };
    for (std::ptrdiff_t k = -d; k <= d && !effort.exhausted(); k += 2) {
      std::ptrdiff_t x = 0;
      if (d > 0) x = k == -d || (k != d && before(k - 1) < before(k + 1)) ? before(k + 1) : before(k - 1) + 1;
      std::ptrdiff_t y = x - k;
      while (x < n && y >= 0 && y < m && middle.same(static_cast<std::size_t>(x), static_cast<std::size_t>(y))) {
        ++x;
        ++y;
        effort.spend(1);
      }
      effort.spend(1);
      now[static_cast<std::size_t>(k + d)] = static_cast<std::uint32_t>(x);
      if (x >= n && y >= m) {
        ends.push_back(std::move(now));
        return trace_back(middle, ends);
      }
    }
    ends.push_back(std::move(now));
  }
  return std::nullopt;
}

// The textbook table of lengths: for a few lines against very many, where edits are many but cells are not.
std::optional<Pairs> by_table(const Middle& middle, Effort& effort) {
  const std::size_t width = middle.b_size + 1;
  std::vector<std::uint32_t> length((middle.a_size + 1) * width);
  for (std::size_t i = middle.a_size; i-- > 0;) {
    if (effort.exhausted()) return std::nullopt;
    effort.spend(width);
    for (std::size_t j = middle.b_size; j-- > 0;) {
      length[i * width + j] = middle.same(i, j) ? length[(i + 1) * width + j + 1] + 1
                                                : std::max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  Pairs pairs;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < middle.a_size && j < middle.b_size) {
    if (length[i * width + j] == 0) break;
    if (middle.same(i, j)) {
      pairs.emplace_back(middle.head + i++, middle.head + j++);
    } else if (length[(i + 1) * width + j] >= length[i * width + j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
  return pairs;
}

// Lines with their line feeds, so that a last line without one differs from one with it.
std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

struct Edit {
  char mark;  // ' ', '-' or '+'
  std::string_view line;
};

std::vector<Edit> edits(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b,
                        Effort& effort) {
  std::vector<Edit> out;
  out.reserve(std::max(a.size(), b.size()));
  std::size_t i = 0;
  std::size_t j = 0;
  const auto up_to = [&](std::size_t next_i, std::size_t next_j) {
    while (i < next_i) out.push_back({'-', a[i++]});
    while (j < next_j) out.push_back({'+', b[j++]});
  };
  const auto same = [&](std::size_t x, std::size_t y) {
    if (a[x].size() != b[y].size()) return false;
    effort.spend(a[x].size());
    return a[x] == b[y];
  };
  for (const auto& [next_i, next_j] : common(a.size(), b.size(), same, effort)) {
    up_to(next_i, next_j);
    out.push_back({' ', a[i]});
    ++i;
    ++j;
  }
  up_to(a.size(), b.size());
  return out;
}

// "12,3" as the format has it: a count of one is left out, and an empty range names the line before it.
std::string range(std::size_t lines_before, std::size_t count) {
  if (count == 1) return std::to_string(lines_before + 1);
  return std::to_string(count == 0 ? lines_before : lines_before + 1) + "," + std::to_string(count);
}

}  // namespace

Pairs common(std::size_t a_size, std::size_t b_size, const std::function<bool(std::size_t, std::size_t)>& same,
             Effort& effort) {
  // Taking a match at either end never costs another one, whatever the relation.
  std::size_t head = 0;
  while (head < std::min(a_size, b_size) && same(head, head)) ++head;
  std::size_t tail = 0;
  while (head + tail < std::min(a_size, b_size) && same(a_size - 1 - tail, b_size - 1 - tail)) ++tail;

  Pairs pairs;
  for (std::size_t i = 0; i < head; ++i) pairs.emplace_back(i, i);
  const Middle middle{head, a_size - head - tail, b_size - head - tail, same};
  if (middle.a_size != 0 && middle.b_size != 0) {
    const Effort::Refining refining(effort);
    auto inner = greedy(middle, effort);
    if (!inner && middle.a_size + 1 <= most_cells / (middle.b_size + 1)) inner = by_table(middle, effort);
    if (inner) pairs.insert(pairs.end(), inner->begin(), inner->end());
  }
  for (std::size_t i = tail; i > 0; --i) pairs.emplace_back(a_size - i, b_size - i);
  return pairs;
}

std::string unified_diff(std::string_view before, std::string_view after, std::string_view path, Effort& effort) {
  if (before == after) return {};
  const auto a = whole_lines(before);
  const auto b = whole_lines(after);
  const std::vector<Edit> script = edits(a, b, effort);
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string out = "--- a/" + std::string(path) + "\n+++ b/" + std::string(path) + "\n";
  std::size_t a_line = 0;  // lines of a and b before `at`
  std::size_t b_line = 0;
  for (std::size_t at = 0; at < script.size();) {
    if (script[at].mark == ' ') {
      ++at;
      ++a_line;
      ++b_line;
      continue;
    }
    const std::size_t lead = std::min({context_lines, at, a_line, b_line});
    std::size_t end = at;  // one past the hunk's last change
    for (std::size_t i = at; i < script.size() && i <= end + 2 * context_lines; ++i) {
      if (script[i].mark != ' ') end = i + 1;
    }
    end = std::min(end + context_lines, script.size());
    std::string body;
    std::size_t a_count = 0;
    std::size_t b_count = 0;
    for (std::size_t i = at - lead; i < end; ++i) {
      body += script[i].mark;
      body += script[i].line;
      if (!script[i].line.ends_with('\n')) body += "\n\\ No newline at end of file\n";
      if (script[i].mark != '+') ++a_count;
      if (script[i].mark != '-') ++b_count;
    }
    out += "@@ -" + range(a_line - lead, a_count) + " +" + range(b_line - lead, b_count) + " @@\n" + body;
    a_line += a_count - lead;
    b_line += b_count - lead;
    at = end;
  }
  return out;
}

}  // namespace kvmtest::judge
