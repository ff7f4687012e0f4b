#pragma once
// Patterns with * and ?, as "(glob)" lines have them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "judge/effort.h"

namespace kvmtest::judge {

/// "*" is any run of bytes, "?" one character (of UTF-8 where it is that, else one byte), "\" takes the next byte as it
/// is. Immutable: any thread.
class Glob {
 public:
  explicit Glob(std::string_view pattern);

  /// Whether all of the text is as the pattern says. Takes a step for each byte and 64 parts of the pattern, whatever
  /// they are.
  [[nodiscard]] bool matches(std::string_view text, Effort& effort) const;

 private:
  using Word = std::uint64_t;
  /// A bit for each part of the pattern, 64 a word; or for each number of parts that the text so far may be.
  using Parts = std::vector<Word>;

  void add(char byte);
  [[nodiscard]] bool match_rest(std::string_view text, std::size_t& at) const;

  std::string head_;                      ///< what the text begins with: the bytes before the first "*" or "?"
  std::size_t parts_ = 0;                 ///< bytes and "?" behind it; a "*" is none
  std::size_t words_ = 1;                 ///< of Parts
  std::array<std::uint8_t, 256> kind_{};  ///< of bytes: 0 for those that are no part
  std::vector<Parts> same_;               ///< by kind: the parts that are this byte
  Parts any_;                             ///< the parts that are "?"
  Parts runs_;                            ///< the numbers of parts before a "*"
};

}  // namespace kvmtest::judge
