// What a dead daemon left of the embedded libvirt, with programs in QEMU's place.

#include "libvirt/leftovers.h"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../send_signal.h"
#include "../directory.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

/// A program that holds its pid file locked, as those do that libvirt starts. It ends with this.
class Program {
 public:
  explicit Program(const fs::path& pid_file) {
    std::array<int, 2> ready{};
    if (pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      const int file = open(pid_file.c_str(), O_RDWR);
      struct flock lock {};
      lock.l_type = F_WRLCK;
      lock.l_whence = SEEK_SET;
      lock.l_len = 1;
      if (fcntl(file, F_SETLK, &lock) != 0) _exit(1);
      if (::write(ready[1], "x", 1) != 1) _exit(1);
      while (true) pause();
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (reaped_) return;
    send_signal(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  /// What ended it; 0: it goes on.
  int ended_by() {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return 0;
    reaped_ = true;
    return WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

TEST(Leftovers, QemusEndAndWhatLibvirtKnewOfThemGoes) {
  const Directory directory;
  const fs::path root = directory / "libvirt";
  write(root / "run/qemu/a.east.pid", "12");
  write(root / "run/qemu/a.west.pid", std::to_string(getpid()));  // a later process of that number
  write(root / "run/qemu/a.west.xml", "<domstatus state='paused' reason='starting up' pid='0'/>");
  write(root / "etc/qemu/a.east.xml", "<domain/>");
  write(root / "lib/qemu/channel/x", "");
  write(root / "log/qemu/a.east.log", "read by people");
  write(root / "cache/qemu/capabilities/x.xml", "quick");
  Program qemu(root / "run/qemu/a.east.pid");
  EXPECT_EQ(end_embedded_leftovers(root), std::vector<std::string>{"a.east"});
  EXPECT_EQ(qemu.ended_by(), SIGKILL);
  for (const char* gone : {"run", "etc", "lib"}) EXPECT_FALSE(fs::exists(root / gone)) << gone;
  EXPECT_TRUE(fs::exists(root / "log/qemu/a.east.log"));
  EXPECT_TRUE(fs::exists(root / "cache/qemu/capabilities/x.xml"));
}

TEST(Leftovers, ACopyOfTheDirectoryEndsNothingAndAMovedOneDoes) {
  const Directory directory;
  write(directory / "first/run/qemu/a.east.pid", "12");
  Program qemu(directory / "first/run/qemu/a.east.pid");
  fs::copy(directory / "first", directory / "copy", fs::copy_options::recursive);
  EXPECT_TRUE(end_embedded_leftovers(directory / "copy").empty());
  EXPECT_EQ(qemu.ended_by(), 0);
  fs::rename(directory / "first", directory / "moved");
  EXPECT_EQ(end_embedded_leftovers(directory / "moved").size(), 1U);
  EXPECT_EQ(qemu.ended_by(), SIGKILL);
}

TEST(Leftovers, WhereNothingIsThereIsNothingToDo) {
  const Directory directory;
  EXPECT_TRUE(end_embedded_leftovers(directory / "none").empty());
}

}  // namespace
}  // namespace kvmtest::libvirt
