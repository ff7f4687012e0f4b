#pragma once
// Values as a user writes them in the settings file, in a test, in the environment or on the command line. Pure; any
// thread. Each throws core::InputError, whose line begins with `origin`: "KVM_WORKERS", "--workers",
// "kvmtest.yaml:3:7".

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::settings {

enum class Accelerator {
  automatic,  ///< KVM when it is proved to work, else emulation
  kvm,
  emulated,
};

/// The word in settings: auto, kvm, emulated.
std::string_view to_string(Accelerator accelerator);

/// Where the domains' networks are.
enum class Network {
  own,   ///< in namespaces that the daemon makes for all that it does
  host,  ///< among the machine's own interfaces, which wants root
};
/// The word in settings: own, host.
/// Empty: there is none.
std::string parse_ssh_network(std::string_view text, std::string_view origin);
/// An address with its length, or nothing.
std::string parse_ssh_address(std::string_view text, std::string_view origin);
std::vector<std::string> parse_ssh_hosts(const std::vector<std::string>& items, std::string_view origin);

std::string_view to_string(Network network);
Network parse_network(std::string_view text, std::string_view origin);

/// How domains are brought to a clean shell.
enum class ResetMethod {
  automatic,  ///< by snapshot where a domain will be reset again, else by a boot
  snapshot,   ///< by going back to a state saved after the login; by a boot where that fails
  boot,       ///< always by a boot
};

/// The word in settings: auto, snapshot, boot.
std::string_view to_string(ResetMethod method);
ResetMethod parse_reset_method(std::string_view text, std::string_view origin);

/// The guests that kvmtest builds: scripts/guest/tiny and scripts/guest/debian.
enum class Guest { tiny, debian };
/// The word in settings, and the name of its directory.
std::string_view to_string(Guest guest);
Guest parse_guest(std::string_view text, std::string_view origin);
/// The name of a Debian release, such as trixie: small letters.
std::string parse_release(std::string_view text, std::string_view origin);

/// A duration with its unit: "500ms", "30s", "2m", "1h". More than zero, at most 24h.
std::chrono::milliseconds parse_duration(std::string_view text, std::string_view origin);
/// The inverse of parse_duration, in the largest unit that is exact.
std::string format_duration(std::chrono::milliseconds duration);

/// Bytes: "16MiB", "512KiB", "2GiB", "100B".
std::uint64_t parse_size(std::string_view text, std::string_view origin);
/// The inverse of parse_size, in the largest unit that is exact.
std::string format_size(std::uint64_t bytes);

/// A whole number from `least` to `most`, both included.
unsigned parse_number(std::string_view text, std::string_view origin, unsigned least, unsigned most);
/// A share: "50%", a whole number of per cent from `least` to 100.
unsigned parse_percent(std::string_view text, std::string_view origin, unsigned least, unsigned most = 100);
/// The rule of parse_number for what is a number already.
void check_number(std::uint64_t number, std::string_view origin, unsigned least, unsigned most);
/// Slots of the reboot pool: a whole number from 1 to 1024.
unsigned parse_workers(std::string_view text, std::string_view origin);
/// How many there are at most where the load decides, on so many processors: a domain that starts takes a processor,
/// and of tests that sleep several share one.
unsigned most_automatic_workers(unsigned processors);
unsigned most_automatic_prefixes(unsigned processors);
/// So many names for prefixes: "a." to "z.", "aa." to "zz.", up to 702.
std::vector<std::string> prefix_names(unsigned count);
/// The rule of parse_workers.
void check_workers(unsigned workers, std::string_view origin);

Accelerator parse_accelerator(std::string_view text, std::string_view origin);
/// "true" or "false".
bool parse_switch(std::string_view text, std::string_view origin);

/// A list separated by white space; '' or "" is the empty prefix. At least one and at most 1024; no duplicates;
/// letters, digits and . _ - only, not beginning with a dash.
std::vector<std::string> parse_prefixes(std::string_view text, std::string_view origin);
/// The rules of parse_prefixes for a list that is split already.
void check_prefixes(const std::vector<std::string>& prefixes, std::string_view origin);
/// Refuses a prefix that makes a bridge name of more than 15 characters (IFNAMSIZ less the final NUL, linux/if.h) with
/// one of the networks.
void check_bridge_names(const std::vector<std::string>& prefixes, const std::vector<std::string>& networks);

}  // namespace kvmtest::settings
