#pragma once
// A client at a domain's console: a command, a shell for a person, a look at a test. How the client's bytes travel is
// its transport's business alone (ConsoleClient).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/threads.h"
#include "console/interactive.h"
#include "core/ids.h"
#include "core/time.h"
#include "engine/engine.h"

namespace kvmtest::engine {
class Engine;
}

namespace kvmtest::service {

/// The client, as its transport has it; one for each call of Consoles.
class ConsoleClient {
 public:
  /// No more bytes will come.
  struct InputEnd {};
  /// Bytes that were typed, or another size of the terminal.
  using Input = std::variant<std::string, console::TerminalSize, InputEnd>;

  ConsoleClient() = default;
  ConsoleClient(const ConsoleClient&) = delete;
  ConsoleClient& operator=(const ConsoleClient&) = delete;
  virtual ~ConsoleClient() = default;

  /// The console is there: nothing is refused from now on. Called before all others, once. `note`: what a person is to
  /// know first; often empty.
  virtual void begin(const std::string& note) = 0;
  /// What the console printed. False: the client has gone; without bytes, nothing but that is asked. May run beside
  /// input().
  virtual bool output(std::string_view bytes) = 0;
  /// The same of standard error, where that is apart.
  virtual bool errors(std::string_view bytes) { return output(bytes); }
  /// What the client sends next, for which it waits; nothing: it has gone, or end_input() was called. Throws when it
  /// does not keep to its protocol.
  virtual std::optional<Input> input() = 0;
  /// What the client sends from now on is of no interest: ends input(). Any thread.
  virtual void end_input() = 0;
};

/// What a client is told last.
struct ConsoleEnd {
  std::optional<int> status{};  ///< of the shell or the command; none: see the others
  std::string error{};          ///< why there is none, one line
  std::string note{};           ///< for a person
  core::Duration took{};        ///< of a command
};

/// A command for a domain's shell.
struct ConsoleCommand {
  std::string text{};
  bool subshell = false;                                 ///< `exit` in it ends the command, not the console's shell
  bool reboot = false;                                   ///< the machine restarts by it; empty: without being asked
  std::optional<std::chrono::duration<double>> limit{};  ///< seconds; none: a day, or as long as a boot
  std::string token{};                                   ///< of the running test whose program asks; empty: anybody
  std::optional<std::string> input{};                    ///< its standard input; none: the console
};

/// Any thread; the caller's waits to the end. All throw core::InputError and engine::Busy before the client begins, and
/// engine::HostFault. When they return the console is free again: whoever reads the end may come back at once.
class Consoles {
 public:
  explicit Consoles(engine::Engine& engine) : engine_(engine) {}

  /// Gives a person a shell on a domain that is up, until one of them ends it.
  ConsoleEnd interact(const core::Domain& domain, console::TerminalSize size, const std::string& terminal,
                      ConsoleClient& client);
  /// Shows what the test on the domain types and what comes of it, to the test's end. `may_type`: what the client types
  /// goes to it.
  ConsoleEnd watch(const core::Domain& domain, bool may_type, ConsoleClient& client);
  /// Runs the command; its output goes out as it comes. A client that goes before its end presses control-C.
  ConsoleEnd execute(const core::Domain& domain, const ConsoleCommand& command, ConsoleClient& client);

 private:
  ConsoleEnd restart(const core::Domain& domain, const ConsoleCommand& command, console::Session& session);
  ConsoleEnd run(const core::Domain& domain, const ConsoleCommand& command, console::Session& session,
                 ConsoleClient& client, base::Companion& watching);

  engine::Engine& engine_;
};

}  // namespace kvmtest::service
