#include "kvmtest/attempt_files.h"

#include <algorithm>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace kvmtest::command {

namespace fs = std::filesystem;

namespace {

constexpr std::streamoff diff_limit = 1 << 20;
constexpr std::string_view clean_console = ".console.txt";
constexpr std::string_view kernel = ".kernel.txt";

/// HOST of each file HOST + `end`.
std::vector<std::string> hosts_of(const fs::path& directory, std::string_view end) {
  std::vector<std::string> hosts;
  for (const fs::path& file : files_in(directory)) {
    const std::string name = file.filename();
    if (name.ends_with(end)) hosts.push_back(name.substr(0, name.size() - end.size()));
  }
  return hosts;
}

}  // namespace

std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error))
    if (entry.is_regular_file(error)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string first_bytes(const fs::path& file, std::streamoff limit) {
  std::ifstream in(file, std::ios::binary);
  std::string text(static_cast<std::size_t>(limit), '\0');
  in.read(text.data(), limit);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string last_bytes(const fs::path& file, std::streamoff limit) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : 0;
  in.seekg(std::max<std::streamoff>(0, size - limit));
  std::string text(static_cast<std::size_t>(std::min(size, limit)), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  if (size > limit) text.insert(0, fmt::format("({} bytes before this are left out)\n", size - limit));
  return text;
}

std::string read_diff(const fs::path& directory) {
  std::string diff;
  if (directory.empty()) return diff;
  for (const fs::path& file : files_in(directory))
    if (file.extension() == ".diff") diff += first_bytes(file, diff_limit);
  return diff;
}

std::vector<std::string> console_hosts(const fs::path& directory) { return hosts_of(directory, clean_console); }

std::vector<std::string> kernel_hosts(const fs::path& directory) { return hosts_of(directory, kernel); }

fs::path kernel_file(const fs::path& directory, const std::string& host) {
  return directory / (host + std::string(kernel));
}

fs::path console_file(const fs::path& directory, const std::string& host, bool raw) {
  return directory / (host + (raw ? ".console.raw" : std::string(clean_console)));
}

}  // namespace kvmtest::command
