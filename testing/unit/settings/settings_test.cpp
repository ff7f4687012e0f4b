#include "settings/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace kvmtest::settings {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

Settings from(const std::string& text) { return load_text(text, "/project/kvmtest.yaml"); }

std::string error_in(const std::string& text) {
  try {
    (void)load_text(text, "kvmtest.yaml");
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string content(const fs::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Environment variables for one test's time.
class Environment {
 public:
  Environment(std::initializer_list<std::pair<std::string, std::string>> variables) : variables_(variables) {
    for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& variable : variables_) unsetenv(variable.first.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::vector<std::pair<std::string, std::string>> variables_;
};

TEST(Settings, AnEmptyFileMeansTheDefaults) {
  for (const char* text : {"", "# nothing\n", "limits:\nlog:\n"}) {
    const Settings settings = from(text);
    EXPECT_EQ(settings.project, "/project");
    EXPECT_EQ(settings.state_dir.path(), "/project/.kvmtest");
    const GuestFiles guest = guest_files(settings);
    EXPECT_EQ(guest.kernel, "/project/.kvmtest/guest/tiny/kernel");
    EXPECT_EQ(guest.initrd, "/project/.kvmtest/guest/tiny/initrd");
    EXPECT_TRUE(guest.image.empty());
    EXPECT_EQ(guest.memory_mib, 192U);
    EXPECT_TRUE(settings.automatic.workers);
    EXPECT_TRUE(settings.automatic.prefixes);
    EXPECT_GE(settings.workers, 1U);
    ASSERT_GE(settings.prefixes.size(), 8U);
    EXPECT_EQ(settings.prefixes[1], "b.");
    EXPECT_EQ(settings.reset.method, ResetMethod::snapshot);
    EXPECT_TRUE(settings.reset.keep);
    EXPECT_EQ(settings.limits.boot, 120s);
    EXPECT_EQ(settings.limits.capture, 16U << 20);
    EXPECT_EQ(settings.tests, std::vector<std::string>{"testing/suites/netlab"});
  }
}

constexpr const char* all_of_them = R"(
state_dir: state
hypervisor: {uri: "qemu:///system", accelerator: emulated}
workers: 3
prefixes: ["", a.]
domains:
  guest: debian
  templates: mine
  kernel: /boot/vmlinuz
  initrd: ../initrd
  image: disk.qcow2
  memory_mib: 512
reset: {method: auto, keep: false, ram: 1GiB, kept_limit: 512MiB}
login: {user: admin, password: 123}
limits:
  boot: 2m
  command: 500ms
  test: 1h
  capture: 1GiB
  boot_tries: 1
  host_fault_retries: 0
  quarantine_after: 9
judges: 4
state_min_free: 0B
tests: [suites/one, two]
log: {level: debug}
)";

TEST(Settings, EachCanBeSet) {
  const Settings settings = from(all_of_them);
  EXPECT_EQ(settings.state_dir.path(), "/project/state");
  EXPECT_EQ(settings.hypervisor.uri, "qemu:///system");
  EXPECT_EQ(settings.hypervisor.accelerator, Accelerator::emulated);
  EXPECT_EQ(settings.workers, 3U);
  EXPECT_EQ(settings.prefixes, (std::vector<std::string>{"", "a."}));
  EXPECT_EQ(settings.domains.templates, "/project/mine");
  EXPECT_EQ(settings.domains.guest, Guest::debian);
  const GuestFiles guest = guest_files(settings);
  EXPECT_EQ(guest.kernel, "/boot/vmlinuz");
  EXPECT_EQ(guest.initrd, "/initrd");
  EXPECT_EQ(guest.image, "/project/disk.qcow2");
  EXPECT_EQ(guest.memory_mib, 512U);
  EXPECT_EQ(settings.reset.method, ResetMethod::automatic);
  EXPECT_FALSE(settings.reset.keep);
  EXPECT_EQ(settings.reset.ram, 1ULL << 30);
  EXPECT_EQ(settings.reset.kept_limit, 512ULL << 20);
  EXPECT_EQ(settings.login.user, "admin");
  EXPECT_EQ(settings.login.password, "123");
  EXPECT_EQ(settings.limits.boot, 2min);
  EXPECT_EQ(settings.limits.command, 500ms);
  EXPECT_EQ(settings.limits.test, 1h);
  EXPECT_EQ(settings.limits.capture, 1ULL << 30);
  EXPECT_EQ(settings.limits.boot_tries, 1U);
  EXPECT_EQ(settings.limits.host_fault_retries, 0U);
  EXPECT_EQ(settings.limits.quarantine_after, 9U);
  EXPECT_EQ(settings.judges, 4U);
  EXPECT_EQ(settings.state_min_free, 0U);
  EXPECT_EQ(settings.tests, (std::vector<std::string>{"suites/one", "two"}));
  EXPECT_EQ(settings.log.level, "debug");
  // The guest follows a state directory that has moved.
  EXPECT_EQ(guest_files(from("state_dir: /state")).kernel, "/state/guest/tiny/kernel");
  EXPECT_EQ(from("prefixes: a. '' c.").prefixes, (std::vector<std::string>{"a.", "", "c."}));
}

TEST(Settings, TheGuestBringsItsFilesAndMemory) {
  const Settings debian = from("domains: {guest: debian}");
  const GuestFiles guest = guest_files(debian);
  EXPECT_EQ(guest.kernel, "/project/.kvmtest/guest/debian/kernel");
  EXPECT_EQ(guest.initrd, "/project/.kvmtest/guest/debian/initrd");
  EXPECT_EQ(guest.image, "/project/.kvmtest/guest/debian/image.qcow2");
  EXPECT_EQ(guest.memory_mib, 384U);
  EXPECT_TRUE(guest_files(from("domains: {guest: debian, kernel: /vmlinuz}")).image.empty())
      << "a kernel of one's own does not go with our disk";
  EXPECT_EQ(error_in("domains: {guest: fedora}"),
            "kvmtest.yaml:1:18: domains.guest: 'fedora' is no guest of kvmtest; write tiny or debian");
  const Environment environment({{"KVM_GUEST", "debian"}});
  Settings settings = from("");
  apply_environment(settings);
  EXPECT_EQ(guest_files(settings).memory_mib, 384U);
}

TEST(Settings, AGuestOfAnotherReleaseLiesBesideTheMachinesOwn) {
  const Settings other = from("domains: {guest: debian, release: trixie}");
  EXPECT_EQ(guest_files(other).image, "/project/.kvmtest/guest/debian-trixie/image.qcow2");
  EXPECT_EQ(guest_files(other).memory_mib, 384U);
  EXPECT_EQ(guest_files(from("domains: {release: bookworm}")).kernel, "/project/.kvmtest/guest/tiny-bookworm/kernel");
  EXPECT_EQ(guest_files(from("domains: {release: ''}")).kernel, "/project/.kvmtest/guest/tiny/kernel");
  EXPECT_EQ(error_in("domains: {release: Trixie}"),
            "kvmtest.yaml:1:20: domains.release: 'Trixie' is no name of a Debian release, such as trixie");
  EXPECT_NE(error_in("domains: {release: ../etc}"), "");
  const Environment environment({{"KVM_GUEST_RELEASE", "bookworm"}});
  Settings settings = from("domains: {guest: debian, release: trixie}");
  apply_environment(settings);
  EXPECT_EQ(guest_directory(settings), "/project/.kvmtest/guest/debian-bookworm");
}

TEST(Settings, AnUnknownOneNamesTheNearest) {
  EXPECT_EQ(error_in("# x\nworker: 2\n"), "kvmtest.yaml:2:1: unknown setting 'worker' (did you mean 'workers'?)");
  EXPECT_EQ(error_in("limits:\n  bot: 2m\n"),
            "kvmtest.yaml:2:3: unknown setting 'limits.bot' (did you mean 'limits.boot'?)");
  EXPECT_EQ(error_in("limit:\n  boot: 2m\n"), "kvmtest.yaml:1:1: unknown setting 'limit' (did you mean 'limits'?)");
  EXPECT_EQ(error_in("memory_mib: 2\n"),
            "kvmtest.yaml:1:1: unknown setting 'memory_mib' (did you mean 'domains.memory_mib'?)");
  EXPECT_EQ(error_in("hypervisor: {workers: 2}\n"),
            "kvmtest.yaml:1:14: unknown setting 'hypervisor.workers' (did you mean 'workers'?)");
  EXPECT_EQ(error_in("xyzzy: 2\n"), "kvmtest.yaml:1:1: unknown setting 'xyzzy'");
}

TEST(Settings, AWrongTypeSaysWhatWasExpected) {
  EXPECT_EQ(error_in("workers: two\n"), "kvmtest.yaml:1:10: workers: 'two' is not a whole number from 1 to 1024");
  EXPECT_EQ(error_in("workers: 0\n"), "kvmtest.yaml:1:10: workers: '0' is not a whole number from 1 to 1024");
  EXPECT_EQ(error_in("workers: [2]\n"), "kvmtest.yaml:1:10: workers: expected a whole number, or auto, found a list");
  EXPECT_EQ(error_in("workers:\n"), "kvmtest.yaml:1:1: workers: expected a whole number, or auto, found nothing");
  EXPECT_EQ(error_in("limits:\n  boot: 30\n"),
            "kvmtest.yaml:2:9: limits.boot: '30' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
  EXPECT_EQ(error_in("limits:\n  boot: {s: 3}\n"),
            "kvmtest.yaml:2:9: limits.boot: expected a duration such as 30s, found a section");
  EXPECT_EQ(
      error_in("limits:\n  capture: 16\n"),
      "kvmtest.yaml:2:12: limits.capture: '16' is not a size; write a number and its unit: 512KiB, 16MiB or 2GiB");
  EXPECT_EQ(error_in("limits: 30s\n"), "kvmtest.yaml:1:9: limits: expected a section, found '30s'");
  EXPECT_EQ(error_in("hypervisor: {accelerator: fast}\n"),
            "kvmtest.yaml:1:27: hypervisor.accelerator: 'fast' is not an accelerator; write auto, kvm or emulated");
  EXPECT_EQ(error_in("reset: {method: fast}\n"),
            "kvmtest.yaml:1:17: reset.method: 'fast' is not a way to reset; write snapshot, auto or boot");
  EXPECT_EQ(error_in("reset: {keep: 1}\n"), "kvmtest.yaml:1:15: reset.keep: '1' is neither true nor false");
  EXPECT_EQ(error_in("reset: {keep: []}\n"), "kvmtest.yaml:1:15: reset.keep: expected true or false, found a list");
  EXPECT_EQ(error_in("tests: netlab\n"), "kvmtest.yaml:1:8: tests: expected a list of tests or suites, found 'netlab'");
  EXPECT_EQ(error_in("tests: [[a]]\n"),
            "kvmtest.yaml:1:8: tests: expected a list of tests or suites, found a list in it");
  EXPECT_EQ(error_in("tests: []\n"), "kvmtest.yaml:1:8: tests: names no test");
  EXPECT_EQ(error_in("prefixes: {a: b}\n"),
            "kvmtest.yaml:1:11: prefixes: expected a list of prefixes, or auto, found a section");
  EXPECT_EQ(error_in("log: {level: loud}\n"),
            "kvmtest.yaml:1:14: log.level: 'loud' is not a level; write trace, debug, info, warning or error");
  EXPECT_EQ(error_in("- workers\n"), "kvmtest.yaml:1:1: expected settings, each 'name: value', found a list");
  EXPECT_EQ(error_in("[a]: 1\n"), "kvmtest.yaml:1:1: expected a setting's name, found a list");
}

TEST(Settings, PrefixesFollowTheirRules) {
  EXPECT_EQ(error_in("prefixes: [a., a.]\n"), "kvmtest.yaml:1:11: prefixes: prefix 'a.' is named twice");
  EXPECT_EQ(error_in("prefixes: [\"a b\"]\n"),
            "kvmtest.yaml:1:11: prefixes: prefix 'a b' has white space in it; only letters, digits and . _ - may be");
  EXPECT_EQ(error_in("prefixes: []\n"), "kvmtest.yaml:1:11: prefixes: no prefix is named; '' is the empty one");
}

TEST(Settings, OneIsSetOnce) {
  EXPECT_EQ(error_in("workers: 1\njudges: 2\nworkers: 2\n"),
            "kvmtest.yaml:3:1: setting 'workers' is here for the second time; the first is in line 1");
  EXPECT_EQ(error_in("limits: {boot: 1s}\nlimits: {test: 1s}\n"),
            "kvmtest.yaml:2:1: setting 'limits' is here for the second time; the first is in line 1");
}

TEST(Settings, WhatIsNotYamlSaysWhere) {
  EXPECT_EQ(error_in("workers: [1\n").substr(0, 27), "kvmtest.yaml:2:1: not YAML:");
  EXPECT_EQ(error_in("a: b: c\n").substr(0, 26), "kvmtest.yaml:1:5: not YAML");
  EXPECT_EQ(error_in("workers: 1\n---\nworkers: 2\n"), "kvmtest.yaml:3:1: a second YAML document; settings are one");
  EXPECT_EQ(error_in("workers: *x\n").substr(0, 13), "kvmtest.yaml:");
}

TEST(Settings, AFileThatCannotBeReadSaysWhy) {
  const auto error = [](const fs::path& path) -> std::string {
    try {
      (void)load(path);
    } catch (const core::InputError& caught) {
      return caught.what();
    }
    return "no error";
  };
  EXPECT_EQ(error("/nowhere/kvmtest.yaml"),
            "/nowhere/kvmtest.yaml: cannot read the settings: No such file or directory");
  EXPECT_EQ(error("/"), "/: is a directory and not a file");
}

TEST(Settings, WithoutAFileTheCurrentDirectoryIsTheProject) {
  const fs::path before = fs::current_path();
  const fs::path directory = fs::path(testing::TempDir()) / "kvmtest-settings-cwd";
  fs::remove_all(directory);
  fs::create_directories(directory);
  fs::current_path(directory);
  const Settings without = load(std::nullopt);
  std::ofstream("kvmtest.yaml") << "workers: 7\n";
  const Settings with = load(std::nullopt);
  fs::current_path(before);
  fs::remove_all(directory);
  EXPECT_EQ(without.project, directory);
  EXPECT_EQ(with.project, directory);
  EXPECT_EQ(with.workers, 7U);
}

TEST(Settings, TheEnvironmentOverridesTheFile) {
  const Environment environment{{"KVM_WORKERS", "5"},           {"KVM_PREFIXES", "c. ''"},  {"KVM_PREFIX", "old."},
                                {"KVM_URI", "qemu:///session"}, {"KVM_ACCELERATOR", "kvm"}, {"KVM_NETWORK", "host"},
                                {"KVM_RESET", "boot"},          {"KVM_SPARES", "false"},    {"KVM_MAX_FAIL", "3"},
                                {"KVM_REQUIRE_SOME", "true"},   {"KVM_SSH", "off"}};
  Settings settings = from("workers: 2\n");
  apply_environment(settings);
  EXPECT_EQ(settings.workers, 5U);
  EXPECT_EQ(settings.prefixes, (std::vector<std::string>{"c.", ""}));
  EXPECT_EQ(settings.hypervisor.uri, "qemu:///session");
  EXPECT_EQ(settings.hypervisor.accelerator, Accelerator::kvm);
  EXPECT_EQ(settings.network, Network::host);
  EXPECT_EQ(settings.ssh.network, "");
  EXPECT_EQ(settings.reset.method, ResetMethod::boot);
  EXPECT_FALSE(settings.reset.spares);
  EXPECT_TRUE(settings.require_some);
  EXPECT_EQ(settings.max_fail, 3U);
}

TEST(Settings, WhoNamesWorkersOrPrefixesWantsThose) {
  const Settings named = from("workers: 3\nprefixes: x. y.\n");
  EXPECT_FALSE(named.automatic.workers);
  EXPECT_FALSE(named.automatic.prefixes);
  EXPECT_FALSE(from("prefixes: [x.]\n").automatic.prefixes);
  Settings again = from("workers: auto\nprefixes: auto\n");
  EXPECT_TRUE(again.automatic.workers);
  EXPECT_TRUE(again.automatic.prefixes);
  EXPECT_EQ(again.prefixes, from("").prefixes);
  const Environment environment{{"KVM_WORKERS", "4"}, {"KVM_PREFIXES", "q."}};
  apply_environment(again);
  EXPECT_FALSE(again.automatic.workers);
  EXPECT_EQ(again.prefixes, std::vector<std::string>{"q."});
  set_prefixes(again, "auto", "--prefixes");
  EXPECT_GE(again.prefixes.size(), 8U);
  EXPECT_THROW(set_workers(again, "automatic", "--workers"), core::InputError);
}

TEST(Settings, ALoadAverageIsAShareOfTheProcessors) {
  EXPECT_EQ(from("").load.most_average, 0U);
  EXPECT_EQ(from("load: {max_average: 150%}\n").load.most_average, 150U);
  EXPECT_EQ(from("load: {max_average: 0}\n").load.most_average, 0U);
  EXPECT_THROW(from("load: {max_average: 1.5}\n"), core::InputError);
}

TEST(Settings, WhereTheNetworksAre) {
  EXPECT_EQ(from("").network, Network::own);
  EXPECT_EQ(from("network: host\n").network, Network::host);
  try {
    (void)parse_network("bridge", "KVM_NETWORK");
    FAIL();
  } catch (const core::InputError& error) {
    EXPECT_STREQ(error.what(), "KVM_NETWORK: 'bridge' is not a network; write own or host");
  }
}

TEST(Settings, HowDomainsAreReachedBySsh) {
  EXPECT_EQ(from("").ssh.network, "mgmt");
  EXPECT_EQ(from("ssh: {network: off}\n").ssh.network, "");
  const Settings settings = from(
      "ssh: {network: 192_1_2, address: 192.1.2.253/24, hosts: [east=192.1.2.23, \"west=2001:db8::45\"], port: "
      "2222}\n");
  EXPECT_EQ(settings.ssh.network, "192_1_2");
  EXPECT_EQ(settings.ssh.address, "192.1.2.253/24");
  EXPECT_EQ(settings.ssh.addresses(),
            (std::map<std::string, std::string>{{"east", "192.1.2.23"}, {"west", "2001:db8::45"}}));
  EXPECT_EQ(settings.ssh.port, 2222U);
  for (const char* bad : {"network: a/b", "network: \"\"", "network: longer_than_a_name", "address: 192.1.2.253",
                          "address: 192.1.2.253/33", "address: fe80::/129", "address: east/24", "hosts: [east]",
                          "hosts: [\"=192.1.2.23\"]", "hosts: [east=west]", "hosts: east", "port: 0", "port: 65536"})
    EXPECT_THROW(from("ssh: {" + std::string(bad) + "}\n"), core::InputError) << bad;
}

TEST(Settings, WhatAKernelsWarningsMean) {
  EXPECT_EQ(from("").kernel.warnings, core::KernelWarnings::tell);
  EXPECT_EQ(from("kernel:\n  warnings: fail\n").kernel.warnings, core::KernelWarnings::fail);
  EXPECT_EQ(from("kernel:\n  warnings: ignore\n").kernel.warnings, core::KernelWarnings::ignore);
  EXPECT_THROW(from("kernel:\n  warnings: loud\n"), core::InputError);
}

TEST(Settings, TheOlderNameCountsWhereTheNewOneIsEmpty) {
  const Environment environment{{"KVM_WORKERS", ""}, {"KVM_PREFIXES", ""}, {"KVM_PREFIX", "old."}};
  Settings settings = from("workers: 2\n");
  apply_environment(settings);
  EXPECT_EQ(settings.workers, 2U);
  EXPECT_EQ(settings.prefixes, std::vector<std::string>{"old."});
  const Environment bad{{"KVM_PREFIX", "a/"}};
  try {
    apply_environment(settings);
    FAIL();
  } catch (const core::InputError& error) {
    EXPECT_STREQ(error.what(), "KVM_PREFIX: prefix 'a/' has a '/' in it; only letters, digits and . _ - may be");
  }
}

TEST(SettingsFile, IsTheTableAsText) {
  // `kvmtest settings` prints the same text: nothing is documented in one place alone.
  const std::string text = content(fs::path(KVMTEST_SOURCE) / "config/kvmtest.yaml");
  EXPECT_EQ(text, describe());
  EXPECT_NO_THROW((void)from(text));
  for (const Described& setting : describe(from(text))) {
    const std::string leaf = setting.name.substr(setting.name.find('.') + 1);
    EXPECT_NE(text.find("#" + leaf + ": "), std::string::npos) << setting.name;
    EXPECT_FALSE(setting.doc.empty()) << setting.name;
  }
}

TEST(SettingsFile, HoldsTheDefaultsOnceItIsUncommented) {
  std::string text = describe();
  // "#name: value" is a setting, "# words" is about one.
  for (std::size_t at = 0; (at = text.find('#', at)) != std::string::npos; ++at) {
    if (text[at + 1] != ' ') text.erase(at, 1);
  }
  Settings settings = from(text);
  Settings plain = defaults("/project");
  settings.domains.templates = plain.domains.templates;  // and that on the installation
  const auto expected = describe(plain);
  const auto actual = describe(settings);
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(expected[i].value, actual[i].value) << expected[i].name;
}

}  // namespace
}  // namespace kvmtest::settings
