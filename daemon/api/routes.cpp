#include "api/routes.h"

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/console.h"
#include "console/input.h"
#include "core/input_error.h"
#include "engine/errors.h"
#include "planning/request.h"
#include "settings/values.h"
#include "wire/bytes.h"
#include "wire/record_json.h"

namespace kvmtest::api {

using core::InputError;
using nlohmann::json;
using service::Service;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at) out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

json body_of(const Request& request) {
  if (request.body.empty()) return json::object();
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) throw InputError("the request's body is not a JSON object");
  return body;
}

unsigned number(const Request& request, const std::string& name, unsigned otherwise) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return otherwise;
  return settings::parse_number(found->second, name, 0, 1U << 30U);
}

/// A run's records as lines, to its end.
void follow(Service& service, const Request& request, core::RunId run, Exchange& exchange) {
  const std::int64_t after = number(request, "after", 0);
  exchange.start_lines();
  service.follow(
      run, after, [&](const core::record::Record& record) { return exchange.line(wire::dump(wire::to_json(record))); },
      [&] { return exchange.line(""); });  // an empty line asks whether the client is still there
}

/// Presses control-C on the console when the client goes before its command has ended.
class ClientWatch {
 public:
  ClientWatch(Exchange& exchange, console::Session& session)
      : exchange_(exchange), thread_([this, &session] {
          while (!exchange_.read().empty()) {
          }
          if (done_) return;
          try {
            session.stream()->write("\x03", std::chrono::steady_clock::now() + 1s);
          } catch (const std::exception&) {
            // The console is gone as well.
          }
        }) {}
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() {
    done_ = true;
    exchange_.stop_reading();
    thread_.join();
  }

 private:
  Exchange& exchange_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

/// A command for a domain's shell, as a request's body has it.
struct Command {
  std::string text;
  bool subshell = false;
  bool reboot = false;                                   ///< the machine restarts by it; empty: without being asked
  std::optional<std::chrono::duration<double>> limit{};  ///< none: a day, or as long as a boot
  std::string token;                 ///< of the running test whose program asks; empty: anybody else
  std::optional<std::string> input;  ///< its standard input; none: the console
};

Command command_from(const json& body) {
  Command command{wire::bytes_from_text(body.at("command").get<std::string>()),
                  body.value("subshell", false),
                  body.value("reboot", false),
                  {},
                  body.value("token", ""),
                  {}};
  if (body.contains("timeout")) command.limit = std::chrono::duration<double>(body.at("timeout").get<double>());
  if (body.contains("stdin")) command.input = wire::bytes_from_text(body.at("stdin").get<std::string>());
  if (command.reboot && command.token.empty())
    throw InputError("only a test restarts its domains; 'kvmsh --boot' boots one before it is used");
  if (command.reboot && command.input) throw InputError("a command that restarts the machine takes no standard input");
  if (command.input && command.input->size() > console::longest_input)
    throw InputError(fmt::format("standard input is longer than {} bytes, the most that a console is given",
                                 console::longest_input));
  return command;
}

std::string line_of(const Command& command) { return command.subshell ? "(\n" + command.text + "\n)" : command.text; }

/// Types the command, behind what puts its standard input into the guest. Throws InputError when there is no place for
/// it.
console::CommandResult run(console::Session& session, const Command& command,
                           const console::Session::OnOutput& on_output) {
  const auto start = std::chrono::steady_clock::now();
  const auto limit = std::chrono::duration_cast<std::chrono::microseconds>(command.limit.value_or(24h));
  const auto took = [&] {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  };
  std::string line = line_of(command);
  if (command.input) {
    const std::string file =
        command.input->empty() ? "/dev/null" : console::place_input(session, *command.input, start + limit);
    if (file.empty() && session.at_prompt()) throw InputError("the guest has no place for standard input");
    if (file.empty()) {
      console::CommandResult timed_out;
      timed_out.took = took();
      return timed_out;
    }
    line = console::with_input(line, file);
  }
  auto result = session.run(line, limit - took(), on_output);
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

/// Restarts the machine; the answer's last line.
json restart(Service& service, const core::Domain& domain, const Command& command, console::Session& session) {
  std::optional<std::chrono::milliseconds> limit;
  if (command.limit) limit = std::chrono::duration_cast<std::chrono::milliseconds>(*command.limit);
  const auto rebooted = service.reboot(domain, session, command.text.empty() ? "" : line_of(command), limit);
  const auto& result = rebooted.command;
  service.command_ran(domain, command.token, command.text.empty() ? "(reboot)" : "(reboot) " + command.text, result);
  if (rebooted.fault) service.lost(domain, *rebooted.fault);
  if (result.status) return {{"status", *result.status}, {"took", static_cast<double>(result.took.count()) / 1e6}};
  const std::string why =
      rebooted.failure.empty() ? "it is not back in time; " + console::last_words(result.output) : rebooted.failure;
  return {{"error", fmt::format("{} did not reboot: {}", domain.name(), why)}};
}

/// Runs the command on the domain; the answer's last line. Its output goes out as it comes.
json execute(Service& service, const core::Domain& domain, const Command& command, Exchange& exchange) {
  const bool in_test = !command.token.empty();
  const auto session = in_test ? service.lend(domain, command.token) : service.borrow(domain);
  exchange.start_lines();
  const auto error = [](const std::string& what) { return json{{"error", what}}; };
  // The domain of a test is the test's to give up.
  const auto give_up = [&] {
    if (!in_test) service.give_up(domain);
  };
  // It may have taken long to get the console.
  if (in_test && !exchange.line("")) return error("the client has gone");
  try {
    // What a failed test left may still be running there.
    if (!in_test && !session->at_prompt() && !session->recover(3s)) {
      give_up();
      return error(domain.name() + " does not answer and is taken away");
    }
    console::CommandResult result;
    if (command.reboot) {
      const ClientWatch watch(exchange, *session);
      return restart(service, domain, command, *session);
    }
    {
      const ClientWatch watch(exchange, *session);
      result = run(*session, command, [&](std::string_view output) {
        exchange.write(json{{"output", wire::text_from_bytes(output)}}.dump() + "\n");
      });
    }
    if (in_test) service.command_ran(domain, command.token, command.text, result);
    const double took = static_cast<double>(result.took.count()) / 1e6;
    if (result.status) return {{"status", *result.status}, {"took", took}};
    if (!result.closed && !result.left && session->recover(3s))
      return error(fmt::format("no prompt within {:.1f} s; the command was interrupted", took));
    give_up();
    return error(no_status(domain, result));
  } catch (const InputError& e) {
    return error(e.what());
  } catch (const console::Closed&) {
    give_up();
    return error(domain.name() + " ended");
  } catch (const console::Interrupted&) {
    give_up();
    return error(domain.name() + " was taken away");
  }
}

void domain_request(Service& service, const std::vector<std::string>& path, const Request& request,
                    Exchange& exchange) {
  const core::Domain domain = service.domain(path[2]);
  const std::string& verb = path[3];
  if (verb == "up") {
    const auto word = request.query.find("reset");
    const auto reset = word == request.query.end() ? settings::ResetMethod::snapshot
                                                   : settings::parse_reset_method(word->second, "reset");
    const auto times =
        service.bring_up(domain, number(request, "fresh", 0) != 0, std::max(1U, number(request, "workers", 1)), reset);
    exchange.respond(200, {{"method", core::to_string(times.method)},
                           {"total", core::seconds(times.total)},
                           {"boot", core::seconds(times.boot)},
                           {"login", core::seconds(times.login)},
                           {"save", core::seconds(times.save)},
                           {"load", core::seconds(times.load)},
                           {"verify", core::seconds(times.verify)},
                           {"note", times.note}});
  } else if (verb == "raw-load") {
    const auto raw = service.raw_load(domain);
    exchange.respond(200, {{"load", core::seconds(raw.load)}, {"round_trip", core::seconds(raw.round_trip)}});
  } else if (verb == "destroy") {
    exchange.respond(200, {{"took", core::seconds(service.destroy(domain))}});
  } else if (verb == "exec") {
    const Command command = command_from(body_of(request));
    // Told when the console is free again: whoever reads it may come back at once.
    exchange.write(execute(service, domain, command, exchange).dump() + "\n");
  } else if (verb == "console") {
    interact(service, domain, request, exchange);
  } else if (verb == "watch") {
    watch(service, domain, request, exchange);
  } else {
    exchange.respond(404, {{"error", "no such request: " + request.path}, {"kind", "input"}});
  }
}

void dispatch(Service& service, const std::function<void()>& shut_down, const Request& request, Exchange& exchange) {
  const auto path = segments(request.path);
  const auto is = [&](const char* method, const char* where) {
    return request.method == method && request.path == where;
  };

  if (is("GET", "/v1/status")) {
    exchange.respond(200, service.status());
  } else if (is("GET", "/metrics")) {
    exchange.text(service.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  } else if (is("POST", "/v1/runs")) {
    const auto wanted = planning::request_from(body_of(request), std::random_device()());
    exchange.respond(201, {{"run", service.start_run(wanted).value}});
  } else if (is("POST", "/v1/runs/resume")) {
    const auto run = service.resume_run();
    exchange.respond(200, {{"run", run ? json(run->value) : json(nullptr)}});
  } else if (request.method == "GET" && path.size() == 4 && path[1] == "runs" && path[3] == "records") {
    const unsigned run = settings::parse_number(path[2], "run", 1, 1U << 30U);
    follow(service, request, core::RunId{run}, exchange);
  } else if (is("GET", "/v1/resets")) {
    exchange.respond(200, {{"kept", service.kept_states()}});
  } else if (is("POST", "/v1/resets/forget")) {
    exchange.respond(200, {{"forgotten", service.forget_states()}});
  } else if (is("POST", "/v1/stop")) {
    const json body = body_of(request);
    service.stop(body.value("by", "a client"), !body.value("keep", false));
    exchange.respond(200, json::object());
  } else if (is("POST", "/v1/install") || is("POST", "/v1/uninstall")) {
    const auto prefixes = body_of(request).at("prefixes").get<std::vector<std::string>>();
    if (request.path == "/v1/install")
      service.install(prefixes);
    else
      service.uninstall(prefixes);
    exchange.respond(200, json::object());
  } else if (is("POST", "/v1/shutdown")) {
    service.stop("shutdown");
    exchange.respond(200, json::object());
    shut_down();
  } else if (path.size() == 4 && path[0] == "v1" && path[1] == "domains") {
    domain_request(service, path, request, exchange);
  } else {
    exchange.respond(404, {{"error", "no such request: " + request.method + " " + request.path}, {"kind", "input"}});
  }
}

}  // namespace

Handler routes(Service& service, std::function<void()> shut_down) {
  return [&service, shut_down = std::move(shut_down)](const Request& request, Exchange& exchange) {
    const auto refuse = [&](unsigned status, const char* kind, const std::exception& e) {
      exchange.respond(status, {{"error", e.what()}, {"kind", kind}});
    };
    try {
      dispatch(service, shut_down, request, exchange);
    } catch (const InputError& e) {
      refuse(400, "input", e);
    } catch (const json::exception& e) {
      refuse(400, "input", e);
    } catch (const engine::ClaimRefused& e) {
      refuse(409, "claimed", e);
    } catch (const engine::Busy& e) {
      refuse(409, "busy", e);
    }
  };
}

}  // namespace kvmtest::api
