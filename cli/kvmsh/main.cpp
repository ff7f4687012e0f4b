// kvmsh: a shell on a domain, or one command on it.

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/percent.h"
#include "client/client.h"
#include "client/completion.h"
#include "client/domains.h"
#include "client/manual.h"
#include "client/options.h"
#include "client/plain_output.h"
#include "client/screen.h"
#include "client/ssh_command.h"
#include "client/words.h"
#include "core/input_error.h"
#include "domains/templates.h"
#include "kvmsh/command.h"
#include "kvmsh/passage.h"

using namespace kvmtest;
using nlohmann::json;

namespace {

struct Options {
  client::CommonOptions common;
  std::string domain;
  std::vector<std::string> command;
  std::optional<double> limit;
  std::string escape = "^]";
  bool no_input = false;
  bool input = false;
  bool boot = false;
  bool force = false;
  bool ssh = false;
  bool reboot = false;

  [[nodiscard]] std::string text() const { return fmt::format("{}", fmt::join(command, " ")); }
};

int run_by_ssh(client::Client& client, const Options& options, int input, const std::string& token) {
  return client::run_by_ssh(client, options.domain, {options.text(), options.limit, token},
                            {input, [](std::string_view bytes) { client::write_all(bytes); },
                             [](std::string_view bytes) { client::write_all(bytes, STDERR_FILENO); }});
}

/// From within a program that is a test (docs/formats.md): its domains are up, and its own. Its standard input may be a
/// list that it goes through: only read when asked for.
int run_in_test(const Options& options, const char* token) {
  if (options.command.empty() && !options.reboot)
    throw core::InputError("within a test there is no terminal; say what to run on " + options.domain);
  const char* state_dir = std::getenv("KVMTEST_STATE_DIR");
  if (state_dir == nullptr) throw core::InputError("KVMTEST_TOKEN is set, but KVMTEST_STATE_DIR is not");
  settings::Settings settings;
  settings.state_dir = std::filesystem::path(state_dir);
  client::Client client(settings);
  // Input is the command's only when it is asked for: the program may go through a list.
  if (options.ssh) return run_by_ssh(client, options, options.input ? STDIN_FILENO : -1, token);
  kvmsh::Command command{options.text(), options.limit, options.reboot, {}, token};
  if (options.no_input) command.input.emplace();
  if (options.input) command.input = kvmsh::read_input();
  return kvmsh::run_command(client, options.domain, command);
}

/// Follows the test that runs on the domain.
int watch(client::Client& client, const Options& options, const kvmsh::Passage& how) {
  if (options.boot)
    throw client::Refused(options.domain + " is in use by a run; --boot is for domains that are not", 3);
  const auto connection =
      client.upgrade(fmt::format("{}?force={}", client::domain_path(options.domain, "watch"), options.force ? 1 : 0));
  const std::string leaves = how.escape ? kvmsh::escape_name(*how.escape) + " leaves" : "no key leaves";
  std::cerr << fmt::format("kvmsh: {}{}\n", options.force ? "" : "read-only; ", leaves);
  return kvmsh::pass_through(*connection, {how.escape, !options.force});
}

void bring_up(client::Client& client, const Options& options, const settings::Settings& settings) {
  std::cerr << fmt::format("kvmsh: {} {}\n", options.boot ? "booting" : "bringing up", options.domain);
  const auto method = options.boot ? settings::ResetMethod::boot : settings.reset.method;
  client::bring_up(client, options.domain, {options.boot, settings.workers, method});
}

int interact(client::Client& client, const Options& options, const kvmsh::Passage& how) {
  const auto size = client::window_size(STDIN_FILENO).value_or(client::WindowSize{});
  const char* term = std::getenv("TERM");
  const std::string type = term != nullptr ? term : "";
  const auto connection =
      options.ssh
          ? client.upgrade(
                client::domain_path(options.domain, "ssh"),
                {{"command", ""}, {"terminal", {{"type", type}, {"rows", size.rows}, {"columns", size.columns}}}})
          : client.upgrade(fmt::format("{}?rows={}&columns={}&term={}", client::domain_path(options.domain, "console"),
                                       size.rows, size.columns, base::percent_encoded(type)));
  std::cerr << fmt::format("kvmsh: on {}; {}`exit` leaves\n", options.domain,
                           how.escape ? kvmsh::escape_name(*how.escape) + " or " : "");
  const int status = kvmsh::pass_through(*connection, how);
  std::cerr << '\n';
  return status;
}

int run(Options options) {
  if (const char* token = std::getenv("KVMTEST_TOKEN")) return run_in_test(options, token);
  if (options.reboot)
    throw core::InputError("--reboot is for programs of tests; --boot boots a domain before it is used");
  const kvmsh::Passage how{kvmsh::parse_escape(options.escape)};
  const auto settings = options.common.settings();
  const core::Domain domain =
      domains::Templates(settings.domains.templates, settings.domains.ready).parse_domain(options.domain);
  client::Client client(settings);
  const bool for_a_person = options.command.empty();
  const bool terminal = isatty(STDIN_FILENO) != 0 && !options.no_input;
  // As with ssh, a shell that reads its commands.
  if (!terminal && options.command.empty()) options.command = {"${SHELL:-sh}"};
  kvmsh::Command command{options.text(), options.limit, false, std::string(), {}};
  // Before anything is booted: there may be too much of it.
  bool to_be_read = !options.ssh && !options.no_input && (options.input || kvmsh::input_is_there());
  client::DomainState state;
  client.with_daemon(options.common.config, [&] {
    state = client::state_of(client.get("/v1/status"), domain);
    if (state.tested && (for_a_person || options.ssh)) return;
    if (std::exchange(to_be_read, false)) command.input = kvmsh::read_input();
    if (!state.up || options.boot) bring_up(client, options, settings);
  });
  if (state.tested && for_a_person && !options.ssh) return watch(client, options, how);
  if (options.command.empty()) return interact(client, options, how);
  if (options.ssh) return run_by_ssh(client, options, options.no_input ? -1 : STDIN_FILENO, {});
  return kvmsh::run_command(client, options.domain, command);
}

void add_options(client::Command& program, Options& options) {
  options.common.add_to(program);
  program.add_option("DOMAIN", options.domain, "prefix and host: a.east").required();
  program.add_words("COMMAND", options.command, "run this in the domain's shell and leave; none: a shell for you");
  program.add_option("--timeout", options.limit, "seconds the command may take").positive();
  const auto none =
      program.add_flag("-n,--no-stdin", options.no_input, "the command gets no standard input, as with ssh -n");
  program
      .add_flag("--stdin", options.input,
                "read standard input for the command even within a test, or where it is a terminal")
      .excludes(none);
  program.add_flag("--ssh", options.ssh,
                   "by SSH in place of the console: several commands at a time, standard input without limit, standard "
                   "error apart, and any bytes; also beside a test that runs there");
  program.add_flag("--boot", options.boot, "boot the domain first, even when it is up");
  program.add_flag(
      "--reboot", options.reboot,
      "within a test: the command makes the domain restart (none: its power is taken away and given back); "
      "wait until it is back");
  program.add_flag("--force", options.force, "type into a domain whose test is running, instead of only watching");
  program
      .add_option("-e,--escape", options.escape,
                  "the key that leaves: a character, ^X for Ctrl-X, or none (default: ^])")
      .type_name("KEY");
  program.footer(
      "Standard input goes to the command, up to 4 MiB, unless it is a terminal or /dev/null. Without a command, while "
      "a test runs on the domain, kvmsh shows what the test types and sees. Keys reach it with --force only.\n"
      "The exit status is the command's or the shell's, 2 for bad input, or 3 when the infrastructure failed. "
      "Example: kvmsh a.east ip route");
}

/// For shells: see client/completion.h.
int complete(const client::Command& program, const Options& options, const std::vector<std::string>& typed) {
  client::print(std::cout, client::complete(program.app(), typed, [&](const std::string& name, const std::string&) {
                  try {
                    if (name == "DOMAIN") return client::domain_names(options.common.settings());
                  } catch (const std::exception&) {
                    // A shell that waits for candidates is no place for errors.
                  }
                  return name == "--accelerator" ? std::vector<std::string>{"auto", "kvm", "emulated"}
                                                 : std::vector<std::string>();
                }));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const client::PlainOutput plain;
  client::Command program("A shell on a domain, or one command on it. A domain that is down is brought up first.");
  program.version(std::string("kvmsh ") + KVMTEST_VERSION);
  Options options;
  add_options(program, options);
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "__complete") return complete(program, options, {argv + 2, argv + argc});
  if (first == "__manual") {
    std::cout << client::manual(program.app());
    return 0;
  }
  // From its first word on, all is the command's.
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto command = words.begin() + static_cast<std::ptrdiff_t>(client::own_words(program.app(), words));
  if (const auto status = program.parse("kvmsh", {words.begin(), command})) return *status;
  options.command.assign(command, words.end());
  return client::with_errors("kvmsh", [&] { return run(options); });
}
