// Letting a key in: the command on real shells, and what is made of what a guest prints.

#include "engine/ssh_access.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/quoting.h"

namespace kvmtest::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* key = "ssh-ed25519 AAAAC3Nz kvmtest";

class SshAccess : public ::testing::TestWithParam<const char*> {
 protected:
  SshAccess() { mkdtemp(home_.data()); }
  ~SshAccess() override { fs::remove_all(home_); }

  /// The exit status of the command, for a user with that home directory.
  [[nodiscard]] int run(bool server) const {
    fs::create_directories(home_ + "/bin");
    if (server) std::ofstream(home_ + "/bin/dropbear") << "#!/bin/sh\n";
    fs::permissions(home_ + "/bin", fs::perms::owner_all);
    if (server) fs::permissions(home_ + "/bin/dropbear", fs::perms::owner_all);
    // No server of this machine's is found, nor are its programs, which the shell is to do without.
    const std::string command =
        "HOME=" + home_ + " PATH=" + home_ + "/bin " + GetParam() + " -c " +
        base::shell_quoted("sbin() { :; }; mkdir() { /bin/mkdir \"$@\"; }; " + letting_in(key)) + " >/dev/null";
    return std::system(command.c_str());
  }
  [[nodiscard]] std::string allowed() const {
    std::ostringstream text;
    text << std::ifstream(home_ + "/.ssh/authorized_keys").rdbuf();
    return text.str();
  }

  std::string home_ = "/tmp/kvmtest-ssh-access.XXXXXX";
};

TEST_P(SshAccess, TheKeyIsAddedToThoseThatAreThere) {
  EXPECT_EQ(run(true), 0);
  EXPECT_EQ(allowed(), std::string(key) + '\n');
  struct stat status {};
  ASSERT_EQ(stat((home_ + "/.ssh").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(stat((home_ + "/.ssh/authorized_keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  std::ofstream(home_ + "/.ssh/authorized_keys") << "somebody's\n";
  EXPECT_EQ(run(true), 0);
  EXPECT_EQ(allowed(), "somebody's\n" + std::string(key) + '\n');
}

INSTANTIATE_TEST_SUITE_P(Shells, SshAccess,
                         ::testing::Values("/bin/bash", "/bin/dash", "/bin/zsh --emulate sh", "/bin/busybox sh"));

TEST(SshHostKeys, AreWhatTheGuestPrintedAsSuch) {
  EXPECT_EQ(host_keys_in("ssh-ed25519 AAAAC3Nz root@east\r\necdsa-sha2-nistp256 AAAAE2Vj\n"),
            "ssh-ed25519 AAAAC3Nz\necdsa-sha2-nistp256 AAAAE2Vj\n");
  for (const char* other : {"", "\n", "cat: no such file", "ssh-ed25519", "ssh-ed25519 \x1b[31mAAAA",
                            "ssh-rsa AAAA\x07", "* ssh-ed25519 AAAAC3Nz", "@cert-authority * ssh-rsa AAAA"})
    EXPECT_EQ(host_keys_in(other), "") << other;
}

}  // namespace
}  // namespace kvmtest::engine
