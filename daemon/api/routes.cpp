#include "api/routes.h"

#include <random>

#include <nlohmann/json.hpp>

#include "api/console.h"
#include "api/port.h"
#include "core/input_error.h"
#include "engine/errors.h"
#include "engine/ways.h"
#include "planning/request.h"
#include "settings/values.h"
#include "wire/record_json.h"

namespace kvmtest::api {

using core::InputError;
using nlohmann::json;
using service::Service;

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

void domain_request(const Offers& offers, const std::vector<std::string>& path, const Request& request,
                    Exchange& exchange) {
  const auto& [service, consoles, ports, ssh] = offers;
  const core::Domain domain = service.domain(path[2]);
  const std::string& verb = path[3];
  if (verb == "up") {
    const auto word = request.query.find("reset");
    const auto reset = word == request.query.end() ? settings::ResetMethod::snapshot
                                                   : settings::parse_reset_method(word->second, "reset");
    const auto slots = request.query.find("workers");
    const unsigned workers = slots == request.query.end() ? 1 : settings::parse_workers(slots->second, "workers");
    const auto times = service.bring_up(domain, number(request, "fresh", 0) != 0, workers, reset);
    exchange.respond(200, {{"method", core::to_string(times.method)},
                           {"total", core::seconds(times.total)},
                           {"boot", core::seconds(times.boot)},
                           {"login", core::seconds(times.login)},
                           {"save", core::seconds(times.save)},
                           {"load", core::seconds(times.load)},
                           {"verify", core::seconds(times.verify)},
                           {"note", times.note}});
  } else if (verb == "raw-load") {
    std::vector<core::Domain> others;
    if (const auto beside = request.query.find("beside"); beside != request.query.end())
      others.push_back(service.domain(beside->second));
    const auto raw = service.raw_load(domain, std::move(others));
    exchange.respond(200, {{"load", core::seconds(raw.load)},
                           {"round_trip", core::seconds(raw.round_trip)},
                           {"freeze", core::seconds(raw.freeze)},
                           {"thaw", core::seconds(raw.thaw)}});
  } else if (verb == "destroy") {
    exchange.respond(200, {{"took", core::seconds(service.destroy(domain))}});
  } else if (verb == "exec") {
    execute(consoles, domain, body_of(request), exchange);
  } else if (verb == "console") {
    interact(consoles, domain, request, exchange);
  } else if (verb == "watch") {
    watch(consoles, domain, request, exchange);
  } else if (verb == "ssh") {
    run_by_ssh(ssh, domain, body_of(request), exchange);
  } else if (verb == "connect") {
    connect(ports, domain, request, exchange);
  } else if (verb == "host-keys") {
    exchange.respond(200, {{"keys", service.host_keys(domain)}});
  } else {
    exchange.respond(404, {{"error", "no such request: " + request.path}, {"kind", "input"}});
  }
}

void dispatch(const Offers& offers, const std::function<void()>& shut_down, const Request& request,
              Exchange& exchange) {
  Service& service = offers.service;
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
    service.end("shutdown");
    exchange.respond(200, json::object());
    shut_down();
  } else if (path.size() == 4 && path[0] == "v1" && path[1] == "domains") {
    domain_request(offers, path, request, exchange);
  } else {
    exchange.respond(404, {{"error", "no such request: " + request.method + " " + request.path}, {"kind", "input"}});
  }
}

/// Answers by `answer`; what that throws is refused.
template <class Answer>
Handler answering(Answer answer) {
  return [answer = std::move(answer)](const Request& request, Exchange& exchange) {
    const auto refuse = [&](unsigned status, const char* kind, const std::exception& e) {
      exchange.respond(status, {{"error", e.what()}, {"kind", kind}});
    };
    try {
      answer(request, exchange);
    } catch (const InputError& e) {
      refuse(400, "input", e);
    } catch (const json::exception& e) {
      refuse(400, "input", e);
    } catch (const engine::ClaimRefused& e) {
      refuse(409, "claimed", e);
    } catch (const engine::Busy& e) {
      refuse(409, "busy", e);
    } catch (const engine::NoWay& e) {
      refuse(502, "unreachable", e);
    } catch (const engine::Ending& e) {
      refuse(503, "ending", e);
    }
  };
}

void dispatch_of_programs(const Offers& offers, const Request& request, Exchange& exchange) {
  const auto path = segments(request.path);
  const bool command = request.method == "POST" && path.size() == 4 && path[1] == "domains" && path[0] == "v1" &&
                       (path[3] == "exec" || path[3] == "ssh");
  const json body = command ? body_of(request) : json::object();
  if (body.value("token", "").empty()) {
    exchange.respond(403, {{"error", "a test's program may run commands on its domains, and ask for nothing else"},
                           {"kind", "forbidden"}});
    return;
  }
  const core::Domain domain = offers.service.domain(path[2]);
  if (path[3] == "exec")
    execute(offers.consoles, domain, body, exchange);
  else
    run_by_ssh(offers.ssh, domain, body, exchange);
}

}  // namespace

Handler routes(const Offers& offers, std::function<void()> shut_down) {
  return answering([offers, shut_down = std::move(shut_down)](const Request& request, Exchange& exchange) {
    dispatch(offers, shut_down, request, exchange);
  });
}

Handler routes_of_programs(const Offers& offers) {
  return answering(
      [offers](const Request& request, Exchange& exchange) { dispatch_of_programs(offers, request, exchange); });
}

}  // namespace kvmtest::api
