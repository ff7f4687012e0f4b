#include "service/consoles.h"

#include <atomic>
#include <cstdint>
#include <exception>

#include <fmt/format.h>

#include "base/threads.h"

namespace kvmtest::service {

using namespace std::chrono_literals;

namespace {

/// Passes on what the console prints until the shell ends or the client does; tells how, unless the client knows.
ConsoleEnd pass_output(console::Interactive& shell, const core::Domain& domain, ConsoleClient& client,
                       const std::atomic<bool>& leaving, std::atomic<bool>& gone) {
  try {
    while (!leaving) {
      const std::string bytes = shell.read();
      if (!bytes.empty() && !client.output(bytes)) break;
      if (const auto status = shell.status()) return {.status = status};
    }
    return {};
  } catch (const console::Interrupted&) {
    gone = true;
    return {.error = domain.name() + " was taken away"};
  } catch (const std::exception&) {
    gone = true;
    return {.error = domain.name() + " ended"};
  }
}

struct Served {
  ConsoleEnd end;
  bool usable = false;  ///< the session's own shell can be asked again
};

/// The person's shell on the session, from its start to its end.
Served serve_shell(console::Session& session, const core::Domain& domain, const console::Interactive::Wish& wish,
                   ConsoleClient& client, base::Companion& output) {
  console::Interactive shell(session, wish);
  std::atomic<bool> leaving{false};
  std::atomic<bool> gone{false};
  ConsoleEnd end;
  output.begin([&] {
    end = pass_output(shell, domain, client, leaving, gone);
    client.end_input();
  });
  try {
    while (const auto input = client.input()) {
      if (const auto* typed = std::get_if<std::string>(&*input)) shell.type(*typed);
      if (const auto* size = std::get_if<console::TerminalSize>(&*input)) shell.resize(*size);
    }
  } catch (const std::exception&) {
    // The console is gone, which the other thread tells; or the client does not keep to its protocol, and is left.
  }
  leaving = true;
  output.join();
  const bool usable = !gone && (shell.status() || shell.end());
  return {std::move(end), usable};
}

}  // namespace

ConsoleEnd Consoles::interact(const core::Domain& domain, console::TerminalSize size, const std::string& terminal,
                              ConsoleClient& client) {
  base::Companion output("a console");
  auto session = engine_.borrow(domain);
  const bool busy = !session->at_prompt();
  client.begin(busy ? "what ran on " + domain.name() + " is ended by control-C" : "");
  Served served;
  try {
    if (busy && !session->recover(3s))
      served.end.error = domain.name() + " does not answer";
    else
      served = serve_shell(*session, domain, {domain.host.value, size, terminal}, client, output);
    served.usable = served.usable && session->recover(3s);
  } catch (const std::exception&) {
    served = {{.error = domain.name() + " ended"}};
  }
  if (!served.usable) engine_.give_up(domain, *session);
  return served.end;
}

ConsoleEnd Consoles::watch(const core::Domain& domain, bool may_type, ConsoleClient& client) {
  base::Companion output("a console");
  const auto watch = engine_.watch(domain, 10s);
  client.begin(
      fmt::format("{} is running {}{}", domain.name(), watch.test, may_type ? "; what you type goes to it" : ""));
  std::atomic<bool> leaving{false};
  output.begin([&] {
    std::uint64_t position = 0;
    for (bool more = true; more && !leaving;) {
      const auto part = watch.text->after(position, std::chrono::steady_clock::now() + 500ms);
      position = part.end;
      more = client.output(part.text) && !part.closed;
    }
    client.end_input();
  });
  try {
    while (const auto input = client.input()) {
      const auto* typed = std::get_if<std::string>(&*input);
      if (typed != nullptr && may_type) watch.type(*typed);
    }
  } catch (const std::exception&) {
    // The console is gone, and the test ends; or the client does not keep to its protocol, and is left.
  }
  leaving = true;
  output.join();
  return {.note = watch.test + " has ended"};
}

}  // namespace kvmtest::service
