#include "libvirt/images.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "engine/hypervisor.h"
#include "process/run.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;

// A server for disks may be silent for good. Nothing is written but a header.
constexpr std::chrono::seconds qemu_img_limit{60};

/// Runs qemu-img; its first line of complaint becomes the error, about `about`, and that `made` has no room.
void qemu_img(std::vector<std::string> arguments, const std::string& about, const fs::path& made) {
  const auto cannot_start = [](int error) {
    return HostFault(fmt::format("qemu-img: {}; run scripts/bootstrap run", std::strerror(error)));
  };
  const fs::path program = process::find_program("qemu-img");
  if (program.empty()) throw cannot_start(ENOENT);
  arguments.insert(arguments.begin(), program);
  std::string words;
  process::Ended ended;
  try {
    ended = process::run({.command = std::move(arguments),
                          .environment = process::own_environment(),
                          .limit = qemu_img_limit,
                          .take_errors = [&](std::string_view bytes) {
                            words += bytes;
                            return true;
                          }});
  } catch (const std::system_error& error) {
    throw HostFault(error.what());
  }
  if (ended.start_error != 0) throw cannot_start(ended.start_error);
  if (ended.timed_out)
    throw HostFault(fmt::format("{}: qemu-img has no answer after {} s", about, qemu_img_limit.count()));
  if (ended.status != 0)
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
