// QEMU's own view of the file system: real namespaces, with a shell in QEMU's place.

#include "sandbox/emulator.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../directory.h"

namespace kvmtest::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uid_t user = 54321;

bool hides(const process::Confinement& files, const fs::path& directory) {
  return std::find(files.hidden.begin(), files.hidden.end(), directory) != files.hidden.end();
}

const process::Confinement::Shown* shown_at(const process::Confinement& files, const fs::path& path) {
  const auto found =
      std::find_if(files.shown.begin(), files.shown.end(), [&](const auto& each) { return each.where == path; });
  return found == files.shown.end() ? nullptr : &*found;
}

TEST(EmulatorsView, FilesAreReadAsTheyWereWritten) {
  process::Confinement files;
  files.hidden = {"/home"};
  files.shown = {{"/a b\n%41=\"'/ü", "/a b\n%41=\"'/ü", true}, {"/write=", "/write="}};
  const process::Confinement read = files_from(written(files));
  EXPECT_EQ(read.hidden, files.hidden);
  ASSERT_EQ(read.shown.size(), 2U);
  EXPECT_EQ(read.shown[0].what, files.shown[0].what);
  EXPECT_TRUE(read.shown[0].to_read);
  EXPECT_EQ(read.shown[1].where, "/write=");
  EXPECT_FALSE(read.shown[1].to_read);
}

TEST(EmulatorsView, AnEmulatorIsToldByThePathItIsStartedBy) {
  EXPECT_EQ(emulator_of("/run/kvmtest/qemu/17.5/usr/bin/qemu-system-x86_64"), "/usr/bin/qemu-system-x86_64");
  for (const char* none : {"/run/kvmtest/qemu/17.5", "/run/kvmtest/qemu", "/usr/bin/qemu", "kvmtest-qemu", ""})
    EXPECT_EQ(emulator_of(none), "") << none;
}

TEST(EmulatorsView, WhatIsReadIsShownByItsNameAndWhereLinksLead) {
  const Directory directory;  // in /tmp, which is hidden
  const fs::path image = write(directory / "images/disk", "disk");
  fs::create_directory_symlink(directory / "images", directory / "link");
  const process::Confinement files =
      view_of("/usr/bin/qemu", {directory / "link/disk", "/etc/passwd", directory / "nosuch"}, {directory / "written"});
  EXPECT_TRUE(hides(files, "/tmp"));
  for (const fs::path& path : {image, directory / "link/disk"}) {
    ASSERT_NE(shown_at(files, path), nullptr) << path;
    EXPECT_TRUE(shown_at(files, path)->to_read);
  }
  EXPECT_EQ(shown_at(files, "/etc/passwd"), nullptr) << "nobody hides it";
  EXPECT_EQ(shown_at(files, directory / "written"), nullptr) << "it is not there";
}

TEST(EmulatorsView, WhereTheEmulatorLiesNothingIsHidden) {
  const Directory directory;
  const process::Confinement files = view_of(write(directory / "qemu", ""), {}, {});
  EXPECT_FALSE(hides(files, "/tmp"));
  EXPECT_TRUE(hides(files, "/dev/shm"));
}

class InView : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "not root, who becomes somebody else";
    chmod(directory_.path().c_str(), 0711);
    write(directory_ / "image", "image");
    write(directory_ / "other", "other");
    fs::create_directory(directory_ / "own");
    chown((directory_ / "own").c_str(), user, user);
    if (script("true") == EPERM) GTEST_SKIP() << "no user namespace can be made here, as in a chroot";
  }

  /// Its status as somebody else, who sees the image and writes to "own"; an errno where there is no such view.
  int script(const std::string& text) const {
    const process::Confinement files = view_of("/bin/sh", {directory_ / "image"}, {directory_ / "own"});
    const pid_t child = fork();
    if (child == 0) {
      if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) _exit(126);
      if (const int error = enter_emulators_view(files); error != 0) _exit(error);
      if (chdir("/") != 0) _exit(126);
      execl("/bin/sh", "sh", "-c", text.c_str(), "sh", directory_.path().c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

  Directory directory_;
};

TEST_F(InView, ItReadsWhatItNeedsAndNothingBeside) {
  EXPECT_EQ(script("test \"$(cat $1/image)\" = image"), 0);
  EXPECT_EQ(script("test ! -e $1/other && test \"$(ls -A /home /root)\" = '/home:\n\n/root:'"), 0);
  EXPECT_EQ(script("test -r /usr/bin/env && test -c /dev/null && echo >/dev/null"), 0);
}

TEST_F(InView, ItWritesToItsOwnAlone) {
  EXPECT_EQ(script("echo text >$1/own/file && test -s $1/own/file"), 0);
  EXPECT_TRUE(fs::exists(directory_ / "own/file"));
  for (const char* place : {"/tmp", "/var/tmp", "/dev/shm", "/run", "$1"})
    EXPECT_NE(script(std::string("touch ") + place + "/file"), 0) << place;
  EXPECT_NE(script("echo more >>$1/image"), 0);
}

TEST_F(InView, ItHasNoRightsAndGetsNoneBack) {
  EXPECT_EQ(script("test $(id -u) = 54321 && grep -c '^Cap[IPEBA].*\t0*$' /proc/self/status | grep -q 5"), 0);
  for (const char* way : {"umount /tmp", "mount -o remount,rw /", "mount -t tmpfs none /tmp"})
    EXPECT_NE(script(way), 0) << way;
}

}  // namespace
}  // namespace kvmtest::sandbox
