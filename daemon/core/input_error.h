#pragma once
// What a user got wrong, said in one line; whoever catches it at the top exits with status 2. Any thread.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::core {

/// Where in a file something was found. Line and column count from 1; 0 when unknown, and then not shown.
struct Place {
  std::filesystem::path file;
  unsigned line = 0;
  unsigned column = 0;

  /// "file:line:column", as far as known.
  [[nodiscard]] std::string text() const {
    std::string out = file.string();
    if (line != 0) out += ":" + std::to_string(line);
    if (line != 0 && column != 0) out += ":" + std::to_string(column);
    return out;
  }
};

/// What a user got wrong; exit status 2. what() is one line, "file:line:column: message" where there is a file.
class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message) : std::runtime_error(without_nul(message)) {}
  InputError(const Place& place, const std::string& message) : InputError(place.text() + ": " + message) {}

 private:
  /// what() ends at a NUL byte, and a file may hold one.
  static std::string without_nul(std::string text) {
    for (auto at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) text.replace(at, 1, "\\x00");
    return text;
  }
};

/// How many characters to insert, delete or replace to make `b` of `a` (Levenshtein), in bytes.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

/// The candidate closest to `word`, the first of equals; empty when none is close enough to be what was meant.
template <class Candidates>
std::string nearest(std::string_view word, const Candidates& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 2) + 1;
  for (const auto& candidate : candidates) {
    const std::string_view name = candidate;
    // A name that shares nothing with the word is no suggestion, however short both are.
    const std::size_t distance = edit_distance(word, name);
    if (distance < best_distance && distance < std::max(word.size(), name.size())) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

/// " (did you mean 'east'?)", or nothing when no candidate is near.
template <class Candidates>
std::string did_you_mean(std::string_view word, const Candidates& candidates) {
  const std::string name = nearest(word, candidates);
  return name.empty() ? "" : " (did you mean '" + name + "'?)";
}

}  // namespace kvmtest::core
