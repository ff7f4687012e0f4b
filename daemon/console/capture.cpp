#include "console/capture.h"

#include <algorithm>

#include <fmt/format.h>

namespace kvmtest::console {

void Capture::append(std::string_view bytes) {
  total_ += bytes.size();
  const std::size_t head_bound = bound_ - bound_ / 2;
  const std::size_t tail_bound = bound_ / 2;
  const std::size_t to_head = std::min(bytes.size(), head_bound - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  if (bytes.size() > tail_bound) bytes.remove_prefix(bytes.size() - tail_bound);

  const std::size_t to_grow = std::min(bytes.size(), tail_bound - tail_.size());
  tail_.append(bytes.substr(0, to_grow));
  bytes.remove_prefix(to_grow);
  while (!bytes.empty()) {
    const std::size_t run = std::min(bytes.size(), tail_.size() - oldest_);
    tail_.replace(oldest_, run, bytes.substr(0, run));
    oldest_ = (oldest_ + run) % tail_.size();
    bytes.remove_prefix(run);
  }
}

std::string Capture::text() const {
  std::string all = head_;
  if (truncated()) all += fmt::format("\n>>>>>>>>>> {} bytes cut <<<<<<<<<<\n", total_ - head_.size() - tail_.size());
  all.append(tail_, oldest_);
  all.append(tail_, 0, oldest_);
  return all;
}

}  // namespace kvmtest::console
