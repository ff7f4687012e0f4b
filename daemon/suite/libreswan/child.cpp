#include "suite/libreswan/child.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "process/child.h"

namespace kvmtest::suite::libreswan {

namespace {

constexpr std::size_t output_bound = 64U << 20U;  // bytes; of a console a sanitizer prints less than it is given

/// A file in memory that the child writes to: a pipe would want somebody to read it meanwhile.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("kvmtest-child", MFD_CLOEXEC)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::size_t size() const {
    const off_t size = lseek(descriptor_, 0, SEEK_END);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  /// What it holds, at most `bound` bytes.
  [[nodiscard]] std::string text(std::size_t bound) const {
    std::string out(std::min(size(), bound), '\0');
    std::size_t have = 0;
    while (have < out.size()) {
      const ssize_t got = pread(descriptor_, out.data() + have, out.size() - have, static_cast<off_t>(have));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

 private:
  int descriptor_;
};

/// Whether the program ended within the limit.
bool wait_for(process::Child& child, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!child.ended()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd told{child.descriptor(), POLLIN, 0};
    poll(&told, 1, static_cast<int>(left.count()));
  }
  return true;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& words, std::chrono::milliseconds limit) {
  ChildResult result;
  const MemoryFile output;
  const MemoryFile errors;
  const auto not_run = [&](int error) {
    result.error = std::string("cannot be run: ") + std::strerror(error);
    return result;
  };
  if (output.descriptor() < 0 || errors.descriptor() < 0) return not_run(errno);
  process::Launch launch{words, {}, {}, output.descriptor(), errors.descriptor(), output_bound};
  for (char** entry = environ; *entry != nullptr; ++entry) launch.environment.emplace_back(*entry);
  try {
    process::Child child(launch);
    if (child.start_error() != 0) return not_run(child.start_error());
    if (!wait_for(child, limit)) result.error = "took longer than " + std::to_string(limit.count() / 1000) + " s";
    child.end();
    const int status = child.status();
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  } catch (const std::system_error& error) {
    return not_run(error.code().value());
  }
  if (result.error.empty() && std::max(output.size(), errors.size()) >= output_bound)
    result.error = "printed more than " + std::to_string(output_bound >> 20U) + " MiB";
  result.output = output.text(output_bound);
  result.errors = errors.text(output_bound);
  return result;
}

std::uint64_t child_token() {
  static std::atomic<std::uint64_t> next{0};
  return static_cast<std::uint64_t>(getpid()) << 32U | ++next;
}

}  // namespace kvmtest::suite::libreswan
