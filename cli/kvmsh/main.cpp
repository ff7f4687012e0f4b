// kvmsh: a shell on a domain, or one command on it.

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "client/client.h"
#include "client/options.h"
#include "core/input_error.h"
#include "libvirt/templates.h"
#include "wire/execution_json.h"

using namespace kvmtest;
using nlohmann::json;

namespace {

constexpr char escape_key = 0x1d;  // ^]

/// The terminal as it was, whatever happens.
class RawTerminal {
 public:
  RawTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    cfmakeraw(&raw);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// `token`: of the running test that this is called from; empty: none.
int run_command(client::Client& client, const std::string& domain, const std::string& command, double limit,
                const std::string& token = {}) {
  int status = 3;
  bool ended = false;
  client.lines("POST", fmt::format("/v1/domains/{}/exec", domain),
               // In a subshell, as with ssh: `exit 3` ends the command and not the console's shell.
               {{"command", wire::text_from_bytes(command)}, {"subshell", true}, {"timeout", limit}, {"token", token}},
               [&](const json& line) {
                 if (line.contains("output")) {
                   write_all(STDOUT_FILENO, wire::bytes_from_text(line.at("output").get<std::string>()));
                   return true;
                 }
                 ended = true;
                 if (line.contains("error"))
                   std::cerr << "kvmsh: " << line.at("error").get<std::string>() << '\n';
                 else
                   status = line.at("status").get<int>();
                 return false;
               });
  if (!ended) std::cerr << "kvmsh: the daemon went away\n";
  return status;
}

/// Bytes both ways, until the escape key or the end of either side.
void pass_through(int connection) {
  std::array<pollfd, 2> wait{{{STDIN_FILENO, POLLIN, 0}, {connection, POLLIN, 0}}};
  std::array<char, 4096> buffer;
  while (poll(wait.data(), wait.size(), -1) >= 0 || errno == EINTR) {
    if (wait[1].revents != 0) {
      const ssize_t got = read(connection, buffer.data(), buffer.size());
      if (got <= 0 || !write_all(STDOUT_FILENO, {buffer.data(), static_cast<std::size_t>(got)})) return;
    }
    if (wait[0].revents != 0) {
      const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
      if (got <= 0) return;
      const std::string_view typed(buffer.data(), static_cast<std::size_t>(got));
      const auto escape = typed.find(escape_key);
      if (!write_all(connection, typed.substr(0, escape)) || escape != std::string_view::npos) return;
    }
    wait[0].revents = wait[1].revents = 0;
  }
}

int interact(client::Client& client, const std::string& domain) {
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) size = {24, 80, 0, 0};
  std::cerr << "kvmsh: on " << domain << "; ^] leaves\n";
  const auto connection =
      client.upgrade(fmt::format("/v1/domains/{}/console?rows={}&columns={}", domain, size.ws_row, size.ws_col));
  {
    const RawTerminal raw;
    write_all(STDOUT_FILENO, connection->first());
    pass_through(connection->descriptor());
  }
  std::cerr << '\n';
  return 0;
}

/// From within a program that is a test (docs/formats.md): its domains are up, and its own.
int run_in_test(const std::string& domain, const std::vector<std::string>& command, double limit, const char* token) {
  if (command.empty()) throw core::InputError("within a test there is no terminal; say what to run on " + domain);
  const char* state_dir = std::getenv("KVMTEST_STATE_DIR");
  if (state_dir == nullptr) throw core::InputError("KVMTEST_TOKEN is set, but KVMTEST_STATE_DIR is not");
  settings::Settings settings;
  settings.state_dir = state_dir;
  client::Client client(settings);
  return run_command(client, domain, fmt::format("{}", fmt::join(command, " ")), limit, token);
}

bool is_up(const json& status, const core::Domain& domain) {
  for (const json& prefix : status.at("prefixes"))
    if (prefix.at("prefix") == domain.prefix.value) {
      const std::string state = prefix.at("domains").value(domain.host.value, "off");
      return state == "up" || state == "ready";
    }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"A shell on a domain, or one command on it. A domain that is down is brought up first."};
  app.set_version_flag("--version", std::string("kvmsh ") + KVMTEST_VERSION);
  app.footer("Exit status: the command's; 2 bad input, 3 the infrastructure failed. Example: kvmsh a.east ip route");
  client::CommonOptions common;
  common.add_to(app);
  std::string name;
  std::vector<std::string> command;
  double limit = 86400;
  app.add_option("DOMAIN", name, "prefix and host: a.east")->required();
  app.add_option("COMMAND", command, "run this in the domain's shell and leave; none: a shell for you");
  app.add_option("--timeout", limit, "seconds the command may take")->check(CLI::PositiveNumber);
  app.positionals_at_end();
  app.prefix_command();
  // All behind the domain is the command's, options included.
  std::vector<std::string> own;
  for (int i = 1; i < argc; ++i) own.emplace_back(argv[i]);
  std::reverse(own.begin(), own.end());
  try {
    app.parse(own);
  } catch (const CLI::ParseError& e) {
    return client::refuse_arguments("kvmsh", app, e);
  }
  for (const std::string& word : app.remaining()) command.push_back(word);

  return client::with_errors("kvmsh", [&] {
    if (const char* token = std::getenv("KVMTEST_TOKEN")) return run_in_test(name, command, limit, token);
    const auto settings = common.settings();
    const core::Domain domain =
        libvirt::Templates(settings.domains.templates, settings.domains.ready).parse_domain(name);
    client::Client client(settings);
    client.ensure_daemon(common.config);
    if (!is_up(client.get("/v1/status"), domain)) {
      std::cerr << "kvmsh: bringing up " << name << '\n';
      client.post(fmt::format("/v1/domains/{}/up?workers={}&reset={}", name, settings.workers,
                              settings::to_string(settings.reset.method)));
    }
    if (!command.empty()) return run_command(client, name, fmt::format("{}", fmt::join(command, " ")), limit);
    return interact(client, name);
  });
}
