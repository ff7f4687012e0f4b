// kvmtest enter.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "kvmtest/verbs.h"
#include "sandbox/join.h"

namespace kvmtest::command {
namespace {

/// The first word is a prefix when it is one of the settings', or ends like one.
std::optional<std::string> take_prefix(std::vector<std::string>& words, const std::vector<std::string>& prefixes) {
  if (words.empty()) return std::nullopt;
  const std::string first = words.front();
  if (std::find(prefixes.begin(), prefixes.end(), first) == prefixes.end() && !first.ends_with('.'))
    return std::nullopt;
  words.erase(words.begin());
  return first;
}

int enter(const Context& context, std::vector<std::string> words) {
  const auto settings = context.common.settings();
  const auto named = take_prefix(words, settings.prefixes);
  if (named) settings::check_prefixes({*named}, "PREFIX");
  const std::string& prefix = named ? *named : settings.prefixes.front();
  if (words.empty()) {
    const char* shell = std::getenv("SHELL");
    words = {shell != nullptr && *shell != '\0' ? shell : "/bin/sh"};
  }
  client::Client client(settings);
  std::unique_ptr<client::RawConnection> held;
  nlohmann::json status;
  client.with_daemon(context.common.config, [&] {
    // While it is open the daemon does not end for want of use.
    held = client.hold();
    status = client.get("/v1/status");
    // While a run is active, its prefixes are there, and no other is made.
    if (status.at("run").is_null()) client.post("/v1/install", {{"prefixes", nlohmann::json::array({prefix})}});
  });
  setenv("KVMTEST_PREFIX", prefix.c_str(), 1);
  return sandbox::run_inside(status.at("pid").get<int>(), prefix, words);
}

}  // namespace

void add_enter(client::Command& program, Context& context) {
  auto words = std::make_shared<std::vector<std::string>>();
  client::Command verb = add_verb(program, context, "enter", "a shell, or one command, where the domains' networks are",
                                  [&context, words] { return enter(context, *words); });
  verb.add_words(
      "COMMAND", *words,
      "a prefix, whose networks are made if need be (none: the first); then a command with all that follows it (none: "
      "a shell)");
  verb.footer(
      "It runs in the daemon's namespaces, as root there, among the prefix' networks. The bridge of network 192_1_2 of "
      "prefix a. is a.192_1_2, and the domains' cards are its ports. Hosts have their names there. Whatever runs there "
      "when the daemon ends, ends with it. Examples: kvmtest enter a. tcpdump -n -i a.192_1_2; kvmtest enter a. ping "
      "east");
}

}  // namespace kvmtest::command
