#include "settings/table.h"

#include <yaml-cpp/yaml.h>

#include <utility>

#include "base/quoting.h"

namespace kvmtest::settings {

namespace {

[[noreturn]] void wrong_type(const Reading& reading, const std::string& expected) {
  throw core::InputError(reading.origin + ": expected " + expected + ", found " + kind_of(reading.node));
}

std::string scalar(const Reading& reading, const std::string& expected) {
  if (!reading.node.IsScalar()) wrong_type(reading, expected);
  return reading.node.Scalar();
}

std::vector<std::string> list(const Reading& reading, const std::string& expected) {
  if (!reading.node.IsSequence()) wrong_type(reading, expected);
  std::vector<std::string> out;
  for (const YAML::Node& item : reading.node) {
    if (!item.IsScalar()) {
      throw core::InputError(reading.origin + ": expected " + expected + ", found " + kind_of(item) + " in it");
    }
    out.push_back(item.Scalar());
  }
  return out;
}

std::string in_quotes(const std::string& text) { return base::in_double_quotes(text); }

std::string show_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + in_quotes(item);
  return "[" + out + "]";
}

// `member` gives a reference to the setting in a Settings, const or not.
template <class Member, class Read, class Show>
Entry entry(std::string name, std::string doc, Member member, Read read, Show show, std::string fallback = {}) {
  return {std::move(name),
          std::move(doc),
          std::move(fallback),
          [=](Settings& settings, const Reading& reading) { member(settings) = read(reading); },
          [=](const Settings& settings) { return show(member(settings)); },
          false};
}

template <class Member>
Entry duration(std::string name, std::string doc, Member member) {
  return entry(
      std::move(name), std::move(doc), member,
      [](const Reading& r) { return parse_duration(scalar(r, "a duration such as 30s"), r.origin); }, format_duration);
}

template <class Member>
Entry size(std::string name, std::string doc, Member member) {
  return entry(
      std::move(name), std::move(doc), member,
      [](const Reading& r) { return parse_size(scalar(r, "a size such as 16MiB"), r.origin); }, format_size);
}

template <class Member>
Entry number(std::string name, std::string doc, Member member, unsigned least, unsigned most,
             std::string fallback = {}) {
  return entry(
      std::move(name), std::move(doc), member,
      [=](const Reading& r) {
        return parse_number(scalar(r, "a whole number from " + std::to_string(least) + " to " + std::to_string(most)),
                            r.origin, least, most);
      },
      [](unsigned value) { return std::to_string(value); }, std::move(fallback));
}

template <class Member>
Entry percent(std::string name, std::string doc, Member member) {
  return entry(
      std::move(name), std::move(doc), member,
      [](const Reading& r) { return parse_percent(scalar(r, "a share such as 50%"), r.origin, 1); },
      [](unsigned value) { return std::to_string(value) + "%"; });
}

template <class Member>
Entry text(std::string name, std::string doc, Member member) {
  return entry(
      std::move(name), std::move(doc), member, [](const Reading& r) { return scalar(r, "text"); }, in_quotes);
}

template <class Member>
Entry path(std::string name, std::string doc, Member member, std::string fallback) {
  return entry(
      std::move(name), std::move(doc), member,
      [](const Reading& r) {
        const std::string value = scalar(r, "a path");
        return value.empty() ? std::filesystem::path{} : (r.directory / value).lexically_normal();
      },
      [](const std::filesystem::path& value) { return in_quotes(value.string()); }, std::move(fallback));
}

// Shown as it counts, with what the guest has by itself.
template <class Show>
Entry of_guest(Entry entry, Show show) {
  entry.show = [show](const Settings& settings) { return show(guest_files(settings)); };
  return entry;
}

Entry secret(Entry entry) {
  entry.secret = true;
  return entry;
}

// auto, or what is decided.
Entry workers(std::string name, std::string doc) {
  return {
      std::move(name), std::move(doc), "auto",
      [](Settings& settings, const Reading& reading) {
        set_workers(settings, scalar(reading, "a whole number, or auto"), reading.origin);
      },
      [](const Settings& settings) { return settings.automatic.workers ? "auto" : std::to_string(settings.workers); }};
}

Entry prefixes(std::string name, std::string doc) {
  return {std::move(name), std::move(doc), "auto",
          [](Settings& settings, const Reading& reading) {
            if (reading.node.IsScalar()) return set_prefixes(settings, reading.node.Scalar(), reading.origin);
            auto prefixes = list(reading, "a list of prefixes, or auto");
            check_prefixes(prefixes, reading.origin);
            settings.prefixes = std::move(prefixes);
            settings.automatic.prefixes = false;
          },
          [](const Settings& settings) { return settings.automatic.prefixes ? "auto" : show_list(settings.prefixes); }};
}

std::vector<std::string> read_tests(const Reading& reading) {
  auto tests = list(reading, "a list of tests or suites");
  if (tests.empty()) throw core::InputError(reading.origin + ": names no test");
  return tests;
}

std::string read_level(const Reading& reading) {
  static const std::vector<std::string> levels{"trace", "debug", "info", "warning", "error"};
  std::string level = scalar(reading, "a level");
  for (const std::string& known : levels) {
    if (level == known) return level;
  }
  throw core::InputError(reading.origin + ": '" + level +
                         "' is not a level; write trace, debug, info, warning or error");
}

#define KVMTEST_MEMBER(member) \
  [](auto& s) -> auto& { return s.member; }

std::vector<Entry> build() {
  return {
      path("state_dir",
           "The state directory: everything that kvmtest keeps of its runs, and the guests that it made. Relative to "
           "this file.",
           KVMTEST_MEMBER(state_dir), "\".kvmtest\""),
      text("hypervisor.uri",
           "A libvirt URI such as qemu:///system. Empty: QEMU is driven from within the daemon, its files under "
           "state_dir. "
           "KVM_URI overrides it.",
           KVMTEST_MEMBER(hypervisor.uri)),
      entry(
          "hypervisor.accelerator",
          "kvm, emulated, or auto: KVM where it is proved to work, else emulation. KVM_ACCELERATOR overrides it.",
          KVMTEST_MEMBER(hypervisor.accelerator),
          [](const Reading& r) { return parse_accelerator(scalar(r, "auto, kvm or emulated"), r.origin); },
          [](Accelerator value) { return std::string(to_string(value)); }),
      entry(
          "network",
          "Where the domains' networks are. own: apart from the machine's and from everybody else's, with all that the "
          "daemon does, so that nobody needs root. host: among the machine's interfaces, for templates with cards of "
          "its own; that wants root. KVM_NETWORK overrides it.",
          KVMTEST_MEMBER(network), [](const Reading& r) { return parse_network(scalar(r, "own or host"), r.origin); },
          [](Network value) { return std::string(to_string(value)); }),
      workers("workers",
              "How many domains are brought up at the same time, over all prefixes, 1 to 1024. auto: as many as there "
              "are processors idle, up to one for each. KVM_WORKERS overrides it."),
      prefixes(
          "prefixes",
          "Each names a complete, isolated set of domains and networks, and runs one test at a time. \"\" is the "
          "empty prefix. Letters, digits and . _ - only. auto: a. b. c. and so on, as many as the memory holds and "
          "while processors are idle. KVM_PREFIXES (or the older KVM_PREFIX) overrides it: \"a. b. ''\"."),
      path("domains.templates",
           "Directory of the domains' and networks' templates. Default: the one kvmtest comes with.",
           KVMTEST_MEMBER(domains.templates), "\"config/domains\""),
      path("domains.ready",
           "Directory of domains that another set-up has described, in files named by prefix, platform and host "
           "(a.linuxeast). They are used instead of templates. KVM_DOMAINS overrides it. Empty: none.",
           KVMTEST_MEMBER(domains.ready), ""),
      entry(
          "domains.guest",
          "The guest that kvmtest makes. tiny: a kernel with a few programs. debian: Debian with systemd on a disk "
          "(KVM_GUEST_PACKAGES adds packages). KVM_GUEST overrides it.",
          KVMTEST_MEMBER(domains.guest),
          [](const Reading& r) { return parse_guest(scalar(r, "tiny or debian"), r.origin); },
          [](Guest value) { return std::string(to_string(value)); }),
      entry(
          "domains.release",
          "The Debian release that the guest is made of, such as trixie. Default: the one that this machine runs. "
          "KVM_GUEST_RELEASE overrides it.",
          KVMTEST_MEMBER(domains.release),
          [](const Reading& r) {
            const std::string word = scalar(r, "the name of a Debian release");
            return word.empty() ? word : parse_release(word, r.origin);
          },
          in_quotes),
      of_guest(path("domains.kernel", "The guests' kernel. Default: the one of domains.guest, in state_dir.",
                    KVMTEST_MEMBER(domains.kernel), "\".kvmtest/guest/tiny/kernel\""),
               [](const GuestFiles& files) { return in_quotes(files.kernel); }),
      of_guest(path("domains.initrd", "The guests' initial RAM disk. Default: the one of domains.guest, in state_dir.",
                    KVMTEST_MEMBER(domains.initrd), "\".kvmtest/guest/tiny/initrd\""),
               [](const GuestFiles& files) { return in_quotes(files.initrd); }),
      of_guest(path("domains.image",
                    "A disk image, qcow2 or raw. It is never written: each domain has an overlay on it, as its first "
                    "disk unless its template places it. Default: the image of domains.guest, where it has one.",
                    KVMTEST_MEMBER(domains.image), ""),
               [](const GuestFiles& files) { return in_quotes(files.image); }),
      of_guest(number("domains.memory_mib",
                      "Memory of one domain in MiB, 32 to 1048576. Default: 192, for the Debian guest 384.",
                      KVMTEST_MEMBER(domains.memory_mib), 32, 1U << 20, "192"),
               [](const GuestFiles& files) { return std::to_string(files.memory_mib); }),
      entry(
          "reset.method",
          "How domains are brought to a clean shell. snapshot: they go back to a state that was saved after their "
          "first login, and are booted where that fails. auto: the same, but a domain that only one test wants is "
          "booted. boot: they are always booted. KVM_RESET overrides it.",
          KVMTEST_MEMBER(reset.method),
          [](const Reading& r) { return parse_reset_method(scalar(r, "auto, snapshot or boot"), r.origin); },
          [](ResetMethod value) { return std::string(to_string(value)); }),
      entry(
          "reset.keep", "Whether saved states are kept for later runs: true or false.", KVMTEST_MEMBER(reset.keep),
          [](const Reading& r) { return parse_switch(scalar(r, "true or false"), r.origin); },
          [](bool value) { return std::string(value ? "true" : "false"); }),
      entry(
          "reset.spares",
          "true: while a domain runs a test, a spare of it is taken back to the saved state. The spare takes its place "
          "for the next test. That is done as far as there is memory for both. false: there are no spares. KVM_SPARES "
          "overrides it.",
          KVMTEST_MEMBER(reset.spares),
          [](const Reading& r) { return parse_switch(scalar(r, "true or false"), r.origin); },
          [](bool value) { return std::string(value ? "true" : "false"); }),
      size("reset.ram",
           "RAM for saved states. Those beyond it lie in state_dir. 0B: half of what is free when the daemon starts.",
           KVMTEST_MEMBER(reset.ram)),
      size("reset.kept_limit", "Size of all kept states together. Those used longest ago are removed first.",
           KVMTEST_MEMBER(reset.kept_limit)),
      text("login.user", "The user who logs in at the guests' serial console.", KVMTEST_MEMBER(login.user)),
      secret(text("login.password", "That user's password.", KVMTEST_MEMBER(login.password))),
      entry(
          "ssh.network",
          "The network over which domains are reached by SSH, without its prefix. mgmt: one that nothing else is on; "
          "guests of kvmtest's have a card on it that their tests do not see. off: there is no such network, and no "
          "SSH. KVM_SSH overrides it.",
          KVMTEST_MEMBER(ssh.network),
          [](const Reading& r) { return parse_ssh_network(scalar(r, "a network's name, or off"), r.origin); },
          [](const std::string& value) { return in_quotes(value.empty() ? "off" : value); }),
      entry(
          "ssh.address",
          "The address that this machine has on that network, with its length, such as 192.1.2.253/24, where it is one "
          "of the tests' networks. Empty: an IPv6 link-local address alone.",
          KVMTEST_MEMBER(ssh.address),
          [](const Reading& r) { return parse_ssh_address(scalar(r, "an address with its length"), r.origin); },
          in_quotes),
      entry(
          "ssh.hosts",
          "Addresses of hosts on that network, such as [\"east=192.1.2.23\"]. A host that is not named is reached at "
          "the address that its card gives itself.",
          KVMTEST_MEMBER(ssh.hosts),
          [](const Reading& r) { return parse_ssh_hosts(list(r, "a list of hosts and addresses"), r.origin); },
          show_list),
      number("ssh.port", "The port of guests' SSH servers, 1 to 65535.", KVMTEST_MEMBER(ssh.port), 1, 65535),
      duration("limits.boot", "Time limit from a domain's start to its logged-in shell.", KVMTEST_MEMBER(limits.boot)),
      duration("limits.command", "Time limit of one command of a test, unless the test says otherwise.",
               KVMTEST_MEMBER(limits.command)),
      duration("limits.test", "Time limit of a whole test, unless the test says otherwise.",
               KVMTEST_MEMBER(limits.test)),
      number("limits.stretch",
             "A limit is of the time that the guests had: what passes while one of them wants a processor of this "
             "machine and has none does not count. By the clock on the wall it may be so many times longer, 1 to 1000.",
             KVMTEST_MEMBER(limits.stretch), 1, 1000),
      size("limits.capture",
           "Output that is kept of one host in one attempt. Longer output is cut in the middle and marked.",
           KVMTEST_MEMBER(limits.capture)),
      size(
          "limits.program_memory",
          "Address space of each process of a program that is a test, or that is run for one. 0B: as much as it likes.",
          KVMTEST_MEMBER(limits.program_memory)),
      number("limits.program_processes",
             "Processes and threads that such a program may have at a time, up to 1000000. 0: any number.",
             KVMTEST_MEMBER(limits.program_processes), 0, 1'000'000),
      number("limits.boot_tries", "How often a domain is booted before its test is given up, 1 to 100.",
             KVMTEST_MEMBER(limits.boot_tries), 1, 100),
      number("limits.host_fault_retries",
             "Further attempts at a test after faults of the host (libvirt, QEMU, disk, memory), 0 to 100. Failures of "
             "the "
             "test itself are never retried unasked.",
             KVMTEST_MEMBER(limits.host_fault_retries), 0, 100),
      number("limits.quarantine_after", "Host faults in a row after which a prefix gets no further test, 1 to 1000.",
             KVMTEST_MEMBER(limits.quarantine_after), 1, 1000),
      entry(
          "load.freezing",
          "true: when tests want more processors than there are, some of them stand still in turn, each with all its "
          "domains; their guests do not notice, and no limit of theirs goes on. false: all go on, and are starved.",
          KVMTEST_MEMBER(load.freezing),
          [](const Reading& r) { return parse_switch(scalar(r, "true or false"), r.origin); },
          [](bool value) { return std::string(value ? "true" : "false"); }),
      percent("load.share",
              "The part of this machine's processors that is kvmtest's, 1% to 100%. Where others want processors as "
              "well, tests that want more than that stand still; what others leave is always used. One test goes on "
              "in any case.",
              KVMTEST_MEMBER(load.share)),
      percent("load.starved",
              "A test that did not pass, and whose guests wanted a processor and had none for a larger part of its "
              "time, is STARVED: the host's fault. 1% to 100%.",
              KVMTEST_MEMBER(load.starved)),
      number("load.starved_retries",
             "Further attempts at such a test, 0 to 10: each with half as many tests beside it, the last one alone.",
             KVMTEST_MEMBER(load.retries), 0, 10),
      entry(
          "load.max_average",
          "A load average of the machine, in per cent of its processors (200% is two for each), beyond which nothing "
          "begins beside what goes on: no test, no domain that is started. 0: there is no such bound.",
          KVMTEST_MEMBER(load.most_average),
          [](const Reading& r) {
            const std::string word = scalar(r, "a share such as 200%, or 0");
            return word == "0" ? 0U : parse_percent(word, r.origin, 1, 10'000);
          },
          [](unsigned value) { return value == 0 ? "0" : std::to_string(value) + "%"; }),
      entry(
          "kernel.warnings",
          "What it means for a test when a guest's kernel warns (WARNING, BUG, Oops, KASAN, lockdep, hung task and "
          "others). tell: the warning is told, and the verdict stands. fail: the test has failed. ignore: it means "
          "nothing. A test says otherwise by 'kernel-warnings:' in its header.",
          KVMTEST_MEMBER(kernel.warnings),
          [](const Reading& r) {
            const std::string word = scalar(r, "tell, fail or ignore");
            if (const auto known = core::kernel_warnings_from(word)) return *known;
            throw core::InputError(r.origin + ": '" + word + "' is no such meaning; write tell, fail or ignore");
          },
          [](core::KernelWarnings value) { return std::string(core::to_string(value)); }),
      text("libreswan.directory", "Where guests have the testing directory of a libreswan checkout.",
           KVMTEST_MEMBER(libreswan.directory)),
      duration("libreswan.command_limit", "Time limit of one command of a libreswan test.",
               KVMTEST_MEMBER(libreswan.command_limit)),
      text("libreswan.prepare",
           "A command that each guest is given before a libreswan test, for example to mount that directory. @@TEST@@ "
           "is the test's name. Empty: none.",
           KVMTEST_MEMBER(libreswan.prepare)),
      number("judges", "How many threads compare output with what was expected, 1 to 1024.", KVMTEST_MEMBER(judges), 1,
             1024),
      size("state_min_free", "Space that must be free in state_dir for a run to start.",
           KVMTEST_MEMBER(state_min_free)),
      entry("tests", "The tests, and directories of tests, that run when none is named. Relative to this file.",
            KVMTEST_MEMBER(tests), read_tests, show_list),
      entry(
          "require_some",
          "true: a run in which nothing was tested, because every test was unsupported, exits with 1. false: it exits "
          "with 0. KVM_REQUIRE_SOME overrides it.",
          KVMTEST_MEMBER(require_some),
          [](const Reading& r) { return parse_switch(scalar(r, "true or false"), r.origin); },
          [](bool value) { return std::string(value ? "true" : "false"); }),
      number("max_fail",
             "When this many tests of a run did not pass, no further test is begun. 0 to 1000000; 0: any number may "
             "fail. KVM_MAX_FAIL overrides it.",
             KVMTEST_MEMBER(max_fail), 0, most_max_fail),
      entry("log.level", "How much the daemon's log tells: trace, debug, info, warning or error.",
            KVMTEST_MEMBER(log.level), read_level, [](const std::string& value) { return value; }),
  };
}

#undef KVMTEST_MEMBER

}  // namespace

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries = build();
  return entries;
}

std::string kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a section";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  return "nothing";
}

}  // namespace kvmtest::settings
