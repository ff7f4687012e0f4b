#include "process/descendants.h"

#include <algorithm>
#include <bitset>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kvmtest::process {
namespace {

constexpr std::size_t most_pids = 1U << 22U;  // PID_MAX_LIMIT (Linux, include/linux/threads.h)

// Static, because there is no memory to be had. One process ends its descendants in one thread.
std::array<char, 1U << 18U> listed;
std::bitset<most_pids> seen;

/// Reads what there is of a file, ended by a zero; its length.
std::size_t read_file(const char* path, char* into, std::size_t size) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  std::size_t length = 0;
  for (ssize_t got = 0; length + 1 < size && (got = read(file, into + length, size - 1 - length)) > 0;)
    length += static_cast<std::size_t>(got);
  close(file);
  into[length] = 0;
  return length;
}

char* append(char* at, const char* text) { return stpcpy(at, text); }

char* append(char* at, pid_t pid) {
  char digits[16];
  std::size_t n = 0;
  for (auto left = static_cast<unsigned>(pid); left > 0 || n == 0; left /= 10)
    digits[n++] = static_cast<char>('0' + left % 10);
  while (n > 0) *at++ = digits[--n];
  *at = 0;
  return at;
}

/// "[sh]": the short name of one that lives, as ps(1) writes it; nothing of one that is dead.
std::size_t short_name(pid_t pid, std::array<char, 160>& into) {
  char path[40];
  append(append(append(path, "/proc/"), pid), "/stat");
  char stat[512];  // PID (NAME) STATE ..., proc(5)
  read_file(path, stat, sizeof stat);
  const char* const begin = strchr(stat, '(');
  const char* const end = strrchr(stat, ')');
  if (begin == nullptr || end == nullptr || end[1] != ' ' || end[2] == 'Z' || end[2] == 'X') return 0;
  const auto length = std::min<std::size_t>(static_cast<std::size_t>(end - begin) + 1, into.size() - 1);
  memcpy(into.data(), begin, length);
  into[0] = '[';
  into[length - 1] = ']';
  into[length] = 0;
  return length;
}

/// One that is dead has no command line any more, and one that is about to become another program has none yet.
Left left_of(pid_t pid) {
  Left left;
  left.pid = pid;
  char path[40];
  append(append(append(path, "/proc/"), pid), "/cmdline");
  std::size_t length = read_file(path, left.words.data(), left.words.size());
  if (length == 0) length = short_name(pid, left.words);
  while (length > 0 && left.words[length - 1] == 0) --length;
  for (std::size_t i = 0; i < length; ++i)
    if (const auto c = static_cast<unsigned char>(left.words[i]); c < 0x20 || c == 0x7f) left.words[i] = ' ';
  return left;
}

/// False: there are no children any more.
bool reap() {
  while (true) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0 && errno != EINTR) return false;
    // The number may be another's next.
    if (pid > 0 && static_cast<std::size_t>(pid) < most_pids) seen[static_cast<std::size_t>(pid)] = false;
  }
}

}  // namespace

void end_descendants(pid_t expected, void (*told)(const Left&, void*), void* whom) {
  char children[64];
  append(append(append(append(append(children, "/proc/"), getpid()), "/task/"), getpid()), "/children");
  seen.reset();
  for (unsigned idle = 0; reap();) {
    bool any = false;
    read_file(children, listed.data(), listed.size());
    for (char* at = listed.data(); *at != 0;) {
      pid_t pid = 0;
      for (; *at >= '0' && *at <= '9'; ++at) pid = pid * 10 + (*at - '0');
      if (*at != 0) ++at;
      if (pid <= 0 || static_cast<std::size_t>(pid) >= most_pids || seen[static_cast<std::size_t>(pid)]) continue;
      const bool tell = told != nullptr && getpgid(pid) != expected;
      const Left left = tell ? left_of(pid) : Left{};
      kill(pid, SIGKILL);
      seen[static_cast<std::size_t>(pid)] = any = true;
      if (tell && left.words[0] != 0) told(left, whom);
    }
    if (any) {
      idle = 0;
      continue;
    }
    // They are dead in a moment. One that the kernel keeps for longer is not asked for all the time.
    const timespec moment{0, ++idle < 500 ? 1'000'000 : 100'000'000};
    nanosleep(&moment, nullptr);
  }
}

}  // namespace kvmtest::process
