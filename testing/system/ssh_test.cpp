// SSH into domains, with OpenSSH's own programs: two prefixes have the same addresses, and each is reached.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class SshOnDomains : public OnDomains {
 protected:
  SshOnDomains() { prefixes_ = "t1. t2."; }

  /// What `kvmtest ssh-config` prints, as a file.
  void write_config() {
    const Result config = run_kvmtest({"ssh-config"});
    ASSERT_EQ(config.status, 0) << config.output;
    write_file("ssh_config", config.output);
  }
  /// OpenSSH's program, with nobody to ask anything, and from another directory.
  [[nodiscard]] std::vector<std::string> openssh(const std::string& program, std::vector<std::string> words) const {
    words.insert(words.begin(), {program, "-F", (directory_ / "ssh_config").string()});
    return words;
  }
  [[nodiscard]] Result ssh(std::vector<std::string> words) const { return run(openssh("ssh", std::move(words)), "/"); }

  /// Bytes that passed the ports of a network of t1. so far.
  [[nodiscard]] std::uint64_t passed(const std::string& network) const {
    const Result shown = run(among_networks({"ip", "-j", "-s", "link", "show"}));
    std::uint64_t bytes = 0;
    for (const auto& link : nlohmann::json::parse(shown.output)) {
      if (link.value("master", "") != prefix_ + network) continue;
      bytes += link.at("stats64").at("rx").at("bytes").get<std::uint64_t>();
      bytes += link.at("stats64").at("tx").at("bytes").get<std::uint64_t>();
    }
    return bytes;
  }
  [[nodiscard]] std::size_t open_files_of_daemon() const {
    const fs::path files = "/proc/" + std::to_string(daemon_pid()) + "/fd";
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(files), fs::directory_iterator()));
  }
  void write_bytes(const std::string& name, std::size_t count) const {
    std::string bytes(count, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    write_file(name, bytes);
  }
};

TEST_F(SshOnDomains, EachPrefixHasItsOwnAndNoTestSeesAnything) {
  write_config();
  const Result first = ssh({"t1.east", "echo one >/tmp/who; hostname; ls /sys/class/net; ss -Hltn; ip netns"});
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_EQ(first.output, "east\neth0\neth1\nlo\n") << "no card of ours, no port of ours";
  EXPECT_EQ(ssh({"t2.east", "echo two >/tmp/who; exit 7"}).status, 7);
  EXPECT_EQ(ssh({"t1.east", "cat /tmp/who"}).output, "one\n");
  EXPECT_EQ(ssh({"t2.east", "cat /tmp/who"}).output, "two\n");
  EXPECT_EQ(run_kvmsh({"t1.east", "cat /tmp/who; ip address | grep -c inet6"}).output, "one\n5\n");

  // No byte of a file is on the networks that tests look at.
  const std::uint64_t before = passed("192_1_2") + passed("192_0_2");
  const std::uint64_t of_ours = passed("mgmt");
  const std::string file = (directory_ / "some.bin").string();
  constexpr std::size_t size = 1 << 20;
  write_bytes("some.bin", size);
  Result copied = run(openssh("scp", {file, "t1.east:/tmp/some.bin"}), "/");
  EXPECT_EQ(copied.status, 0) << copied.output;
  EXPECT_GT(passed("mgmt"), of_ours + size);
  EXPECT_LT(passed("192_1_2") + passed("192_0_2"), before + size / 10);
  write_file("batch", "get /tmp/some.bin " + file + ".back\n");
  copied = run(openssh("sftp", {"-b", (directory_ / "batch").string(), "t1.east"}), "/");
  EXPECT_EQ(copied.status, 0) << copied.output;
  EXPECT_TRUE(read_file("some.bin") == read_file("some.bin.back")) << "not the same bytes";

  // By name from among the networks.
  const Result names = run_kvmtest({"enter", prefix_, "getent", "hosts", "east", "t1.west"});
  EXPECT_EQ(names.status, 0) << names.output;
  EXPECT_NE(names.output.find("fd6b:766d:7465:7374:"), std::string::npos) << names.output;
}

TEST_F(SshOnDomains, ADomainIsWhoItsConsoleSaysItIs) {
  write_config();
  ASSERT_EQ(ssh({"t1.east", "true"}).status, 0);
  const Result keys = run_kvmtest({"connect", "--host-keys", "t1.east"});
  EXPECT_TRUE(keys.output.starts_with("t1.east ssh-ed25519 AAAA")) << keys.output;
  // Another key than that is refused.
  const std::string other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKfJ2ZU4c6ThXr7xgT3qsnL8Ie9ldxwUoHpO8tlhmJ8F";
  const Result refused = ssh({"-o", "KnownHostsCommand=/bin/echo t1.east " + other, "t1.east", "true"});
  EXPECT_EQ(refused.status, 255) << refused.output;
  // Nobody else's key is let in, and nobody is asked for a password.
  ASSERT_EQ(run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", (directory_ / "other").string()}).status, 0);
  write_file(
      "ssh_config", "Host *\n  IdentityFile " + (directory_ / "other").string() + "\n" + [](std::string config) {
        const auto at = config.find("  IdentityFile");
        return config.erase(at, config.find('\n', at) + 1 - at);
      }(read_file("ssh_config")));
  const Result stranger = ssh({"t1.east", "true"});
  EXPECT_EQ(stranger.status, 255);
  EXPECT_NE(stranger.output.find("Permission denied"), std::string::npos) << stranger.output;
}

TEST_F(SshOnDomains, AConnectionEndsWithItsDomain) {
  write_config();
  Process session(openssh("ssh", {"t1.east", "echo here; sleep 1000"}), "/");
  ASSERT_TRUE(session.wait_for("here")) << session.output();
  ASSERT_EQ(run_kvmtest({"up", "--fresh", "t1.east"}).status, 0);
  EXPECT_EQ(session.finish(), 255) << session.output();
  EXPECT_NE(session.output().find("t1.east goes back to its clean state"), std::string::npos) << session.output();
  Process again(openssh("ssh", {"t1.east", "echo here; sleep 1000"}), "/");
  ASSERT_TRUE(again.wait_for("here")) << again.output();
  ASSERT_EQ(run_kvmtest({"destroy", "t1.east"}).status, 0);
  EXPECT_EQ(again.finish(), 255) << again.output();
}

TEST_F(SshOnDomains, CommandsHaveStandardFilesOfTheirOwnAndRunSideBySide) {
  ASSERT_EQ(run_kvmtest({"up", "t1.east"}).status, 0);
  write_bytes("in", 3'000'000);
  std::vector<std::string> words{"sh", "-c", "\"$@\" <in >out 2>err", "sh"};
  for (const std::string& word : kvmsh({"--ssh", "t1.east", "cat; echo apart >&2; exit 3"})) words.push_back(word);
  EXPECT_EQ(run(words, directory_).status, 3);
  EXPECT_TRUE(read_file("in") == read_file("out")) << "not the same bytes: " << read_file("out").size();
  EXPECT_EQ(read_file("err"), "apart\n");
  EXPECT_EQ(run_kvmsh({"--ssh", "-n", "t1.east", "kill -TERM $$"}).status, 128 + SIGTERM);
  // Each waits for all others.
  std::vector<std::unique_ptr<Process>> all;
  constexpr int count = 8;
  for (int i = 0; i < count; ++i)
    all.push_back(
        std::make_unique<Process>(kvmsh({"--ssh", "-n", "t1.east",
                                         "mkdir -p /tmp/all/" + std::to_string(i) +
                                             "; until [ $(ls /tmp/all | wc -l) = 8 ]; do sleep 0.05; done; echo all"}),
                                  directory_));
  for (const auto& each : all) {
    EXPECT_EQ(each->finish(), 0) << each->output();
    EXPECT_EQ(each->output(), "all\n");
  }
  const Result late = run_kvmsh({"--ssh", "-n", "--timeout", "0.1", "t1.east", "sleep 1000"});
  EXPECT_EQ(late.status, 3);
  EXPECT_NE(late.output.find("the command took longer than 0.1 s"), std::string::npos) << late.output;
  Process taken(kvmsh({"--ssh", "-n", "t1.east", "echo here; sleep 1000"}), directory_);
  ASSERT_TRUE(taken.wait_for("here"));
  ASSERT_EQ(run_kvmtest({"up", "--fresh", "t1.east"}).status, 0);
  EXPECT_EQ(taken.finish(), 3) << taken.output();
  EXPECT_NE(taken.output().find("t1.east went away"), std::string::npos) << taken.output();
  EXPECT_EQ(run_kvmsh({"--ssh", "-n", "t1.east", "ls /tmp/all"}).status, 1) << "it is clean";
}

TEST_F(SshOnDomains, TreesAreCopiedBothWays) {
  fs::create_directories(directory_ / "tree/deep");
  constexpr int files = 200;
  for (int i = 0; i < files; ++i) write_bytes("tree/deep/" + std::to_string(i), static_cast<std::size_t>(i) * 37);
  fs::create_symlink("deep/7", directory_ / "tree/link");
  fs::create_symlink(".", directory_ / "tree/loop");
  fs::permissions(directory_ / "tree/deep/7", static_cast<fs::perms>(0751));
  const auto cp = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "cp");
    return run_kvmtest(words);
  };
  Result copied = cp({"-r", "tree", "t1.east:/root"});
  EXPECT_EQ(copied.status, 0) << copied.output;
  EXPECT_EQ(run_kvmsh({"t1.east",
                       "ls /root/tree/deep | wc -l; stat -c '%a %U' /root/tree/deep/7; readlink "
                       "/root/tree/link"})
                .output,
            "200\n751 root\ndeep/7\n");
  copied = cp({"-r", "t1.east:/root/tree", "back"});
  EXPECT_EQ(copied.status, 0) << copied.output;
  EXPECT_EQ(run({"diff", "-r", "--no-dereference", "tree", "back"}, directory_).output, "");
  // A file under another name, into a directory, and out of one.
  EXPECT_EQ(cp({"tree/deep/7", "tree/deep/8", "t1.east:/tmp"}).status, 0);
  EXPECT_EQ(cp({"tree/deep/9", "t1.east:/tmp/nine"}).status, 0);
  EXPECT_EQ(cp({"t1.east:/tmp/nine", "t1.east:/tmp/7", "."}).status, 0);
  EXPECT_TRUE(read_file("nine") == read_file("tree/deep/9"));
  EXPECT_TRUE(read_file("7") == read_file("tree/deep/7"));
  // What is no file ends it.
  ASSERT_EQ(run({"mkfifo", "tree/pipe"}, directory_).status, 0);
  const Result pipe = cp({"-r", "tree", "t1.east:/tmp"});
  EXPECT_EQ(pipe.status, 3);
  EXPECT_NE(pipe.output.find("neither a file, nor a directory, nor a link"), std::string::npos) << pipe.output;
  fs::remove(directory_ / "tree/pipe");
  // What is wrong is told in a line.
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{{"tree", "t1.east:/tmp"},
                                                                                   {"t1.east:/root/tree", "."},
                                                                                   {"none", "t1.east:"},
                                                                                   {"nine", "7"},
                                                                                   {"t1.east:a", "t1.west:b"},
                                                                                   {"nine"},
                                                                                   {"nine", "7", "t1.east:/tmp/none"}})
    EXPECT_EQ(cp(bad).status, 2) << bad.front();
  const Result none = cp({"t1.east:/no/such", "."});
  EXPECT_EQ(none.status, 3);
  EXPECT_EQ(std::count(none.output.begin(), none.output.end(), '\n'), 1) << none.output;
  write_bytes("large", 3'000'000);
  ASSERT_EQ(run_kvmsh({"t1.east", "mkdir /tmp/full && mount -t tmpfs -o size=1M tmpfs /tmp/full"}).status, 0);
  const Result full = cp({"large", "t1.east:/tmp/full"});
  EXPECT_EQ(full.status, 3);
  EXPECT_NE(full.output.find("No space left"), std::string::npos) << full.output;
  write_bytes("huge", 60'000'000);
  Process refused(kvmtest({"cp", "huge", "t1.east:/dev/null/none"}), directory_);
  EXPECT_EQ(refused.finish(), 3) << refused.output();
  // A domain that goes back in the middle.
  Process copying(kvmtest({"cp", "huge", "t1.east:/tmp/huge"}), directory_);
  ASSERT_TRUE(eventually([&] { return run_kvmsh({"--ssh", "-n", "t1.east", "test -s /tmp/huge"}).status == 0; }));
  ASSERT_EQ(run_kvmtest({"up", "--fresh", "t1.east"}).status, 0);
  EXPECT_EQ(copying.finish(), 3) << copying.output();
}

TEST_F(SshOnDomains, TestsProgramsHaveItToo) {
  write_file("suite/p.tests",
             "# p\n# hosts: east west\n"
             "ssh: printf 'a\\0b' >in; east --ssh --stdin 'cat; echo no >&2' <in 2>err | cmp - in && grep -qx no err\n"
             "together: east --ssh 'until [ -e /tmp/go ]; do sleep 0.05; done' & east --ssh 'touch /tmp/go' && wait\n"
             "names: getent hosts east && getent hosts t1.west\n"
             "foreign: ! KVMTEST_TOKEN=x east --ssh true\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(verdicts().size(), 4U);
}

TEST_F(SshOnDomains, ManyThatComeAndGoLeaveNothing) {
  ASSERT_EQ(run_kvmtest({"up", "t1.east"}).status, 0);
  const auto greeted = [&](int times) {
    const std::string each = "for i in $(seq " + std::to_string(times) + "); do \"$@\" </dev/null | head -c 7; done";
    std::vector<std::string> words{"sh", "-c", each, "sh"};
    for (const std::string& word : kvmtest({"connect", "t1.east"})) words.push_back(word);
    return run(words, directory_).output;
  };
  ASSERT_EQ(greeted(1), "SSH-2.0");
  const std::size_t before = open_files_of_daemon();
  std::string all;
  constexpr int sessions = 50;
  for (int i = 0; i < sessions; ++i) all += "SSH-2.0";
  EXPECT_EQ(greeted(sessions), all);
  EXPECT_TRUE(eventually([&] { return open_files_of_daemon() <= before; })) << open_files_of_daemon();

  const Result silent = run_kvmtest({"connect", "t1.east", "9"});
  EXPECT_EQ(silent.status, 3);
  EXPECT_EQ(silent.output, "kvmtest: nothing listens at port 9 of t1.east\n");
  EXPECT_EQ(run_kvmtest({"connect", "t1.nobody"}).status, 2);
  EXPECT_EQ(run_kvmtest({"connect", "t1.east", "70000"}).status, 2);
}

TEST_F(SshOnDomains, OffNothingOfItIsThere) {
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") + "ssh:\n  network: off\n");
  ASSERT_EQ(run_kvmtest({"up", "t1.east"}).status, 0);
  const Result seen = run_kvmsh({"t1.east", "ls -1A /sys/class/net ~/.ssh"});
  EXPECT_EQ(seen.output, "/root/.ssh:\n\n/sys/class/net:\neth0\neth1\nlo\n");
  EXPECT_EQ(bridges().size(), 5U);
  EXPECT_FALSE(fs::exists(directory_ / ".kvmtest/ssh"));
  const Result refused = run_kvmtest({"ssh-config"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.output.find("ssh.network (KVM_SSH) is off"), std::string::npos) << refused.output;
  const Result no_way = run_kvmtest({"connect", "t1.east"});
  EXPECT_EQ(no_way.status, 3);
  EXPECT_NE(no_way.output.find("there is no way to t1.east"), std::string::npos) << no_way.output;
}

TEST_F(SshOnDomains, OverANetworkOfTheTestsWhereThereIsNoOther) {
  // The guest's own server, on all of its networks; the machine has an address on one of them.
  write_file("kvmtest.yaml", read_file("kvmtest.yaml") +
                                 "ssh:\n  network: \"192_1_2\"\n  address: 192.1.2.253/24\n"
                                 "  hosts: [\"east=192.1.2.23\"]\n  port: 2222\n");
  write_config();
  ASSERT_EQ(run_kvmsh({"t1.east", "dropbear -p 2222"}).status, 0);
  EXPECT_EQ(ssh({"t1.east", "hostname"}).output, "east\n");
  // And by the address that a card gives itself.
  ASSERT_EQ(run_kvmsh({"t1.west", "dropbear -p 2222"}).status, 0);
  EXPECT_EQ(ssh({"t1.west", "hostname"}).output, "west\n");
  EXPECT_EQ(run_kvmtest({"enter", prefix_, "getent", "hosts", "east"}).output.substr(0, 10), "192.1.2.23");
  // One that takes connections and says nothing, and one that is none.
  ASSERT_EQ(run_kvmsh({"t1.nic", "busybox nc -ll -p 2222 -e /bin/sleep 1000 >/dev/null 2>&1 &"}).status, 0);
  const Result silent = run_kvmsh({"--ssh", "-n", "t1.nic", "true"});
  EXPECT_EQ(silent.status, 3);
  EXPECT_NE(silent.output.find("t1.nic: no SSH server that we understand"), std::string::npos) << silent.output;
  const Result none = run_kvmsh({"--ssh", "-n", "t1.north", "true"});
  EXPECT_EQ(none.status, 3);
}

}  // namespace
}  // namespace kvmtest::testing
