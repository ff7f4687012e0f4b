// kvmtest ssh-config.

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/own_program.h"
#include "base/quoting.h"
#include "client/domains.h"
#include "core/input_error.h"
#include "domains/templates.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;
using core::InputError;

struct SshConfigOptions {
  bool install = false;
  bool remove = false;
};

/// In a value where a percent sign begins a token (ssh_config(5), TOKENS).
std::string without_tokens(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

/// A command of ours, for a shell that starts anywhere.
std::string ours(const Context& context, const settings::Settings& settings, const std::string& words) {
  // What the user types may be a link that is there in their project alone.
  const std::string program = base::shell_quoted(base::own_program().string());
  client::CommonOptions common = context.common;
  if (common.config) common.config = fs::absolute(*common.config);
  if (common.state_dir) common.state_dir = fs::absolute(*common.state_dir);
  return without_tokens(fmt::format("cd {} && exec {} connect{}", base::shell_quoted(settings.project.string()),
                                    program, common.again(false))) +
         words;
}

std::vector<std::string> domains_of(const settings::Settings& settings) {
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  std::vector<std::string> names;
  for (const std::string& prefix : settings.prefixes)
    for (const std::string& host : templates.hosts()) names.push_back(prefix + host);
  return names;
}

std::string block(const Context& context, const settings::Settings& settings) {
  if (settings.ssh.network.empty()) throw InputError("domains are not reached by SSH: ssh.network (KVM_SSH) is off");
  const std::string key = without_tokens(settings.state_dir.key().string());
  std::string text = fmt::format("# Domains of {}, by kvmtest ssh-config.\n", settings.project.string());
  text += fmt::format("Host {}\n", fmt::join(domains_of(settings), " "));
  const auto add = [&](const char* name, const std::string& value) { text += fmt::format("  {} {}\n", name, value); };
  add("User", settings.login.user);
  if (settings.ssh.port != 22) add("Port", std::to_string(settings.ssh.port));
  add("ProxyCommand", "/bin/sh -c " + base::shell_quoted(ours(context, settings, " %h %p")));
  add("IdentityFile", base::in_double_quotes(key));
  add("IdentitiesOnly", "yes");
  // The guest's own keys, as its console tells them. A guest that tells none is as new each time.
  add("KnownHostsCommand", "/bin/sh -c " + base::in_double_quotes(ours(context, settings, " --host-keys %H")));
  add("UserKnownHostsFile", "/dev/null");
  add("GlobalKnownHostsFile", "/dev/null");
  add("StrictHostKeyChecking", "accept-new");
  add("PasswordAuthentication", "no");
  add("KbdInteractiveAuthentication", "no");
  add("LogLevel", "ERROR");
  return text;
}

/// Complete or as it was. Throws std::runtime_error.
void replace_file(const fs::path& file, const std::string& text) {
  const fs::path unfinished = file.string() + ".kvmtest";
  const mode_t mask = umask(077);
  std::ofstream out(unfinished);
  out << text;
  out.close();
  umask(mask);
  std::error_code error;
  if (out) fs::rename(unfinished, file, error);
  if (!out || error) throw std::runtime_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
}

/// The user's own configuration, a link to it followed.
fs::path user_file() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') throw InputError("HOME is not set, so there is no ~/.ssh/config");
  const fs::path directory = fs::path(home) / ".ssh";
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::runtime_error(fmt::format("{}: {}", directory.string(), std::strerror(errno)));
  return fs::weakly_canonical(directory / "config");
}

/// Has the user's configuration include `ours` first, for a line below some host's is that host's; or not any more.
void include(const fs::path& ours, bool wanted) {
  const fs::path file = user_file();
  const std::string line = "Include " + base::in_double_quotes(ours.string()) + "\n";
  std::ifstream in(file);
  const std::string old{std::istreambuf_iterator<char>(in), {}};
  const auto at = ("\n" + old).find("\n" + line);
  if (wanted == (at != std::string::npos)) return;
  std::string text = old;
  if (wanted)
    text.insert(0, line);
  else
    text.erase(at, line.size());
  replace_file(file, text);
}

int ssh_config(const Context& context, const SshConfigOptions& options) {
  const auto settings = context.common.settings();
  const fs::path file = settings.state_dir.ssh() / "config";
  if (options.remove) {
    include(file, false);
    std::error_code ignored;
    fs::remove(file, ignored);
    return 0;
  }
  const std::string text = block(context, settings);
  if (!options.install) {
    std::cout << text;
    return 0;
  }
  // With it comes the key.
  client::Client(settings).ensure_daemon(context.common.config);
  replace_file(file, text);
  include(file, true);
  const std::vector<std::string> names = domains_of(settings);
  std::cout << fmt::format("ssh {} works from any terminal now, and so do {} others\n", names.front(),
                           names.size() - 1);
  return 0;
}

}  // namespace

void add_ssh_config(client::Command& program, Context& context) {
  auto options = std::make_shared<SshConfigOptions>();
  client::Command verb =
      add_verb(program, context, "ssh-config", "what OpenSSH needs to know for ssh a.east, scp, rsync and the like",
               [&context, options] { return ssh_config(context, *options); });
  const auto install =
      verb.add_flag("--install", options->install, "keep it in the state directory, and have ~/.ssh/config include it");
  verb.add_flag("--remove", options->remove, "take that back").excludes(install);
  verb.footer(
      "Prints a block for ssh_config(5), for the domains of all prefixes. A domain that is down is brought up by the "
      "first connection. A connection ends when its domain goes back to its clean state. Example: kvmtest ssh-config "
      "--install && ssh a.east ip route");
}

}  // namespace kvmtest::command
