// The prompt in what a console prints: the first byte says how the rest comes in pieces; however it comes, the output
// and the statuses are the same, and no byte is lost.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "console/prompt.h"

using namespace kvmtest::console;

namespace {

const std::string nonce = "kt0123456789abcdef0123";

struct Seen {
  std::string output;
  std::vector<int> statuses;
  bool operator==(const Seen&) const = default;
};

Seen scan(std::string_view bytes, std::size_t piece) {
  PromptScanner scanner(nonce);
  Seen seen;
  const auto take = [&](const PromptScanner::Result& result) {
    seen.output += result.output;
    if (result.stale || result.incomplete) return true;
    if (!result.status) return false;
    seen.statuses.push_back(*result.status);
    seen.output.push_back('\0');
    return true;
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    for (bool more = take(scanner.feed(bytes.substr(0, piece))); more;) more = take(scanner.feed({}));
  seen.output += scanner.take_rest();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Seen whole = scan(bytes, size);
  if (scan(bytes, 1 + data[0] % 16) != whole) std::abort();
  if (whole.output.size() > bytes.size()) std::abort();
  for (const int status : whole.statuses)
    if (status < 0 || status > 999) std::abort();
  if (without_escapes(bytes).size() > bytes.size()) std::abort();
  return 0;
}
