#include "suite/libreswan/checkout.h"

#include <algorithm>
#include <utility>

#include "core/input_error.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

// The stems of a directory's files with this suffix, sorted. Throws core::InputError when there is none.
std::vector<std::string> stems(const fs::path& directory, std::string_view suffix, const std::string& what) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() == suffix && !path.stem().string().starts_with('.')) names.push_back(path.stem());
  }
  if (names.empty()) {
    throw core::InputError({directory}, "no " + what + " (*" + std::string(suffix) + ") here" +
                                            (error ? ": " + error.message() : std::string()) +
                                            "; is this the testing directory of a libreswan checkout?");
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

Checkout::Checkout(fs::path testing)
    : testing_(std::move(testing)),
      hosts_(stems(testing_ / "kvm/vm", ".xml", "hosts")),
      platforms_(stems(testing_ / "kvm/upgrade", ".sh", "platforms")) {
  // nic and road exist on linux only. The others of their kind are known all the same: a test that asks for one must
  // be told apart from a script that names no guest.
  for (const std::string& host : hosts_) {
    for (const std::string& platform : platforms_) {
      const Guest guest{platform + host, host, platform};
      guests_.emplace(guest.name, guest);
      if (platform != linux_platform) continue;
      guests_.emplace(host, guest);
      linux_.push_back(guest);
    }
  }
  const auto rank = [](const Guest& guest) { return guest.host == "nic" ? 0 : guest.host == "east" ? 1 : 2; };
  std::stable_sort(linux_.begin(), linux_.end(), [&](const Guest& a, const Guest& b) { return rank(a) < rank(b); });
}

const Guest* Checkout::guest(std::string_view name) const {
  const auto found = guests_.find(name);
  return found == guests_.end() ? nullptr : &found->second;
}

std::vector<Guest> Checkout::named_in(std::string_view file_name) const {
  std::vector<Guest> found;
  for (std::size_t at = 0; at < file_name.size();) {
    std::size_t end = at;
    while (end < file_name.size() && is_word(file_name[end])) ++end;
    if (const Guest* known = guest(file_name.substr(at, end - at))) found.push_back(*known);
    at = std::max(end, at + 1);
  }
  return found;
}

std::shared_ptr<const Checkout> Checkouts::at(const fs::path& testing) {
  auto& checkout = read_[testing];
  if (!checkout) checkout = std::make_shared<const Checkout>(testing);
  return checkout;
}

std::shared_ptr<const Sanitizer> Checkouts::sanitizer(const Checkout& checkout, const LoadContext& context) {
  auto& sanitizer = sanitizers_[checkout.testing()];
  if (!sanitizer) sanitizer = std::make_shared<const Sanitizer>(checkout.testing(), context.cache, context.confinement);
  return sanitizer;
}

}  // namespace kvmtest::suite::libreswan
