// An ordinary user, who may nothing that root may, on real domains.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "hostile.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* quick = "# quick\n# hosts: east\n\neast# hostname\neast\n";

class AsUser : public OnDomains {
 public:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "not root, who becomes an ordinary user; all tests here run as one";
    if (!user_makes_namespaces()) GTEST_SKIP() << "an ordinary user may make no namespace here, as in a chroot";
    std::ifstream accounts("/etc/passwd");
    write_file("etc/passwd", std::string(std::istreambuf_iterator<char>(accounts), {}) +
                                 "kvmtester:x:54321:54321::/nonexistent:/bin/sh\n");
    give_ids("kvmtester:700000:65536\n");
    write_test("a", quick);
    give_to_user();
  }
  ~AsUser() override {
    if (geteuid() != 0) return;
    run(as_user(kvmtest({"uninstall"})), directory_);
  }

 protected:
  void give_ids(const std::string& ranges) const {
    for (const char* file : {"etc/subuid", "etc/subgid"}) write_file(file, ranges);
  }
  /// The accounts are seen by this command and by what it starts alone.
  [[nodiscard]] std::vector<std::string> as_user(std::vector<std::string> words, const std::string& how = "") const {
    const std::string script = "for f in passwd subuid subgid; do mount --bind \"$0/etc/$f\" /etc/$f || exit; done; " +
                               how + " exec setpriv --reuid 54321 --regid 54321 --clear-groups \"$@\"";
    words.insert(words.begin(), {"unshare", "--mount", "sh", "-c", script, directory_.string()});
    return words;
  }
  [[nodiscard]] Result run_as_user(std::vector<std::string> words) const {
    return run(as_user(kvmtest(std::move(words))), directory_);
  }
  [[nodiscard]] std::string log() const { return read_file(".kvmtest/kvmtestd.log"); }
};

TEST_F(AsUser, RunsTestsAndNothingOfItIsSeenOutside) {
  const Result ran = run_as_user({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(log().find("your user's own id"), std::string::npos) << log();
  ASSERT_EQ(run_as_user({"up", prefix_ + "east"}).status, 0);
  for (const auto& entry : fs::directory_iterator("/sys/class/net"))
    EXPECT_FALSE(entry.path().filename().string().starts_with(prefix_)) << entry.path();
  EXPECT_EQ(bridges().size(), 6U);
}

/// A line of /proc/PID/status, without its name.
std::string status_of(pid_t pid, const std::string& name) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

// Each prefix' QEMUs have an id of their own, without any right, under libvirt's seccomp sandbox.
TEST_F(AsUser, QemuHasNoRights) {
  prefixes_ = "t1. t2.";
  ASSERT_EQ(run_as_user({"up", "t1.east", "t1.west", "t2.east"}).status, 0);
  const auto up = domains();
  ASSERT_EQ(up.size(), 3U);
  const auto id = [&](const std::string& domain) { return status_of(up.at(domain), "Uid"); };
  EXPECT_EQ(id("t1.east"), id("t1.west"));
  EXPECT_NE(id("t1.east"), id("t2.east"));
  EXPECT_EQ(id("t1.east").find("54321"), std::string::npos);
  for (const auto& [name, pid] : up) {
    EXPECT_EQ(status_of(pid, "CapPrm"), "0000000000000000") << name;
    EXPECT_EQ(status_of(pid, "CapEff"), "0000000000000000") << name;
    EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1") << name;
    EXPECT_EQ(status_of(pid, "Seccomp"), "2") << name;
  }
}

// The machine's directory of keys for TPMs' certificates is not this user's to write to.
TEST_F(AsUser, ADomainMayHaveAnEmulatedTpm) {
  const std::string script =
      "cp -r " + (fs::path(KVMTEST_SOURCE) / "config/domains").string() +
      " templates && sed -i \"s|</devices>|<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>&|\" "
      "templates/east.xml && sed -i 's|templates: .*|templates: templates|' kvmtest.yaml";
  const Result made = run(with_user({"sh", "-c", script}), directory_);
  ASSERT_EQ(made.status, 0) << made.output;
  const Result up = run_as_user({"up", prefix_ + "east"});
  EXPECT_EQ(up.status, 0) << up.output;
}

// Neither this project, which lies in /tmp, nor anything but the domain's files.
TEST_F(AsUser, QemuSeesAndWritesItsOwnAlone) {
  ASSERT_EQ(run_as_user({"up", prefix_ + "east"}).status, 0);
  EXPECT_EQ(log().find("QEMU sees"), std::string::npos) << log();
  const fs::path process = "/proc/" + std::to_string(domains().at(prefix_ + "east"));
  const fs::path seen = (process / "root").string() + directory_.string();
  EXPECT_FALSE(fs::exists(seen));
  EXPECT_TRUE(fs::is_empty(process / "root/root"));
  std::ifstream mounts(process / "mountinfo");
  std::set<std::string> written;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string none;
    std::string where;
    std::string how;
    words >> none >> none >> none >> none >> where >> how;
    if (how.starts_with("rw")) written.insert(where.starts_with("/dev/shm/kvmtest-") ? "RAM" : where);
  }
  std::erase_if(written, [](const std::string& where) { return where.starts_with("/proc/"); });
  written.erase("/dev/hugepages");
  for (const char* part : {"cache", "log"}) written.erase("/run/kvmtest/libvirt/" + std::string(part));
  EXPECT_EQ(written,
            (std::set<std::string>{"/dev/pts", "/proc", "/run/kvmtest/libvirt", "/run/kvmtest/states", "RAM"}));
}

TEST_F(AsUser, TheDaemonGivesUpWhatItDoesNotNeed) {
  ASSERT_EQ(run_as_user({"install"}).status, 0);
  constexpr unsigned long long rights_over_the_kernel =
      1ULL << 16U | 1ULL << 17U | 1ULL << 22U | 1ULL << 25U | 1ULL << 27U | 1ULL << 34U;  // modules to the kernel's log
  for (const char* set : {"CapPrm", "CapBnd"}) {
    const unsigned long long rights = std::stoull(status_of(daemon_pid(), set), nullptr, 16);
    EXPECT_NE(rights, 0U) << set;
    EXPECT_EQ(rights & rights_over_the_kernel, 0U) << set;
  }
}

// As libreswan's guests do.
TEST_F(AsUser, ADomainWithADirectoryToWriteToRunsAsItsUserAndItIsSaid) {
  write_file("shared/file", "");
  const std::string templates = (directory_ / "templates").string();
  fs::copy(fs::path(KVMTEST_SOURCE) / "config/domains", templates, fs::copy_options::recursive);
  std::ostringstream text;
  text << std::ifstream(templates + "/east.xml").rdbuf();
  std::string xml = text.str();
  xml.insert(xml.find("</devices>"), "<filesystem type='mount' accessmode='mapped'><source dir='" +
                                         (directory_ / "shared").string() + "'/><target dir='shared'/></filesystem>");
  std::ofstream(templates + "/east.xml") << xml;
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "log:\n  level: info\n");
  const std::string settings = read_file("kvmtest.yaml");
  const auto at = settings.find("templates: ");
  write_file("kvmtest.yaml",
             settings.substr(0, at) + "templates: " + templates + settings.substr(settings.find('\n', at)));
  ASSERT_EQ(run_as_user({"up", prefix_ + "east"}).status, 0);
  EXPECT_TRUE(status_of(domains().at(prefix_ + "east"), "Uid").starts_with("54321\t"));
  EXPECT_NE(log().find(prefix_ + "east: QEMU runs with the daemon's rights: "), std::string::npos) << log();
}

TEST_F(AsUser, EntersTheNetworksOfTheDomains) {
  const Result links = run_as_user({"enter", prefix_, "ip", "-o", "link", "show", "type", "bridge"});
  EXPECT_EQ(links.status, 0) << links.output;
  EXPECT_NE(links.output.find(prefix_ + "192_1_2"), std::string::npos) << links.output;
  EXPECT_EQ(run_as_user({"enter", "id", "-u"}).output, "0\n");
  EXPECT_EQ(run_as_user({"enter", prefix_, "sh", "-c", "exit 7"}).status, 7);
  const Result none = run_as_user({"enter", prefix_, "/no/such-program"});
  EXPECT_EQ(none.status, 3);
  EXPECT_NE(none.output.find("/no/such-program: No such file"), std::string::npos) << none.output;
  EXPECT_EQ(run_as_user({"enter", "a/.", "true"}).status, 2);
}

TEST_F(AsUser, WithoutIdsToGiveAwayTestsRunTooAndTheLogTells) {
  give_ids("");
  const Result ran = run_as_user({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(log().find("kvmtester has no range in /etc/subuid"), std::string::npos) << log();
}

TEST_F(AsUser, AProgramReachesNothingOfTheDaemonButItsOwnDomains) {
  fs::remove(directory_ / "suite/a.test");
  for (const auto& [file, text] : hostile_suite()) write_file(file, text);
  const Result ran = run_as_user({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

TEST_F(AsUser, OneThatTakesTooMuchFailsAndTheNextOnePasses) {
  fs::remove(directory_ / "suite/a.test");
  write_file("suite/greedy.tests",
             "# greedy\n# hosts: east\n"
             "memory: python3 -c 'len(b\"x\" * (5 << 30))'\n"
             "processes: while :; do sleep 1000 & done\n"
             "next: test \"$(east echo yes)\" = yes\n");
  const Result ran = run_as_user({"run", "--order", "listed"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(verdicts(), (std::map<std::string, std::string>{
                            {"greedy/memory", "failed"}, {"greedy/processes", "failed"}, {"greedy/next", "passed"}}))
      << ran.output;
  EXPECT_TRUE(processes_with("sleep 1000").empty());
}

// The kernel makes no user namespace for an ordinary user in a chroot.
TEST_F(AsUser, WhereNamespacesAreRefusedOneLineSaysWhatToDo) {
  fs::create_directory(directory_ / "root");
  const Result refused =
      run(as_user(kvmtest({"run"}),
                  "mount --rbind / \"$0/root\" && cd \"$0/root$0\" && set -- chroot \"$0/root\" setpriv "
                  "--reuid 54321 --regid 54321 --clear-groups env -C \"$0\" \"$@\"; exec \"$@\"; "),
          directory_);
  EXPECT_EQ(refused.status, 2) << refused.output;
  EXPECT_NE(refused.output.find("no user namespace: Operation not permitted"), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("KVM_URI=qemu:///system"), std::string::npos) << refused.output;
  EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
}

}  // namespace
}  // namespace kvmtest::testing
