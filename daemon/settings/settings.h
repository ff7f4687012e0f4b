#pragma once
// The settings of one project directory. They come from defaults, the settings file and the environment; each overrides
// the one before. The command line overrides all of them; who owns it applies it (settings/values.h). Pure data; any
// thread.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/state_directory.h"
#include "core/input_error.h"
#include "core/verdict.h"
#include "settings/values.h"

namespace kvmtest::settings {

/// The largest `max_fail`.
inline constexpr unsigned most_max_fail = 1'000'000;

struct Settings {
  /// Directory of the settings file, or the current one; absolute. Tests are named relative to it.
  std::filesystem::path project;
  /// The state directory; absolute. Default: .kvmtest in the project.
  base::StateDirectory state_dir;

  struct Hypervisor {
    std::string uri;  ///< libvirt URI; empty: embedded, its root under state_dir
    Accelerator accelerator = Accelerator::automatic;
  } hypervisor;

  Network network = Network::own;

  unsigned workers = 1;               ///< slots of the reboot pool
  std::vector<std::string> prefixes;  ///< at least one
  /// What the load decides: how many of those are in use at a time.
  struct Automatic {
    bool workers = true;
    bool prefixes = true;
  } automatic;
  bool require_some = false;  ///< a run in which every test was unsupported is a failure
  unsigned max_fail = 0;      ///< tests that did not pass, after which a run begins no further one; 0: any number

  struct Domains {
    std::filesystem::path templates;  ///< directory of domain and network templates
    Guest guest = Guest::tiny;
    std::string release;          ///< Debian release of that guest; empty: the one that the machine runs
    std::filesystem::path ready;  ///< directory of domains that are described already, used instead; empty: none
    // As set; guest_files() tells what counts.
    std::filesystem::path kernel;
    std::filesystem::path initrd;
    std::filesystem::path image;
    unsigned memory_mib = 0;
  } domains;

  struct Reset {
    ResetMethod method = ResetMethod::snapshot;
    bool keep = true;                       ///< saved states are kept for later runs
    bool spares = true;                     ///< domains have spares, while there is memory for them
    std::uint64_t ram = 0;                  ///< bytes of RAM for saved states; 0: half of what is free at the start
    std::uint64_t kept_limit = 4ULL << 30;  ///< bytes of all kept states
  } reset;

  struct Login {
    std::string user = "root";
    std::string password = "swan";
  } login;

  /// How domains are reached by SSH.
  struct Ssh {
    std::string network = "mgmt";    ///< over which; without prefix; empty: not at all
    std::string address;             ///< of the machine on it, with its length; empty: none of its own
    std::vector<std::string> hosts;  ///< "east=192.1.2.23": addresses of hosts on it
    unsigned port = 22;
    /// By host.
    [[nodiscard]] std::map<std::string, std::string> addresses() const;
  } ssh;

  struct Limits {
    std::chrono::milliseconds boot{std::chrono::seconds(120)};    ///< start of a domain to its verified shell
    std::chrono::milliseconds command{std::chrono::seconds(30)};  ///< a test's command, unless the test says otherwise
    std::chrono::milliseconds test{std::chrono::seconds(300)};    ///< a whole test, unless it says otherwise
    unsigned stretch = 10;                                        ///< times longer than these by the wall's clock
    std::uint64_t capture = 16ULL << 20;                          ///< bytes kept of one host's output in one attempt
    std::uint64_t program_memory = 4ULL << 30;  ///< bytes of address space of each of a program's processes; 0: any
    unsigned program_processes = 1024;          ///< of a program at a time; 0: any
    unsigned boot_tries = 2;                    ///< times a domain is booted before its group is given up
    unsigned host_fault_retries = 1;            ///< further attempts at a test after host faults
    unsigned quarantine_after = 3;              ///< host faults in a row before a prefix is quarantined
  } limits;

  /// How tests share the processors, with each other and with others.
  struct Load {
    bool freezing = true;  ///< when they want more than there are, some of them stand still in turn
    unsigned share = 100;  ///< per cent of the processors that are kvmtest's when others want them as well
    unsigned starved =
        10;                ///< per cent of its time that a test may be starved before a bad verdict is the host's fault
    unsigned retries = 2;  ///< further attempts at a test that did not pass because it was starved
    unsigned most_average = 0;  ///< load average in per cent of the processors, beyond which nothing new begins; 0: any
  } load;

  struct Kernel {
    core::KernelWarnings warnings = core::KernelWarnings::tell;  ///< what they mean for a test that does not say
  } kernel;

  struct Libreswan {
    std::string directory = "/testing";  ///< of the guests, where they have a checkout's testing directory
    std::chrono::milliseconds command_limit{std::chrono::seconds(120)};
    std::string prepare;  ///< command that each guest is given before a test; empty: none
  } libreswan;

  unsigned judges = 2;                                      ///< judging threads
  std::uint64_t state_min_free = 256ULL << 20;              ///< bytes that must be free in state_dir for a run to start
  std::vector<std::string> tests{"testing/suites/netlab"};  ///< what runs when no test is named

  struct Log {
    std::string level = "info";  ///< trace, debug, info, warning, error
  } log;
};

/// What domains are made of.
struct GuestFiles {
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::filesystem::path image;  ///< disk image; empty: none
  unsigned memory_mib = 0;      ///< MiB a domain
};
/// The files of Settings::domains that are set, and those of domains.guest for the rest. The latter lie in guest/ of
/// state_dir.
GuestFiles guest_files(const Settings& settings);

/// The directory of domains.guest, made by the script of that name: guest/debian-trixie in state_dir.
std::filesystem::path guest_directory(const Settings& settings);

/// Puts the state directory elsewhere.
void move_state_dir(Settings& settings, const std::filesystem::path& directory);

/// The name of the settings file looked for in the current directory.
inline constexpr const char* default_file = "kvmtest.yaml";

/// Settings without any file, for a project in `directory`.
Settings defaults(const std::filesystem::path& directory);

/// Reads `file`; without one, kvmtest.yaml of the current directory, and when there is none the defaults. Relative
/// paths are relative to the settings file. Throws core::InputError "file:line:column: message".
Settings load(const std::optional<std::filesystem::path>& file);
/// The same on a text; `file` is its name in errors and its directory the project.
Settings load_text(const std::string& text, const std::filesystem::path& file);

/// Takes them over from a text that names them, or has them decided by the load: "auto". Throws core::InputError.
void set_workers(Settings& settings, std::string_view text, std::string_view origin);
void set_prefixes(Settings& settings, std::string_view text, std::string_view origin);

/// Overrides by KVM_WORKERS, KVM_PREFIXES, KVM_PREFIX (older name, when KVM_PREFIXES is unset or empty), KVM_URI,
/// KVM_DOMAINS, KVM_ACCELERATOR, KVM_NETWORK, KVM_GUEST, KVM_GUEST_RELEASE, KVM_RESET, KVM_SPARES and KVM_SSH. An empty
/// variable counts as unset. Throws core::InputError naming the variable.
void apply_environment(Settings& settings);

/// One setting, as it stands in the table that all readers and listings share.
struct Described {
  std::string name;     ///< dotted: "limits.boot"
  std::string value;    ///< as it would be written in the file
  std::string doc;      ///< one line
  bool secret = false;  ///< no listing shows the value
};
/// Every known setting with its value in `settings`, in the table's order.
std::vector<Described> describe(const Settings& settings);
/// Every known setting with its default, as YAML with comments.
std::string describe();

}  // namespace kvmtest::settings
