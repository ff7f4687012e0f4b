// Patterns of expected output: the lines before a NUL byte are expected, what follows it was printed.

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "judge/expected.h"

using namespace kvmtest::judge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto nul = std::min(input.find('\0'), input.size());
  const std::string_view output = input.substr(std::min(nul + 1, input.size()));
  std::vector<ExpectedLine> expected;
  try {
    for (const std::string_view line : split_lines(input.substr(0, nul)).lines)
      expected.push_back(parse_expected(std::string(line)));
  } catch (const std::invalid_argument&) {
    return 0;
  }
  const Alignment alignment = compare(expected, output);
  const Lines lines = split_lines(output);
  std::pair<std::size_t, std::size_t> last{0, 0};
  for (const auto& pair : alignment.pairs) {
    if (pair.first >= expected.size() || pair.second >= lines.lines.size()) std::abort();
    if (&pair != &alignment.pairs.front() && (pair.first <= last.first || pair.second <= last.second)) std::abort();
    last = pair;
  }
  if (alignment.equal && alignment.pairs.size() != lines.lines.size()) std::abort();
  return 0;
}
