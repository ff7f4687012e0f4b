#pragma once
// The terminal that both programs write to. Any thread.

#include <optional>
#include <string_view>

namespace kvmtest::client {

struct WindowSize {
  unsigned rows = 24;
  unsigned columns = 80;
};

/// Of the terminal behind a file descriptor; nothing when there is none, or it does not know how wide it is.
std::optional<WindowSize> window_size(int descriptor);

/// All of it to standard output, past any buffer; gives up when nobody takes it.
void write_all(std::string_view bytes, int file = 1);

}  // namespace kvmtest::client
