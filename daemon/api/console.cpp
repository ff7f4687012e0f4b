#include "api/console.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "console/interactive.h"
#include "settings/values.h"
#include "wire/console_frame.h"
#include "wire/record_json.h"

namespace kvmtest::api {

using nlohmann::json;
using wire::ConsoleFrame;
using namespace std::chrono_literals;

namespace {

constexpr unsigned largest_terminal = 10'000;

unsigned lines_or_columns(const Request& request, const char* name, unsigned otherwise) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? otherwise : settings::parse_number(found->second, name, 1, largest_terminal);
}

console::TerminalSize size_from(const std::string& payload, console::TerminalSize now) {
  const json size = json::parse(payload, nullptr, false);
  if (!size.is_object()) return now;
  const auto within = [](unsigned n) { return std::clamp(n, 1U, largest_terminal); };
  return {within(size.value("rows", now.rows)), within(size.value("columns", now.columns))};
}

bool send(Exchange& exchange, ConsoleFrame::Kind kind, std::string_view payload) {
  bool sent = true;
  for (std::size_t at = 0; at < payload.size() && sent; at += wire::longest_frame)
    sent = exchange.write(wire::to_bytes(kind, payload.substr(at, wire::longest_frame)));
  return sent;
}

/// What the terminal sends, to its end or until `on_frame` returns false.
void each_frame(Exchange& exchange, const std::function<bool(const ConsoleFrame&)>& on_frame) {
  wire::FrameReader frames;
  for (std::string bytes = exchange.read(); !bytes.empty(); bytes = exchange.read()) {
    frames.feed(bytes);
    while (const auto frame = frames.next())
      if (!on_frame(*frame)) return;
  }
}

/// Passes on what the console prints until the shell ends or the client does; tells how, unless the client knows.
json pass_output(console::Interactive& shell, const core::Domain& domain, Exchange& exchange,
                 const std::atomic<bool>& leaving, std::atomic<bool>& gone) {
  try {
    while (!leaving) {
      const std::string bytes = shell.read();
      if (!bytes.empty() && !send(exchange, ConsoleFrame::Kind::data, bytes)) break;
      if (const auto status = shell.status()) return {{"status", *status}};
    }
    return json::object();
  } catch (const console::Interrupted&) {
    gone = true;
    return {{"error", domain.name() + " was taken away"}};
  } catch (const std::exception&) {
    gone = true;
    return {{"error", domain.name() + " ended"}};
  }
}

/// The person's shell on the session, from its start to its end. Returns what to tell the client last.
json serve_shell(console::Session& session, const core::Domain& domain, const Request& request, Exchange& exchange) {
  console::TerminalSize size{lines_or_columns(request, "rows", 24), lines_or_columns(request, "columns", 80)};
  const auto term = request.query.find("term");
  console::Interactive shell(session, {domain.host.value, size, term == request.query.end() ? "vt100" : term->second});
  std::atomic<bool> leaving{false};
  std::atomic<bool> gone{false};
  json last;
  std::thread output([&] {
    last = pass_output(shell, domain, exchange, leaving, gone);
    exchange.stop_reading();
  });
  try {
    each_frame(exchange, [&](const ConsoleFrame& frame) {
      if (frame.kind == ConsoleFrame::Kind::data) shell.type(frame.payload);
      if (frame.kind == ConsoleFrame::Kind::size) shell.resize(size = size_from(frame.payload, size));
      return true;
    });
  } catch (const std::exception&) {
    // The console is gone, which the other thread tells; or the client sends no frames, and is left.
  }
  leaving = true;
  output.join();
  if (!gone && !shell.status() && !shell.end()) last = {{"error", ""}};
  return last;
}

}  // namespace

void interact(service::Service& service, const core::Domain& domain, const Request& request, Exchange& exchange) {
  auto session = service.borrow(domain);
  exchange.upgrade();
  json last;
  bool usable = false;
  try {
    if (!session->at_prompt()) {
      send(exchange, ConsoleFrame::Kind::note, "what ran on " + domain.name() + " is ended by control-C");
      if (!session->recover(3s)) last = {{"error", domain.name() + " does not answer"}};
    }
    if (last.is_null()) last = serve_shell(*session, domain, request, exchange);
    usable = !last.contains("error") && session->recover(3s);
  } catch (const std::exception&) {
    last = {{"error", domain.name() + " ended"}};
  }
  if (!usable) service.give_up(domain);
  session.reset();
  // Told when the console is free again: whoever reads it may come back at once.
  send(exchange, ConsoleFrame::Kind::end, last.dump());
}

void watch(service::Service& service, const core::Domain& domain, const Request& request, Exchange& exchange) {
  const auto force = request.query.find("force");
  const bool may_type = force != request.query.end() && force->second == "1";
  const auto watch = service.watch(domain, 10s);
  exchange.upgrade();
  send(exchange, ConsoleFrame::Kind::note,
       fmt::format("{} is running {}{}", domain.name(), watch.test, may_type ? "; what you type goes to it" : ""));
  std::atomic<bool> leaving{false};
  std::thread output([&] {
    std::uint64_t position = 0;
    for (bool more = true; more && !leaving;) {
      const auto part = watch.text->after(position, std::chrono::steady_clock::now() + 500ms);
      position = part.end;
      more = !part.closed && send(exchange, ConsoleFrame::Kind::data, part.text);
      if (part.closed) send(exchange, ConsoleFrame::Kind::data, part.text);
    }
    exchange.stop_reading();
  });
  try {
    each_frame(exchange, [&](const ConsoleFrame& frame) {
      if (frame.kind == ConsoleFrame::Kind::data && may_type) watch.type(frame.payload);
      return true;
    });
  } catch (const std::exception&) {
    // The console is gone, and the test ends; or the client sends no frames, and is left.
  }
  leaving = true;
  output.join();
  send(exchange, ConsoleFrame::Kind::end, json{{"note", watch.test + " has ended"}}.dump());
}

}  // namespace kvmtest::api
