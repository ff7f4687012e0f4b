#include "kvmtest/attempt_files.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/open_directory.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t diff_limit = 1U << 20U;
constexpr std::size_t json_limit = 64U << 20U;
constexpr std::string_view clean_console = ".console.txt";
constexpr std::string_view kernel = ".kernel.txt";

/// HOST of each file HOST + `end`.
std::vector<std::string> hosts_of(const fs::path& directory, std::string_view end) {
  std::vector<std::string> hosts;
  for (const std::string& name : files_in(directory))
    if (name.ends_with(end)) hosts.push_back(name.substr(0, name.size() - end.size()));
  return hosts;
}

/// The bytes from `offset` on, as many as fit into `into`; fewer at the file's end. Throws base::FileError.
std::size_t read_at(const base::Descriptor& file, std::string& into, off_t offset, const fs::path& path) {
  std::size_t had = 0;
  while (had < into.size()) {
    const ssize_t got = pread(file.number(), into.data() + had, into.size() - had, offset + static_cast<off_t>(had));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw base::FileError(errno, path);
    if (got == 0) break;
    had += static_cast<std::size_t>(got);
  }
  return had;
}

}  // namespace

std::vector<std::string> files_in(const fs::path& directory) {
  std::vector<std::string> files;
  try {
    for (auto& entry : base::OpenDirectory(directory).list())
      if (entry.kind == base::OpenDirectory::Kind::file) files.push_back(std::move(entry.name));
  } catch (const base::FileError&) {
    files.clear();
  }
  return files;
}

std::string first_bytes(const fs::path& directory, const std::string& name, std::size_t limit) {
  try {
    auto contents = base::OpenDirectory(directory).read(name, limit);
    return contents ? std::move(contents->bytes) : std::string();
  } catch (const base::FileError&) {
    return {};
  }
}

std::string last_bytes(const fs::path& directory, const std::string& name, std::size_t limit) {
  try {
    const base::Descriptor file = base::OpenDirectory(directory).open_file(name);
    struct stat status {};
    if (fstat(file.number(), &status) != 0) return {};
    const auto size = static_cast<std::size_t>(status.st_size);
    std::string text(std::min(size, limit), '\0');
    text.resize(read_at(file, text, static_cast<off_t>(size - text.size()), directory / name));
    if (size > limit) text.insert(0, fmt::format("({} bytes before this are left out)\n", size - limit));
    return text;
  } catch (const base::FileError&) {
    return {};
  }
}

nlohmann::json json_in(const fs::path& directory, const std::string& name) {
  return nlohmann::json::parse(first_bytes(directory, name, json_limit), nullptr, false);
}

void each_piece(const fs::path& directory, const std::string& name, const std::function<void(std::string_view)>& take) {
  constexpr std::size_t piece = 1U << 20U;
  const base::Descriptor file = base::OpenDirectory(directory).open_file(name);
  std::string bytes;
  for (off_t offset = 0;;) {
    bytes.resize(piece);
    bytes.resize(read_at(file, bytes, offset, directory / name));
    if (bytes.empty()) return;
    if (const auto end = bytes.rfind('\n'); bytes.size() == piece && end != std::string::npos) bytes.resize(end + 1);
    offset += static_cast<off_t>(bytes.size());
    take(bytes);
  }
}

std::string read_diff(const fs::path& directory) {
  std::string diff;
  if (directory.empty()) return diff;
  for (const std::string& name : files_in(directory))
    if (name.ends_with(".diff")) diff += first_bytes(directory, name, diff_limit);
  return diff;
}

std::vector<std::string> console_hosts(const fs::path& directory) { return hosts_of(directory, clean_console); }

std::vector<std::string> kernel_hosts(const fs::path& directory) { return hosts_of(directory, kernel); }

std::string kernel_file(const std::string& host) { return host + std::string(kernel); }

std::string console_file(const std::string& host, bool raw) {
  return host + (raw ? ".console.raw" : std::string(clean_console));
}

}  // namespace kvmtest::command
