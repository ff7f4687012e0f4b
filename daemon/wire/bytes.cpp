#include "wire/bytes.h"

#include <cstddef>
#include <stdexcept>

namespace kvmtest::wire {

std::string text_from_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text.push_back(c);
    } else {
      text.push_back(static_cast<char>(0xc0 | (byte >> 6)));
      text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  return text;
}

std::string bytes_from_text(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes.push_back(text[i]);
      continue;
    }
    if ((byte & 0xfc) != 0xc0 || i + 1 == text.size())
      throw std::runtime_error("not bytes as text: a code point above 255");
    bytes.push_back(static_cast<char>((byte << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f)));
  }
  return bytes;
}

}  // namespace kvmtest::wire
