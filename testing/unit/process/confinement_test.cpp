// Programs that are kept from things: real processes, in namespaces of their own where this process may make those.

#include "process/confinement.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "process/run.h"

namespace kvmtest::process {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Confined : public ::testing::Test {
 protected:
  Confined() {
    std::string name = fs::temp_directory_path() / "kvmtest-confined-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    directory_ = name;
    fs::create_directories(state() / "runs/1/files");
    write(state() / "secret", "secret");
    write(state() / "runs/1/other", "other");
    confinement_.hidden = {state(), directory_ / "nosuch"};
    confinement_.shown = {{state() / "runs/1/files", state() / "runs/1/files"}};
  }
  ~Confined() override { fs::remove_all(directory_); }
  void SetUp() override {
    if (!can_confine()) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  }

  [[nodiscard]] fs::path state() const { return directory_ / "state"; }
  static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Runs the script, with $S for the state directory; its output and errors are in printed_.
  Ended run_script(const std::string& script) {
    printed_.clear();
    Order order;
    order.command = {"/bin/sh", "-c", script};
    order.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "S=" + state().string()};
    order.directory = "/";
    order.limit = 120s;
    order.take_output = order.take_errors = [this](std::string_view bytes) {
      printed_ += bytes;
      return printed_.size() < 1'000'000;
    };
    order.confinement = confinement_;
    return run(order);
  }
  std::string printed_by(const std::string& script) {
    run_script(script);
    return printed_;
  }

  fs::path directory_;
  Confinement confinement_;
  std::string printed_;
};

TEST_F(Confined, SeesAndWritesNothingButWhatItIsShown) {
  EXPECT_EQ(exit_status(run_script("cd $S && find . | sort; echo word >runs/1/files/kept")), 0);
  EXPECT_EQ(printed_, ".\n./runs\n./runs/1\n./runs/1/files\n");
  EXPECT_EQ(text_of(state() / "runs/1/files/kept"), "word\n");
  for (const char* script : {"echo >$S/new", "rmdir $S/runs/1/files", "mkdir $S/runs/2", "mv $S $S.away"})
    EXPECT_NE(exit_status(run_script(script)), 0) << script;
  EXPECT_EQ(text_of(state() / "secret"), "secret") << "it is there for others";
}

TEST_F(Confined, ReachesTheHiddenByNoOtherWay) {
  const std::string pid = std::to_string(getpid());
  for (const std::string& root :
       {"/proc/" + pid + "/root", std::string("/proc/1/root"), "/proc/1/cwd" + directory_.string()})
    EXPECT_NE(exit_status(run_script("cat " + root + state().string() + "/secret")), 0) << root;
  for (const char* script :
       {"umount $S", "unshare --mount umount $S", "unshare --user --map-root-user --mount umount $S",
        "mount --bind / /mnt", "nsenter --target 1 --mount true", "cat /proc/1/environ", "ls -l /proc/1/fd",
        "mknod $S/runs/1/files/disk b 8 0", "echo 0 >/proc/sys/kernel/pid_max"})
    EXPECT_NE(exit_status(run_script(script)), 0) << script << '\n' << printed_;
}

TEST_F(Confined, ASocketIsShownInThePlaceOfAnother) {
  const auto listen_at = [](const fs::path& path) {
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{AF_UNIX, {}};
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return listener;
  };
  close(listen_at(state() / "own.sock"));
  close(listen_at(state() / "other.sock"));
  confinement_.shown.push_back({state() / "other.sock", state() / "own.sock"});
  const std::string inode = printed_by("stat -c %i $S/own.sock");
  confinement_ = {};
  EXPECT_EQ(inode, printed_by("stat -c %i $S/other.sock"));
}

TEST_F(Confined, SeesAndSignalsItsOwnProcessesAlone) {
  // The shell, what it calls, and the first process, which nothing ends.
  EXPECT_EQ(printed_by("sleep 1000 & ls /proc | grep -c '^[0-9]'"), "5\n");
  EXPECT_NE(exit_status(run_script("kill -0 " + std::to_string(getpid()))), 0);
  EXPECT_EQ(exit_status(run_script("kill -9 1; sleep 1000 & kill -9 1; exit 3")), 3);
}

TEST_F(Confined, HasFewRightsAndGetsNoneBack) {
  // CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETGID, CAP_SETUID and CAP_NET_RAW.
  EXPECT_EQ(printed_by("grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status"),
            "CapEff:\t00000000000020eb\nCapBnd:\t00000000000020eb\nNoNewPrivs:\t1\n");
}

TEST_F(Confined, ItsMemoryIsBounded) {
  const std::string hog = "dd if=/dev/zero of=/dev/null bs=300M count=1";
  EXPECT_EQ(exit_status(run_script(hog)), 0) << printed_;
  confinement_.memory = 200U << 20U;
  EXPECT_NE(exit_status(run_script(hog)), 0);
  EXPECT_NE(printed_.find("memory exhausted"), std::string::npos) << printed_;
}

TEST_F(Confined, ItsProcessesAreBounded) {
  utsname system{};
  ASSERT_EQ(uname(&system), 0);
  unsigned major = 0;
  unsigned minor = 0;
  ASSERT_EQ(std::sscanf(system.release, "%u.%u", &major, &minor), 2);
  if (std::pair(major, minor) < std::pair(6U, 14U))
    GTEST_SKIP() << "where root starts it, an older kernel counts nothing";
  confinement_.processes = 20;
  const Ended bomb = run_script("i=0; while [ $i -lt 2000 ]; do sleep 1000 & i=$((i+1)); done");
  EXPECT_EQ(exit_status(bomb), 2) << printed_;
  EXPECT_NE(printed_.find("Cannot fork"), std::string::npos) << printed_;
  EXPECT_LT(bomb.left.size(), 400U);
  EXPECT_GT(bomb.left.size(), 10U);
  EXPECT_EQ(exit_status(run_script("sleep 0 & wait")), 0) << "the next one has its own";
}

TEST_F(Confined, OneThatCannotBeConfinedIsNotRun) {
  confinement_.shown.push_back({state() / "nosuch", state() / "nosuch"});
  EXPECT_THROW(run_script("echo ran"), std::system_error);
  EXPECT_EQ(printed_, "");
}

TEST_F(Confined, OneThatCannotBeStartedSaysWhy) {
  Order order;
  order.command = {"/nosuch/program"};
  order.confinement = confinement_;
  EXPECT_EQ(run(order).start_error, ENOENT);
}

}  // namespace
}  // namespace kvmtest::process
