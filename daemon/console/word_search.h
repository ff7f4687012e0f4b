#pragma once
// Waits for a word in what comes in pieces, however much comes before it.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kvmtest::console {

/// Looks at each byte once, and keeps no more than may be the word's beginning. One thread at a time.
class WordSearch {
 public:
  explicit WordSearch(std::string word) : word_(std::move(word)) {}

  /// Once the word has come: what stands from it on.
  std::optional<std::string> feed(std::string_view bytes) {
    end_.append(bytes);
    const std::size_t at = end_.find(word_);
    if (at != std::string::npos) return end_.substr(at);
    end_.erase(0, end_.size() - std::min(end_.size(), word_.size() - 1));
    return std::nullopt;
  }

 private:
  std::string word_;
  std::string end_;
};

}  // namespace kvmtest::console
