#include "settings/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include <arpa/inet.h>
#include <net/if.h>

#include "core/input_error.h"

namespace kvmtest::settings {

namespace {

constexpr std::size_t longest_bridge_name = 15;

struct Unit {
  std::string_view word;
  std::uint64_t value;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 4> time_units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> size_units{{{"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}}};

[[noreturn]] void refuse(std::string_view origin, const std::string& message) {
  throw core::InputError(std::string(origin) + ": " + message);
}

std::optional<std::uint64_t> whole(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> measured(std::string_view text, const std::array<Unit, 4>& units) {
  const std::size_t split = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = whole(text.substr(0, split));
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.word == text.substr(split); });
  if (!count || unit == units.end() || *count > std::numeric_limits<std::int64_t>::max() / unit->value) {
    return std::nullopt;
  }
  return *count * unit->value;
}

std::string formatted(std::uint64_t value, const std::array<Unit, 4>& units) {
  for (const Unit& unit : units) {
    if (value % unit.value == 0 && (value != 0 || unit.value == 1)) {
      return std::to_string(value / unit.value) + std::string(unit.word);
    }
  }
  return std::to_string(value);
}

bool allowed_in_prefix(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string named(char c) {
  if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f') return "white space";
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7f) return "a control character";
  if (byte >= 0x80) return "a character outside ASCII";
  return std::string("a '") + c + "'";
}

// For an error's one line: what cannot be shown is left out.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out;
}

}  // namespace

std::string_view to_string(Accelerator accelerator) {
  switch (accelerator) {
    case Accelerator::automatic: return "auto";
    case Accelerator::kvm: return "kvm";
    case Accelerator::emulated: return "emulated";
  }
  return "auto";
}

namespace {

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace

std::string parse_ssh_network(std::string_view text, std::string_view origin) {
  if (text == "off") return {};
  // As part of a network card's name.
  const bool fits = !text.empty() && text.find_first_of(" /\t\n:") == std::string_view::npos && text.size() < IFNAMSIZ;
  if (!fits) refuse(origin, "'" + shown(text) + "' is not a network; write its name without prefix, or off");
  return std::string(text);
}

std::string parse_ssh_address(std::string_view text, std::string_view origin) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool six = address.find(':') != std::string::npos;
  if (text.empty()) return {};
  if (slash == std::string_view::npos || !is_address(address))
    refuse(origin, "'" + shown(text) + "' is not an address with its length, such as 192.1.2.253/24");
  parse_number(text.substr(slash + 1), origin, 1, six ? 128 : 32);
  return std::string(text);
}

std::vector<std::string> parse_ssh_hosts(const std::vector<std::string>& items, std::string_view origin) {
  for (const std::string& item : items) {
    const auto equals = item.find('=');
    if (equals == 0 || equals == std::string::npos || !is_address(item.substr(equals + 1)))
      refuse(origin, "'" + shown(item) + "' is not a host and its address, such as east=192.1.2.23");
  }
  return items;
}

std::string_view to_string(Network network) { return network == Network::host ? "host" : "own"; }

Network parse_network(std::string_view text, std::string_view origin) {
  for (const auto known : {Network::own, Network::host})
    if (text == to_string(known)) return known;
  refuse(origin, "'" + shown(text) + "' is not a network; write own or host");
}

std::string_view to_string(ResetMethod method) {
  switch (method) {
    case ResetMethod::automatic: return "auto";
    case ResetMethod::snapshot: return "snapshot";
    case ResetMethod::boot: return "boot";
  }
  return "snapshot";
}

std::chrono::milliseconds parse_duration(std::string_view text, std::string_view origin) {
  const auto value = measured(text, time_units);
  if (!value) {
    refuse(origin, "'" + shown(text) + "' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
  }
  if (*value == 0 || *value > 86'400'000) refuse(origin, "'" + shown(text) + "' is not a duration from 1ms to 24h");
  return std::chrono::milliseconds(*value);
}

std::string format_duration(std::chrono::milliseconds duration) {
  return formatted(static_cast<std::uint64_t>(duration.count()), time_units);
}

std::uint64_t parse_size(std::string_view text, std::string_view origin) {
  const auto value = measured(text, size_units);
  if (!value) refuse(origin, "'" + shown(text) + "' is not a size; write a number and its unit: 512KiB, 16MiB or 2GiB");
  return *value;
}

std::string format_size(std::uint64_t bytes) { return formatted(bytes, size_units); }

namespace {

constexpr unsigned most_workers = 1024;
constexpr std::size_t most_prefixes = 1024;

[[noreturn]] void refuse_number(std::string_view shown_as, std::string_view origin, unsigned least, unsigned most) {
  refuse(origin, "'" + std::string(shown_as) + "' is not a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most));
}

}  // namespace

unsigned parse_number(std::string_view text, std::string_view origin, unsigned least, unsigned most) {
  const auto value = whole(text);
  if (!value || *value < least || *value > most) refuse_number(shown(text), origin, least, most);
  return static_cast<unsigned>(*value);
}

unsigned parse_percent(std::string_view text, std::string_view origin, unsigned least, unsigned most) {
  const auto value = text.ends_with('%') ? whole(text.substr(0, text.size() - 1)) : std::nullopt;
  if (!value || *value < least || *value > most)
    refuse(origin, "'" + shown(text) + "' is no share; write one from " + std::to_string(least) + "% to " +
                       std::to_string(most) + "%");
  return static_cast<unsigned>(*value);
}

void check_number(std::uint64_t number, std::string_view origin, unsigned least, unsigned most) {
  if (number < least || number > most) refuse_number(std::to_string(number), origin, least, most);
}

unsigned most_automatic_workers(unsigned processors) { return std::min(processors, most_workers); }

unsigned most_automatic_prefixes(unsigned processors) {
  constexpr unsigned for_each_processor = 8;
  constexpr unsigned most = 128;
  return std::min(processors, most / for_each_processor) * for_each_processor;
}

std::vector<std::string> prefix_names(unsigned count) {
  constexpr unsigned alphabet = 26;
  std::vector<std::string> out;
  for (unsigned i = 0; i < count; ++i) {
    std::string name(1, static_cast<char>('a' + i % alphabet));
    if (i >= alphabet) name.insert(name.begin(), static_cast<char>('a' + i / alphabet - 1));
    out.push_back(name + ".");
  }
  return out;
}

unsigned parse_workers(std::string_view text, std::string_view origin) {
  return parse_number(text, origin, 1, most_workers);
}

void check_workers(unsigned workers, std::string_view origin) { check_number(workers, origin, 1, most_workers); }

Accelerator parse_accelerator(std::string_view text, std::string_view origin) {
  for (const auto known : {Accelerator::automatic, Accelerator::kvm, Accelerator::emulated}) {
    if (text == to_string(known)) return known;
  }
  refuse(origin, "'" + shown(text) + "' is not an accelerator; write auto, kvm or emulated");
}

std::string_view to_string(Guest guest) { return guest == Guest::debian ? "debian" : "tiny"; }

Guest parse_guest(std::string_view text, std::string_view origin) {
  for (const auto known : {Guest::tiny, Guest::debian}) {
    if (text == to_string(known)) return known;
  }
  throw core::InputError(std::string(origin) + ": '" + std::string(text) +
                         "' is no guest of kvmtest; write tiny or debian");
}

std::string parse_release(std::string_view text, std::string_view origin) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_small))
    refuse(origin, "'" + shown(text) + "' is no name of a Debian release, such as trixie");
  return std::string(text);
}

ResetMethod parse_reset_method(std::string_view text, std::string_view origin) {
  for (const auto known : {ResetMethod::automatic, ResetMethod::snapshot, ResetMethod::boot}) {
    if (text == to_string(known)) return known;
  }
  refuse(origin, "'" + shown(text) + "' is not a way to reset; write snapshot, auto or boot");
}

bool parse_switch(std::string_view text, std::string_view origin) {
  if (text == "true") return true;
  if (text == "false") return false;
  refuse(origin, "'" + shown(text) + "' is neither true nor false");
}

void check_prefixes(const std::vector<std::string>& prefixes, std::string_view origin) {
  if (prefixes.empty()) refuse(origin, "no prefix is named; '' is the empty one");
  if (prefixes.size() > most_prefixes)
    refuse(origin, std::to_string(prefixes.size()) + " prefixes are more than " + std::to_string(most_prefixes));
  std::set<std::string_view> seen;
  for (const std::string& prefix : prefixes) {
    const auto bad = std::find_if_not(prefix.begin(), prefix.end(), allowed_in_prefix);
    if (bad != prefix.end()) {
      refuse(origin,
             "prefix '" + shown(prefix) + "' has " + named(*bad) + " in it; only letters, digits and . _ - may be");
    }
    if (prefix.starts_with('-')) refuse(origin, "prefix '" + prefix + "' begins with a dash");
    if (!seen.insert(prefix).second) refuse(origin, "prefix '" + prefix + "' is named twice");
  }
}

std::vector<std::string> parse_prefixes(std::string_view text, std::string_view origin) {
  constexpr std::string_view blank = " \t\n\r\v\f";
  std::vector<std::string> prefixes;
  for (std::size_t begin = text.find_first_not_of(blank); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(blank, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    prefixes.emplace_back(word == "''" || word == "\"\"" ? std::string_view{} : word);
    begin = text.find_first_not_of(blank, end);
  }
  check_prefixes(prefixes, origin);
  return prefixes;
}

void check_bridge_names(const std::vector<std::string>& prefixes, const std::vector<std::string>& networks) {
  for (const std::string& prefix : prefixes) {
    for (const std::string& network : networks) {
      const std::string name = prefix + network;
      if (name.size() <= longest_bridge_name) continue;
      throw core::InputError("prefix '" + prefix + "' is too long: with network '" + network +
                             "' it makes the bridge name '" + name + "' of " + std::to_string(name.size()) +
                             " characters, and the limit is " + std::to_string(longest_bridge_name));
    }
  }
}

}  // namespace kvmtest::settings
