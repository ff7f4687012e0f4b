#include "wire/console_frame.h"

#include <stdexcept>

namespace kvmtest::wire {
namespace {

constexpr std::size_t head_size = 5;  // the kind, and the payload's length in four bytes, the highest first

std::size_t length_in(std::string_view head) {
  std::size_t length = 0;
  for (const char byte : head.substr(1, 4)) length = length << 8U | static_cast<unsigned char>(byte);
  return length;
}

}  // namespace

std::string to_bytes(ConsoleFrame::Kind kind, std::string_view payload) {
  if (payload.size() > longest_frame) throw std::length_error("a console frame is too long");
  std::string bytes(1, static_cast<char>(kind));
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes.push_back(static_cast<char>(payload.size() >> shift & 0xffU));
  return bytes.append(payload);
}

std::optional<ConsoleFrame> FrameReader::next() {
  if (pending_.empty()) return std::nullopt;
  if (std::string_view("drisne").find(pending_[0]) == std::string_view::npos)
    throw std::runtime_error("not a console frame");
  if (pending_.size() < head_size) return std::nullopt;
  const std::size_t length = length_in(pending_);
  if (length > longest_frame) throw std::runtime_error("a console frame is too long");
  if (pending_.size() < head_size + length) return std::nullopt;
  ConsoleFrame frame{static_cast<ConsoleFrame::Kind>(pending_[0]), pending_.substr(head_size, length)};
  pending_.erase(0, head_size + length);
  return frame;
}

}  // namespace kvmtest::wire
