// Resets by snapshot on real domains: that nothing of a test is left for the next, what is kept for later runs, and
// that whatever goes wrong ends in a boot and not in a test on a dirty domain.

#include <fstream>
#include <set>

#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Snapshots : public OnDomains {
 protected:
  Snapshots() {
    for (const char* name : {"one", "two", "three"})
      write_test(name, "# a test\n# hosts: east west\n\neast# hostname\neast\nwest# hostname\nwest\n");
  }

  /// How many resets of the newest run were of the kind, over all attempts: boots, restores, loads, fallbacks.
  [[nodiscard]] unsigned resets(const char* kind) const {
    unsigned count = 0;
    const Json run = results();
    for (const auto& test : run.at("tests"))
      for (const auto& attempt : test.at("attempts")) count += attempt.at("resets").at(kind).get<unsigned>();
    return count;
  }
  [[nodiscard]] Json kept() const { return Json::parse(run_kvmtest({"resets", "--json"}).output); }
  /// Where the kept state of that domain lies.
  [[nodiscard]] fs::path kept_files(const std::string& domain) const {
    for (const auto& state : kept()) {
      if (state.at("domain") != domain) continue;
      if (const fs::path ram = this->ram(); !ram.empty())
        for (const auto& entry : fs::recursive_directory_iterator(ram))
          if (entry.path().filename() == state.at("key").get<std::string>()) return entry.path();
      return directory_ / ".kvmtest/states/kept" / state.at("key").get<std::string>();
    }
    return {};
  }
  void run_all() const {
    const Result ran = run_kvmtest({"run"});
    EXPECT_EQ(ran.status, 0) << ran.output;
  }
  /// Templates of the test's own, with this put into east's devices.
  void with_device_in_east(const std::string& device) const {
    fs::copy(fs::path(KVMTEST_SOURCE) / "config/domains", directory_ / "templates");
    std::string east = read_file("templates/east.xml");
    east.insert(east.find("<serial"), device);
    write_file("templates/east.xml", east);
    std::string settings = read_file("kvmtest.yaml");
    const auto at = settings.find("templates: ") + 11;
    settings.replace(at, settings.find('\n', at) - at, "templates");
    write_file("kvmtest.yaml", settings);
  }
  /// A guest whose root does this when it logs in: the kernel unpacks one initrd over the other.
  void with_profile(const std::string& script) const {
    write_file("extra/root/.profile", script);
    write_file("extra/root/.bash_profile", script);
    const fs::path initrd = directory_ / "initrd";
    fs::copy_file(fs::path(KVMTEST_SOURCE) / ".kvmtest/guest/tiny/initrd", initrd);
    const Result packed =
        run({"/bin/sh", "-c", "cd extra && find . | cpio -o -H newc --quiet >>../initrd"}, directory_);
    ASSERT_EQ(packed.status, 0) << packed.output;
    std::string settings = read_file("kvmtest.yaml");
    const auto at = settings.find("initrd: ") + 8;
    settings.replace(at, settings.find('\n', at) - at, "initrd");
    write_file("kvmtest.yaml", settings);
  }
};

constexpr const char* share = R"(
<filesystem type='mount' accessmode='mapped'><source dir='/usr/share/doc'/><target dir='suite'/><readonly/></filesystem>
)";

TEST_F(Snapshots, TheFirstRunSavesAndTheNextRestores) {
  run_all();
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(resets("restores") + resets("loads"), 4U);
  EXPECT_EQ(kept().size(), 2U);
  run_all();
  EXPECT_EQ(resets("boots"), 0U);
  EXPECT_EQ(resets("restores"), 2U);
  EXPECT_EQ(resets("loads"), 4U);
  // Also by a daemon that has just started.
  ASSERT_EQ(run_kvmtest({"stop", "--daemon"}).status, 0);
  run_all();
  EXPECT_EQ(resets("restores"), 2U);
  EXPECT_TRUE(domains().empty());
}

TEST_F(Snapshots, TwoPrefixesShareOneBoot) {
  prefixes_ = "t1. t2.";
  run_all();
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(kept().size(), 2U);
}

TEST_F(Snapshots, NothingOfATestIsLeftForTheNext) {
  for (const char* name : {"one", "two", "three"}) fs::remove(directory_ / "suite" / (std::string(name) + ".test"));
  // What is left is files, names, addresses, routes, time, noise on the console, a process, shell variables.
  write_test(
      "a",
      "# leaves everything behind\n# hosts: east\n\n"
      "east# touch /tmp/mark /root/mark; hostname spoilt; ip address add 10.1.1.1/8 dev eth1; ip route flush all\n"
      "east# date -s 2031-01-01 >/dev/null; left=here; export LEFT=here; cd /tmp; umask 777; set -f\n"
      "east# (while :; do echo NOISE; sleep 0.01; done) >/dev/console & sleep 0.1\n* (glob)\n");
  write_test("b",
             "# finds nothing\n# hosts: east\n\n"
             "east# ls /tmp/mark /root/mark; hostname; ip -o address show to 10.1.1.1; ip route show default; echo "
             "\"$left$LEFT$PWD\"\n"
             "ls: /tmp/mark: No such file or directory\nls: /root/mark: No such file or directory\neast\n"
             "default via 192.1.2.254 dev eth1 \n/root\n"
             "east# umask; echo /bin/tr*; ps | grep -c '[w]hile'; test $(date +%Y) -lt 2031\n0022\n* (glob)\n0\n");
  const Result ran = run_kvmtest({"run"});
  const auto verdict = verdicts();
  EXPECT_EQ(verdict.at("suite/b"), "passed") << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(resets("loads") + resets("restores"), 1U);
  // Not a byte of it on the next test's console.
  EXPECT_EQ(read_file(".kvmtest/runs/1/suite/b/1/east.console.raw").find("NOISE"), std::string::npos);
}

// QEMU takes going back for the end of a migration, and virtio cards then announce themselves for half a second.
TEST_F(Snapshots, TheWireIsSilentAfterAReset) {
  write_test("two",
             "# a test\n# hosts: east west\n\n"
             "west# timeout 2 tcpdump --immediate-mode -tnl -i eth1 ether src 52:54:00:01:02:17 2>/dev/null | grep -c "
             "'[A-Z]'\n0\n[1]\n");
  write_test("three", read_file("suite/two.test"));
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(resets("boots") + resets("fallbacks"), 2U);
}

TEST_F(Snapshots, NoTwoResetsShareTheirRandomNumbersAndTheClockIsRight) {
  prefixes_ = "t1. t2.";
  for (const char* name : {"one", "two", "three"})
    write_test(
        name,
        "# a test\n# hosts: east\n\neast# head -c 16 /dev/urandom | od -An -tx1\n* (glob)\neast# date +%s\n* (glob)\n");
  run_all();
  run_all();
  std::set<std::string> numbers;
  for (const char* run : {"1", "2"})
    for (const char* name : {"one", "two", "three"}) {
      const fs::path console = fs::path(".kvmtest/runs") / run / "suite" / name / "1/east.console.txt";
      const std::string text = read_file(console);
      const auto first = text.find('\n') + 1;
      numbers.insert(text.substr(first, text.find('\n', first) - first));
      const long guest = std::stol(text.substr(text.find("+%s\n") + 4));
      const auto written = fs::last_write_time(directory_ / console).time_since_epoch();
      const auto host = std::chrono::duration_cast<std::chrono::seconds>(
          written - fs::file_time_type::clock::now().time_since_epoch() +
          std::chrono::system_clock::now().time_since_epoch());
      EXPECT_NEAR(static_cast<double>(guest), static_cast<double>(host.count()), 5) << run << name;
    }
  EXPECT_EQ(numbers.size(), 6U);
}

TEST_F(Snapshots, HostsThatATestDoesNotNeedArePausedAndComeBack) {
  write_test(
      "one",
      "# a test\n# hosts: east west nic\n\neast# ping -q -c 1 -W 5 192.1.2.254 | grep -o '1 received'\n1 received\n");
  write_test("three",
             "# a test\n# hosts: east nic\n\neast# ping -q -c 1 -W 5 192.1.2.254 | grep -o '1 received'\n1 received\n");
  write_test(
      "two",
      "# a test\n# hosts: west east\n\nwest# ping -q -c 1 -W 1 192.1.2.254 | grep -o '[01] received'\n0 received\n");
  Result ran = run_kvmtest({"run", "-v", "suite/one", "suite/two", "suite/three"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(resets("boots"), 3U);
  ran = run_kvmtest({"run", "-v", "suite/one", "suite/two", "suite/three"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(resets("restores"), 3U);
  EXPECT_EQ(resets("loads"), 4U) << ran.output;  // nic's among them: it was paused, not destroyed
}

TEST_F(Snapshots, AHungGuestIsStartedAnewInItsSavedState) {
  write_test("one", "# a test\n# hosts: east west\n\neast(timeout 1s)# stty -icanon; cat >/dev/null\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{
                            {"suite/one", "failed"}, {"suite/three", "passed"}, {"suite/two", "passed"}}));
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(resets("fallbacks"), 0U);
}

TEST_F(Snapshots, ADamagedStateIsNeverUsed) {
  run_all();
  const fs::path memory = kept_files(prefix_ + "east") / "memory.qcow2";
  ASSERT_TRUE(fs::exists(memory)) << memory;
  {
    std::fstream file(memory, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(memory) / 2));
    file.write("damage", 6);
  }
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("the saved state is damaged"), std::string::npos) << ran.output;
  EXPECT_EQ(resets("fallbacks"), 1U);
  EXPECT_EQ(resets("boots"), 1U);
  run_all();
  EXPECT_EQ(resets("boots"), 0U) << "the boot saved it anew";
}

TEST_F(Snapshots, WithoutRoomEveryTestBoots) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  // Nothing in RAM, and next to nothing on disk.
  const fs::path states = directory_ / ".kvmtest/states";
  fs::create_directories(states);
  ASSERT_EQ(mount("none", states.c_str(), "tmpfs", 0, "size=1m"), 0);
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "reset:\n  ram: 1B\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(resets("loads"), 0U);
  EXPECT_NE(ran.output.find("only booted"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("no room"), std::string::npos) << ran.output;
  EXPECT_EQ(run_kvmtest({"stop", "--daemon"}).status, 0);
  EXPECT_EQ(umount(states.c_str()), 0);
}

TEST_F(Snapshots, PastTheBudgetOfRamStatesLieInTheStateDirectory) {
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "reset:\n  ram: 1B\n");
  run_all();
  ASSERT_EQ(kept().size(), 2U);
  for (const auto& state : kept()) EXPECT_FALSE(state.at("in_ram").get<bool>());
  run_all();
  EXPECT_EQ(resets("restores"), 2U);
}

TEST_F(Snapshots, QemuKilledDuringALoadEndsInABoot) {
  run_all();
  Process running(kvmtest({"run", "-v"}), directory_);
  ASSERT_TRUE(running.wait_for(prefix_ + "east: load started")) << running.output();
  if (const pid_t qemu = pid_of(prefix_ + "east"); qemu > 0) send_signal(qemu, SIGKILL);
  EXPECT_EQ(running.finish(), 0) << running.output();
  for (const auto& [test, verdict] : verdicts()) EXPECT_EQ(verdict, "passed") << test << running.output();
}

TEST_F(Snapshots, SharesAreUnmountedForTheSavingAndMountedAgain) {
  with_device_in_east(share);
  with_profile("mkdir -p '/mnt/a share'; mount -t 9p -o trans=virtio,version=9p2000.L,ro suite '/mnt/a share'\n");
  for (const char* name : {"one", "two"})
    write_test(name,
               "# a test\n# hosts: east west\n\neast# test -d '/mnt/a share/bash' && grep -c ' 9p ' /proc/mounts\n1\n");
  run_all();
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(resets("restores") + resets("loads"), 4U);
}

TEST_F(Snapshots, AShareThatIsBusyMeansBoots) {
  with_device_in_east(share);
  with_profile("mkdir -p /mnt/s; mount -t 9p -o trans=virtio,version=9p2000.L,ro suite /mnt/s; cd /mnt/s\n");
  write_test("one", "# a test\n# hosts: east\n\neast# grep -c ' 9p ' /proc/mounts\n1\n");
  const Result ran = run_kvmtest({"run", "-v"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("the share on /mnt/s stands in the way"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("only booted"), std::string::npos) << ran.output;
}

TEST_F(Snapshots, AChangedImageIsNeverServedStale) {
  with_profile("export GENERATION=1\n");
  write_test("one", "# a test\n# hosts: east\n\neast# echo $GENERATION\n1\n");
  run_all();
  const auto daemon = daemon_pid();
  fs::remove(directory_ / "initrd");
  write_file("kvmtest.yaml", read_file("kvmtest.yaml"));
  fs::copy_file(fs::path(KVMTEST_SOURCE) / ".kvmtest/guest/tiny/initrd", directory_ / "initrd");
  write_file("extra/root/.bash_profile", "export GENERATION=2\n");
  write_file("extra/root/.profile", "export GENERATION=2\n");
  ASSERT_EQ(run({"/bin/sh", "-c", "cd extra && find . | cpio -o -H newc --quiet >>../initrd"}, directory_).status, 0);
  write_test("one", "# a test\n# hosts: east\n\neast# echo $GENERATION\n2\n");
  run_all();
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(daemon_pid(), daemon) << "the daemon was to stay";
}

TEST_F(Snapshots, NothingIsKeptUnlessItShall) {
  EXPECT_EQ(run_kvmtest({"run", "--no-keep"}).status, 0);
  EXPECT_EQ(resets("boots"), 2U);
  EXPECT_EQ(resets("restores") + resets("loads"), 4U);
  EXPECT_TRUE(eventually([&] { return kept().empty(); }));
  run_all();
  EXPECT_EQ(kept().size(), 2U);
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_TRUE(kept().empty());
}

TEST_F(Snapshots, BootIsStillThere) {
  EXPECT_EQ(run_kvmtest({"run", "--reset", "boot"}).status, 0);
  EXPECT_EQ(resets("boots"), 6U);
  EXPECT_TRUE(kept().empty());
  const Result ran = run_kvmtest({"run", "--reset", "snapshots"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.output.find("--reset: 'snapshots' is not a way to reset; write snapshot, auto or boot"),
            std::string::npos)
      << ran.output;
}

}  // namespace
}  // namespace kvmtest::testing
