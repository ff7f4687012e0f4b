#pragma once
// The machines of a libreswan checkout, as its testing/ directory has them. docs/formats.md tells the format. Reads
// files; any thread.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "suite/format.h"
#include "suite/libreswan/guests.h"
#include "suite/libreswan/sanitizer.h"

namespace kvmtest::suite::libreswan {

/// Hosts, platforms, and the guests they make. Immutable.
class Checkout {
 public:
  /// `testing`: the checkout's testing directory, absolute. Throws core::InputError "file: message" when its kvm/vm
  /// names no host or its kvm/upgrade no platform.
  explicit Checkout(std::filesystem::path testing);

  [[nodiscard]] const std::filesystem::path& testing() const { return testing_; }
  [[nodiscard]] const std::vector<std::string>& hosts() const { return hosts_; }
  [[nodiscard]] const std::vector<std::string>& platforms() const { return platforms_; }
  /// The guests on linux: nic, east, then the others by name.
  [[nodiscard]] const std::vector<Guest>& linux_guests() const { return linux_; }
  /// The guest of that name ("netbsdrise"; "rise" is linux's); null: there is none.
  [[nodiscard]] const Guest* guest(std::string_view name) const;
  /// Those whose names stand as words in a file's name, in their order there.
  [[nodiscard]] std::vector<Guest> named_in(std::string_view file_name) const;

 private:
  std::filesystem::path testing_;
  std::vector<std::string> hosts_;
  std::vector<std::string> platforms_;
  std::map<std::string, Guest, std::less<>> guests_;
  std::vector<Guest> linux_;
};

/// The checkouts met while loading, each read once. One thread.
class Checkouts {
 public:
  /// Throws what Checkout does.
  std::shared_ptr<const Checkout> at(const std::filesystem::path& testing);
  /// The sanitizer that all tests of a checkout share.
  std::shared_ptr<const Sanitizer> sanitizer(const Checkout& checkout, const LoadContext& context);

 private:
  std::map<std::filesystem::path, std::shared_ptr<const Sanitizer>> sanitizers_;
  std::map<std::filesystem::path, std::shared_ptr<const Checkout>> read_;
};

}  // namespace kvmtest::suite::libreswan
