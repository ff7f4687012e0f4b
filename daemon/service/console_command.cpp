// A command on a domain's console, from a client that may go before it has ended.

#include <atomic>
#include <chrono>
#include <exception>

#include <fmt/format.h>

#include "base/threads.h"
#include "console/input.h"
#include "core/input_error.h"
#include "service/consoles.h"

namespace kvmtest::service {

using core::InputError;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

void check(const ConsoleCommand& command) {
  if (command.reboot && command.token.empty())
    throw InputError("only a test restarts its domains; 'kvmsh --boot' boots one before it is used");
  if (command.reboot && command.input) throw InputError("a command that restarts the machine takes no standard input");
  if (command.input && command.input->size() > console::longest_input)
    throw InputError(fmt::format("standard input is longer than {} bytes, the most that a console is given",
                                 console::longest_input));
}

/// Presses control-C on the console when the client goes before its command has ended.
class ClientWatch {
 public:
  ClientWatch(ConsoleClient& client, console::Session& session, base::Companion& thread)
      : client_(client), thread_(thread) {
    thread_.begin([this, &session] {
      while (client_.input()) {
      }
      if (done_) return;
      pressed_ = true;
      try {
        session.stream()->write("\x03", steady_clock::now() + 1s);
      } catch (const std::exception&) {
        // The console is gone as well.
      }
    });
  }
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() { end(); }

  /// Whether it was pressed.
  bool end() {
    if (done_.exchange(true)) return pressed_;
    client_.end_input();
    thread_.join();
    return pressed_;
  }

 private:
  ConsoleClient& client_;
  std::atomic<bool> done_{false};
  std::atomic<bool> pressed_{false};
  base::Companion& thread_;
};

std::string line_of(const ConsoleCommand& command) {
  return command.subshell ? "(\n" + command.text + "\n)" : command.text;
}

/// Types the command, behind what puts its standard input into the guest. Throws InputError when there is no place for
/// it.
console::CommandResult type(console::Session& session, const ConsoleCommand& command,
                            const console::Session::OnOutput& on_output) {
  const auto start = steady_clock::now();
  const auto begin = session.now();
  const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(command.limit.value_or(24h));
  const auto took = [&] { return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start); };
  std::string line = line_of(command);
  if (command.input) {
    const std::string file =
        command.input->empty() ? "/dev/null" : console::place_input(session, *command.input, begin + limit);
    if (file.empty() && session.at_prompt()) throw InputError("the guest has no place for standard input");
    if (file.empty()) {
      console::CommandResult timed_out;
      timed_out.took = took();
      return timed_out;
    }
    line = console::with_input(line, file);
  }
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(begin + limit - session.now());
  auto result = session.run(line, left, on_output);
  result.took = took();
  return result;
}

/// For people: what became of a command that has no status.
std::string no_status(const core::Domain& domain, const console::CommandResult& result) {
  if (result.closed) return domain.name() + " ended";
  if (result.left)
    return fmt::format("the shell at {}'s console has ended; {}", domain.name(), console::last_words(result.output));
  return fmt::format("no prompt within {:.1f} s; {} does not answer and is taken away",
                     static_cast<double>(result.took.count()) / 1e6, domain.name());
}

}  // namespace

/// Restarts the machine.
ConsoleEnd Consoles::restart(const core::Domain& domain, const ConsoleCommand& command, console::Session& session) {
  std::optional<std::chrono::milliseconds> limit;
  if (command.limit) limit = std::chrono::duration_cast<std::chrono::milliseconds>(*command.limit);
  const auto rebooted = engine_.reboot(domain, session, command.text.empty() ? "" : line_of(command), limit);
  const auto& result = rebooted.command;
  engine_.command_ran(domain, command.token, command.text.empty() ? "(reboot)" : "(reboot) " + command.text, result);
  if (rebooted.fault) engine_.domain_lost(domain, *rebooted.fault);
  if (result.status) return {.status = result.status, .took = result.took};
  const std::string why =
      rebooted.failure.empty() ? "it is not back in time; " + console::last_words(result.output) : rebooted.failure;
  return {.error = fmt::format("{} did not reboot: {}", domain.name(), why)};
}

/// The domain of a test is the test's to give up, anybody else's is given up here when it does not answer.
ConsoleEnd Consoles::run(const core::Domain& domain, const ConsoleCommand& command, console::Session& session,
                         ConsoleClient& client, base::Companion& watching) {
  const bool in_test = !command.token.empty();
  // What a failed test left may still be running there.
  if (!in_test && !session.at_prompt() && !session.recover(3s)) {
    engine_.give_up(domain, session);
    return {.error = domain.name() + " does not answer and is taken away"};
  }
  if (command.reboot) {
    const ClientWatch watch(client, session, watching);
    return restart(domain, command, session);
  }
  console::CommandResult result;
  {
    ClientWatch watch(client, session, watching);
    result = type(session, command, [&](std::string_view output) { client.output(output); });
    // Behind the command's own prompt it may have brought another one, which the next command's is not to be taken for.
    if (watch.end() && result.status && !session.recover(3s)) result.status.reset();
  }
  if (in_test) engine_.command_ran(domain, command.token, command.text, result);
  if (result.status) return {.status = result.status, .took = result.took};
  if (!result.closed && !result.left && session.recover(3s))
    return {.error = fmt::format("no prompt within {:.1f} s; the command was interrupted",
                                 static_cast<double>(result.took.count()) / 1e6)};
  if (!in_test) engine_.give_up(domain, session);
  return {.error = no_status(domain, result)};
}

ConsoleEnd Consoles::execute(const core::Domain& domain, const ConsoleCommand& command, ConsoleClient& client) {
  check(command);
  base::Companion watching("a command");
  const bool in_test = !command.token.empty();
  const auto session = in_test ? engine_.lend(domain, command.token) : engine_.borrow(domain);
  client.begin("");
  // It may have taken long to get the console.
  if (in_test && !client.output("")) return {.error = "the client has gone"};
  const auto given_up = [&](const char* why) {
    if (!in_test) engine_.give_up(domain, *session);
    return ConsoleEnd{.error = domain.name() + why};
  };
  try {
    return run(domain, command, *session, client, watching);
  } catch (const InputError& e) {
    return {.error = e.what()};
  } catch (const console::Closed&) {
    return given_up(" ended");
  } catch (const console::Interrupted&) {
    return given_up(" was taken away");
  }
}

}  // namespace kvmtest::service
