// Differences of consoles, and the times of a debug.log: whatever a guest may print. The first line feed that follows
// another parts the input in two texts.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "suite/libreswan/result_files.h"
#include "suite/libreswan/text_diff.h"

using namespace kvmtest::suite::libreswan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t at = std::min(text.find("\n\n"), text.size());
  const std::string_view before = text.substr(0, at);
  const std::string_view after = text.substr(at);
  kvmtest::judge::Effort effort;
  if (!text_diff(before, before, "a/x", "b/x", effort).empty()) std::abort();
  const std::string diff = text_diff(before, after, "a/x", "b/x", effort);
  if (!diff.empty() && !diff.starts_with("--- a/x\n+++ b/x\n@@ -")) std::abort();
  if (before == after && !same_but_for_blanks(before, after)) std::abort();
  (void)read_debug_log(text);
  return 0;
}
