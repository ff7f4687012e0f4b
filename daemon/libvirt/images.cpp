#include "libvirt/images.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "engine/hypervisor.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not declared by every unistd.h

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;

// A server for disks may be silent for good. Nothing is written but a header.
constexpr std::chrono::seconds qemu_img_limit{60};

/// Whether the other end was closed in time.
bool read_to_end(int file, std::string& words, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{file, POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char buffer[4096];
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got <= 0) return true;
    words.append(buffer, static_cast<std::size_t>(got));
  }
}

/// Runs qemu-img; its first line of complaint becomes the error, about `about`, and that `made` has no room.
void qemu_img(std::vector<std::string> arguments, const std::string& about, const fs::path& made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw HostFault(fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  arguments.insert(arguments.begin(), "qemu-img");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "qemu-img", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string words;
  bool late = false;
  if (error == 0) late = !read_to_end(ends[0], words, std::chrono::steady_clock::now() + qemu_img_limit);
  if (late) kill(pid, SIGKILL);
  close(ends[0]);
  if (error != 0) throw HostFault(fmt::format("qemu-img: {}; run scripts/bootstrap run", std::strerror(error)));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) throw HostFault(fmt::format("{}: qemu-img has no answer after {} s", about, qemu_img_limit.count()));
  if (status != 0)
    throw HostFault(fmt::format("{}: {}{}", about, words.substr(0, words.find('\n')), engine::if_full(made)));
}

/// A qcow2 header's numbers are big-endian.
std::uint64_t number(const std::string& header, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes && at + i < header.size(); ++i)
    value = value << 8U | static_cast<unsigned char>(header[at + i]);
  return value;
}

/// The names that a qcow2 image's header holds; none of another format.
std::vector<std::string> named_in_header(const fs::path& image) {
  constexpr std::size_t most = 65536;  // header, extensions and name lie in the first cluster
  std::string header(most, '\0');
  std::ifstream in(image, std::ios::binary);
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (!header.starts_with("QFI\xfb") || header.size() < 72) return {};
  std::vector<std::string> names;
  if (const auto at = number(header, 8, 8); at != 0 && at < header.size())
    names.push_back(header.substr(at, number(header, 16, 4)));
  constexpr std::uint64_t end = 0;
  constexpr std::uint64_t data_file = 0x44415441;
  for (std::size_t at = number(header, 4, 4) < 3 ? 72 : number(header, 100, 4); at + 8 <= header.size();) {
    const auto kind = number(header, at, 4);
    const auto size = number(header, at + 4, 4);
    if (kind == end) break;
    if (kind == data_file) names.push_back(header.substr(at + 8, size));
    at += 8 + (size + 7) / 8 * 8;
  }
  return names;
}

/// The file that a header's words mean; empty: none of this machine's.
fs::path file_named(std::string name, const fs::path& by) {
  if (name.starts_with("json:")) {
    const auto json = nlohmann::json::parse(name.substr(5), nullptr, false);
    if (!json.is_object()) return {};
    const auto flat = json.flatten();
    name.clear();
    for (const char* key : {"/file/filename", "/filename", "/file.filename"})
      if (flat.contains(key) && flat.at(key).is_string()) name = flat.at(key).get<std::string>();
  }
  if (name.starts_with("file:")) name.erase(0, 5);
  // QEMU takes what stands before a colon for a protocol, unless a slash comes first.
  if (name.empty() || name.find(':') < name.find('/')) return {};
  return by.parent_path() / name;
}

}  // namespace

void make_overlay(const fs::path& file, const std::string& base, const std::string& format) {
  qemu_img({"create", "-q", "-f", "qcow2", "-F", format.empty() ? "raw" : format, "-b", base, file}, base, file);
}

void make_memory_image(const fs::path& file) {
  // Its own size is of no use: QEMU puts the memory behind the end.
  qemu_img({"create", "-q", "-f", "qcow2", file, "1M"}, file, file);
}

std::vector<fs::path> images_below(const fs::path& image) {
  constexpr std::size_t most = 200;  // QEMU itself gives up before; and a chain may be a ring
  std::vector<fs::path> found;
  std::vector<fs::path> to_read{image};
  while (!to_read.empty() && found.size() < most) {
    const fs::path next = to_read.back();
    to_read.pop_back();
    for (const std::string& name : named_in_header(next)) {
      const fs::path file = file_named(name, next);
      if (file.empty() || std::find(found.begin(), found.end(), file) != found.end()) continue;
      found.push_back(file);
      to_read.push_back(file);
    }
  }
  return found;
}

}  // namespace kvmtest::libvirt
