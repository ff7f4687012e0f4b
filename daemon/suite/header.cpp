#include "suite/header.h"

#include <algorithm>
#include <utility>

#include "core/input_error.h"
#include "settings/values.h"
#include "suite/transcript_line.h"
#include "suite/words.h"

namespace kvmtest::suite {

namespace {
const std::vector<std::string> keys{"command-timeout", "hosts", "kernel-warnings", "tags", "timeout"};
}

std::string header_key(std::string_view text) {
  const std::size_t size = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-");
  if (size == 0 || size == std::string_view::npos || text[size] != ':') return {};
  if (size + 1 < text.size() && text[size + 1] != ' ') return {};
  return std::string(text.substr(0, size));
}

bool is_header_key(const std::string& key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

void Header::fail(unsigned line, const std::string& message) const { throw core::InputError({label_, line}, message); }

std::string Header::origin(std::string_view key, unsigned line) const {
  return core::Place{label_, line}.text() + ": " + std::string(key);
}

bool Header::read(std::string_view text, unsigned line) {
  const std::string key = header_key(text);
  if (key.empty()) return false;
  if (!is_header_key(key)) {
    const auto near = [&](const std::string& known) { return core::edit_distance(key, known) == 1; };
    if (unknown_ == Unknown::text && std::none_of(keys.begin(), keys.end(), near)) return false;
    fail(line, "unknown header '" + key + ":'" + core::did_you_mean(key, keys) + "; there are " + joined(keys));
  }
  const auto [first, fresh] = seen_.emplace(key, line);
  if (!fresh)
    fail(line,
         "header '" + key + ":' is here for the second time; the first is in line " + std::to_string(first->second));
  const std::string_view value = trimmed(text.substr(key.size() + 1));
  if (value.empty()) fail(line, "header '" + key + ":' has no value");
  take(key, value, line);
  return true;
}

void Header::take(const std::string& key, std::string_view value, unsigned line) {
  if (key == "hosts") return read_hosts(value, line);
  if (key == "timeout") test_.limit = settings::parse_duration(value, origin(key, line));
  if (key == "command-timeout") test_.command_limit = settings::parse_duration(value, origin(key, line));
  if (key == "tags") test_.tags = words(value);
  if (key == "kernel-warnings") {
    test_.kernel_warnings = core::kernel_warnings_from(value);
    if (!test_.kernel_warnings)
      fail(line, "header 'kernel-warnings:' is tell, fail or ignore, not '" + std::string(value) + "'");
  }
}

void Header::read_hosts(std::string_view value, unsigned line) {
  for (std::string& host : words(value)) {
    if (command_line(host + "#").value_or(CommandLine{}).host != host)
      fail(line, "'" + host + "' is not a host's name; letters, digits and . _ - only");
    if (known_hosts_ != nullptr && !known_hosts_->contains(host)) {
      fail(line, "unknown host '" + host + "'" + core::did_you_mean(host, *known_hosts_) + "; there are " +
                     joined({known_hosts_->begin(), known_hosts_->end()}));
    }
    if (std::find(test_.hosts.begin(), test_.hosts.end(), host) != test_.hosts.end())
      fail(line, "host '" + host + "' is named twice");
    test_.hosts.push_back(std::move(host));
  }
}

}  // namespace kvmtest::suite
