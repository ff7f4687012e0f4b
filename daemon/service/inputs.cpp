#include "service/inputs.h"

#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/digest.h"
#include "settings/input_file.h"

namespace kvmtest::service {

namespace fs = std::filesystem;

namespace {

std::set<fs::path> files_of(const suite::Test& test) {
  std::error_code error;
  if (!fs::is_directory(test.path, error)) return {test.path};
  std::set<fs::path> files;
  // What lies deeper is what earlier attempts put out.
  for (const auto& entry : fs::directory_iterator(test.path, error))
    if (entry.is_regular_file(error)) files.insert(entry.path());
  return files;
}

}  // namespace

std::string inputs_of(const suite::Test& test, const std::function<std::string(const std::string& host)>& guest) {
  std::string all;
  const auto add = [&](const std::string& part) { all += fmt::format("{}\n{}", part.size(), part); };
  for (const fs::path& file : files_of(test)) {
    add(file.filename().string());
    add(settings::file_text(file).value_or(""));
  }
  for (const std::string& host : test.hosts) add(guest(host));
  return base::digest_of(all);
}

std::vector<std::string> inputs_of(const std::vector<suite::LoadedTest>& tests,
                                   const std::function<std::string(const std::string& host)>& guest) {
  std::map<std::string, std::string> guests;
  std::vector<std::string> out;
  for (const auto& loaded : tests)
    out.push_back(inputs_of(loaded.test, [&](const std::string& host) {
      std::string& state = guests[host];
      if (state.empty()) state = guest(host);
      return state;
    }));
  return out;
}

}  // namespace kvmtest::service
