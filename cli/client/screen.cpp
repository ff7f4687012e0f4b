#include "client/screen.h"

#include <cerrno>

#include <sys/ioctl.h>
#include <unistd.h>

namespace kvmtest::client {

std::optional<WindowSize> window_size(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return WindowSize{size.ws_row > 0 ? size.ws_row : WindowSize{}.rows, size.ws_col};
}

void write_all(std::string_view bytes, int file) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace kvmtest::client
