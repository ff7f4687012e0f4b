// What a run on real domains leaves in the state directory, and who may read it.

#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// The guest's, which is "swan". Settings are called after libreswan, too.
bool has_password(std::string text) {
  for (std::size_t at = 0; (at = text.find("libreswan", at)) != std::string::npos;) text.erase(at, 9);
  return text.find("swan") != std::string::npos;
}

TEST_F(OnDomains, TheStateDirectoryIsPrivateAndHoldsNoPassword) {
  write_test("one", "# a test\n# hosts: east\n\neast# hostname\neast\n");
  write_file("mine", "untouched");
  fs::create_directories(directory_ / ".kvmtest/libvirt/etc");
  fs::create_symlink(directory_ / "mine", directory_ / ".kvmtest/libvirt/etc/qemu.conf");
  fs::permissions(directory_ / ".kvmtest", fs::perms(0755));

  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find(".kvmtest: other users could look into it; now it is its owner's alone\n"),
            std::string::npos)
      << ran.output;
  EXPECT_EQ(read_file("mine"), "untouched");
  for (const auto& entry : fs::recursive_directory_iterator(directory_ / ".kvmtest")) {
    // libvirt and QEMU choose their own files' modes; nobody gets there.
    const std::string below = entry.path().lexically_relative(directory_ / ".kvmtest").string();
    if (entry.is_symlink() || below.starts_with("libvirt") || below.find("/live/") != std::string::npos) continue;
    // QEMU's user passes through where its files are shown to it (docs/adr/0028); nobody else gets there.
    const fs::perms kept = entry.is_directory() ? fs::perms(066) : fs::perms(077);
    EXPECT_EQ(entry.status().permissions() & kept, fs::perms::none) << below;
  }
  EXPECT_EQ(fs::status(directory_ / ".kvmtest").permissions() & fs::perms(077), fs::perms::none);

  for (const std::vector<std::string>& words : {std::vector<std::string>{"settings"},
                                                {"resets", "--json"},
                                                {"resets", "--inputs"},
                                                {"status", "--json"},
                                                {"log", "--verbose"}})
    EXPECT_FALSE(has_password(run_kvmtest(words).output)) << words.front();
  std::vector<fs::path> roots{directory_ / ".kvmtest"};
  if (!ram().empty()) roots.push_back(ram());
  for (const fs::path& root : roots)
    for (const auto& entry : fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied))
      if (entry.is_regular_file() && entry.path().extension() != ".qcow2" && entry.file_size() < (1U << 24U)) {
        EXPECT_FALSE(has_password(read_file(entry.path()))) << entry.path();
      }
}

}  // namespace
}  // namespace kvmtest::testing
