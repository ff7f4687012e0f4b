#pragma once
// Bytes as JSON: text whose code points are the bytes (Latin-1), so that nothing of a guest's output is lost. Pure; any
// thread.

#include <string>
#include <string_view>

namespace kvmtest::wire {

/// Each byte as the code point of its value, in UTF-8.
std::string text_from_bytes(std::string_view bytes);
/// The inverse. Throws std::runtime_error for a code point above 255.
std::string bytes_from_text(std::string_view text);

}  // namespace kvmtest::wire
