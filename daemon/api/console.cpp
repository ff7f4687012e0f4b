#include "api/console.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "settings/values.h"
#include "wire/bytes.h"
#include "wire/console_frame.h"

namespace kvmtest::api {

using nlohmann::json;
using service::ConsoleClient;
using service::ConsoleCommand;
using service::ConsoleEnd;
using wire::ConsoleFrame;

namespace {

constexpr unsigned largest_terminal = 10'000;
constexpr double longest_limit = 1e9;  // of a command, in seconds; more does not fit into the clock

unsigned lines_or_columns(const Request& request, const char* name, unsigned otherwise) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? otherwise : settings::parse_number(found->second, name, 1, largest_terminal);
}

console::TerminalSize size_from(const Request& request) {
  return {lines_or_columns(request, "rows", 24), lines_or_columns(request, "columns", 80)};
}

console::TerminalSize size_from(const json& size, console::TerminalSize now) {
  if (!size.is_object()) return now;
  const auto within = [](unsigned n) { return std::clamp(n, 1U, largest_terminal); };
  return {within(size.value("rows", now.rows)), within(size.value("columns", now.columns))};
}

json to_json(const ConsoleEnd& end) {
  if (end.status) return {{"status", *end.status}};
  if (!end.error.empty()) return {{"error", end.error}};
  if (!end.note.empty()) return {{"note", end.note}};
  return json::object();
}

/// A terminal, which sends and gets frames.
class FrameClient final : public ConsoleClient {
 public:
  FrameClient(Exchange& exchange, console::TerminalSize size) : exchange_(exchange), size_(size) {}

  void begin(const std::string& note) override {
    exchange_.upgrade();
    send(ConsoleFrame::Kind::note, note);
  }
  bool output(std::string_view bytes) override { return send(ConsoleFrame::Kind::data, bytes); }
  bool errors(std::string_view bytes) override { return send(ConsoleFrame::Kind::errors, bytes); }
  std::optional<Input> input() override {
    while (true) {
      while (const auto frame = frames_.next()) {
        if (frame->kind == ConsoleFrame::Kind::data) return frame->payload;
        if (frame->kind == ConsoleFrame::Kind::input_end) return InputEnd{};
        if (frame->kind == ConsoleFrame::Kind::size)
          return size_ = size_from(json::parse(frame->payload, nullptr, false), size_);
      }
      const std::string bytes = exchange_.read();
      if (bytes.empty()) return std::nullopt;
      frames_.feed(bytes);
    }
  }
  void end_input() override { exchange_.stop_reading(); }
  void end(const ConsoleEnd& end) { send(ConsoleFrame::Kind::end, to_json(end).dump()); }

 private:
  bool send(ConsoleFrame::Kind kind, std::string_view payload) {
    bool sent = true;
    for (std::size_t at = 0; at < payload.size() && sent; at += wire::longest_frame)
      sent = exchange_.write(wire::to_bytes(kind, payload.substr(at, wire::longest_frame)));
    return sent;
  }

  Exchange& exchange_;
  wire::FrameReader frames_;
  console::TerminalSize size_;
};

/// Who wants a command's output: an object a line. Notes are for people, and there is none.
class LineClient final : public ConsoleClient {
 public:
  explicit LineClient(Exchange& exchange) : exchange_(exchange) {}

  void begin(const std::string&) override { exchange_.start_lines(); }
  bool output(std::string_view bytes) override {
    if (bytes.empty()) return exchange_.line("");
    return exchange_.write(json{{"output", wire::text_from_bytes(bytes)}}.dump() + "\n");
  }
  std::optional<Input> input() override {
    std::string bytes = exchange_.read();
    if (bytes.empty()) return std::nullopt;
    return bytes;
  }
  void end_input() override { exchange_.stop_reading(); }
  void end(const ConsoleEnd& end) {
    json last = to_json(end);
    if (end.status) last["took"] = core::seconds(end.took);
    exchange_.write(last.dump() + "\n");
  }

 private:
  Exchange& exchange_;
};

std::optional<std::chrono::duration<double>> limit_from(const json& body) {
  if (!body.contains("timeout")) return std::nullopt;
  const double seconds = body.at("timeout").get<double>();
  if (!(seconds > 0 && seconds <= longest_limit))
    throw core::InputError(fmt::format("timeout: {} is not a number of seconds up to {}", seconds, longest_limit));
  return std::chrono::duration<double>(seconds);
}

ConsoleCommand command_from(const json& body) {
  ConsoleCommand command{.text = wire::bytes_from_text(body.at("command").get<std::string>()),
                         .subshell = body.value("subshell", false),
                         .reboot = body.value("reboot", false),
                         .token = body.value("token", "")};
  command.limit = limit_from(body);
  if (body.contains("stdin")) command.input = wire::bytes_from_text(body.at("stdin").get<std::string>());
  return command;
}

}  // namespace

void interact(service::Consoles& consoles, const core::Domain& domain, const Request& request, Exchange& exchange) {
  const auto size = size_from(request);
  const auto terminal = request.query.find("term");
  FrameClient client(exchange, size);
  client.end(consoles.interact(domain, size, terminal == request.query.end() ? "vt100" : terminal->second, client));
}

void run_by_ssh(service::SshCommands& commands, const core::Domain& domain, const json& body, Exchange& exchange) {
  service::SshCommand command{.text = wire::bytes_from_text(body.at("command").get<std::string>()),
                              .token = body.value("token", "")};
  console::TerminalSize size;
  if (body.contains("terminal")) {
    const json& terminal = body.at("terminal");
    size = size_from(terminal, size);
    command.terminal = service::SshCommand::Terminal{terminal.value("type", "vt100"), size};
  }
  command.limit = limit_from(body);
  FrameClient client(exchange, size);
  client.end(commands.run(domain, command, client));
}

void watch(service::Consoles& consoles, const core::Domain& domain, const Request& request, Exchange& exchange) {
  const auto force = request.query.find("force");
  FrameClient client(exchange, {});
  client.end(consoles.watch(domain, force != request.query.end() && force->second == "1", client));
}

void execute(service::Consoles& consoles, const core::Domain& domain, const json& body, Exchange& exchange) {
  LineClient client(exchange);
  client.end(consoles.execute(domain, command_from(body), client));
}

}  // namespace kvmtest::api
