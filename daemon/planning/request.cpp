#include "planning/request.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"

namespace kvmtest::planning {

using nlohmann::json;

namespace {

template <class Value>
void write(json& into, const Value& value) {
  into = value;
}
template <class Value>
void write(json& into, const std::optional<Value>& value) {
  into = value.value();
}
void write(json& into, const std::filesystem::path& value) { into = value.string(); }
void write(json& into, settings::ResetMethod value) { into = settings::to_string(value); }
void write(json& into, const Ordering& value) { into = to_string(value); }

template <class Value>
void read(const json& from, Value& value) {
  from.get_to(value);
}
template <class Value>
void read(const json& from, std::optional<Value>& value) {
  value = from.get<Value>();
}
/// What is too large stays so, for check() to see.
void read(const json& from, unsigned& value) {
  if (from.is_number_float())
    throw core::InputError(fmt::format("a run request: '{}' is not a whole number", from.dump()));
  value =
      static_cast<unsigned>(std::min<std::uint64_t>(from.get<std::uint64_t>(), std::numeric_limits<unsigned>::max()));
}
void read(const json& from, std::filesystem::path& value) { value = from.get<std::string>(); }
void read(const json& from, settings::ResetMethod& value) {
  value = settings::parse_reset_method(from.get<std::string>(), "reset");
}

struct Writer {
  json& out;

  template <class Value>
  void needed(const char* name, const Value& value) const {
    write(out[name], value);
  }
  template <class Value>
  void with_default(const char* name, const Value& value) const {
    write(out[name], value);
  }
  template <class Value>
  void if_set(const char* name, const Value& value) const {
    if (value != Value{}) write(out[name], value);
  }
  template <class Members>
  void section(const char* name, Members members) const {
    members(Writer{out[name] = json::object()});
  }
};

struct Reader {
  const json& in;
  std::uint64_t fresh_seed = 0;

  template <class Value>
  void needed(const char* name, Value& value) const {
    read(in.at(name), value);
  }
  template <class Value>
  void with_default(const char* name, Value& value) const {
    if (in.contains(name)) read(in.at(name), value);
  }
  void with_default(const char* name, Ordering& value) const {
    if (in.contains(name)) value = parse_ordering(in.at(name).get<std::string>(), name, fresh_seed);
  }
  template <class Value>
  void if_set(const char* name, Value& value) const {
    with_default(name, value);
  }
  template <class Members>
  void section(const char* name, Members members) const {
    if (!in.contains(name)) return;
    in.at(name).get_ref<const json::object_t&>();  // throws for anything else
    members(Reader{in.at(name), fresh_seed});
  }
};

/// Every member of a request under its name on the wire, which is also in databases: no name changes.
template <class Request, class Visitor>
void each_member(Request& request, const Visitor& visit) {
  visit.needed("tests", request.tests);
  visit.needed("base", request.base);
  visit.with_default("format", request.format);
  visit.needed("prefixes", request.prefixes);
  visit.needed("workers", request.workers);
  visit.with_default("reset", request.reset);
  visit.with_default("keep", request.keep);
  visit.with_default("spares", request.spares);
  visit.section("selection", [&](const auto& selection) {
    selection.with_default("order", request.choice.ordering);
    selection.with_default("start_at", request.choice.start_at);
    selection.with_default("tags", request.choice.tags);
    selection.with_default("only", request.choice.only);
    selection.with_default("retries", request.policy.retries);
    selection.with_default("repeat", request.policy.repeat);
    selection.with_default("until_fail", request.policy.until_fail);
  });
  visit.if_set("automatic_workers", request.automatic.workers);
  visit.if_set("automatic_prefixes", request.automatic.prefixes);
  visit.if_set("test_kind", request.choice.filter.kind);
  visit.if_set("test_status", request.choice.filter.status);
  visit.if_set("test_name", request.choice.filter.name);
  visit.if_set("test_platform", request.choice.filter.platform);
  visit.if_set("left_out", request.choice.left_out);
  visit.if_set("post_mortem", request.choice.post_mortem);
  visit.if_set("keep_failed", request.policy.keep_failed);
  visit.if_set("max_fail", request.policy.max_fail);
  visit.if_set("require_some", request.require_some);
}

}  // namespace

RunRequest request_from(const settings::Settings& settings) {
  RunRequest request;
  request.prefixes = settings.prefixes;
  request.workers = settings.workers;
  request.automatic = settings.automatic;
  request.reset = settings.reset.method;
  request.keep = settings.reset.keep;
  request.spares = settings.reset.spares;
  request.policy.max_fail = settings.max_fail;
  request.require_some = settings.require_some;
  return request;
}

void check(const core::Policy& policy) {
  const bool repeated = policy.repeat != 1 || policy.until_fail;
  if (policy.retries > 0 && repeated)
    throw core::InputError(
        "--retries and --repeat or --until-fail exclude each other: one looks for a pass, the other "
        "for a failure");
  if (policy.repeat == 0 && !policy.until_fail)
    throw core::InputError("--repeat: at least 1; without end only with --until-fail");
  settings::check_number(policy.retries, "retries", 0, most_retries);
  settings::check_number(policy.repeat, "repeat", 0, most_repeat);
  settings::check_number(policy.max_fail, "max_fail", 0, settings::most_max_fail);
}

void check(const RunRequest& request) {
  settings::check_workers(request.workers, "workers");
  settings::check_prefixes(request.prefixes, "prefixes");
  if (!request.base.is_absolute())
    throw core::InputError(
        fmt::format("base: '{}' is not an absolute path, which tests are relative to", request.base.string()));
  check(request.policy);
}

json to_json(const RunRequest& request) {
  json out;
  each_member(request, Writer{out});
  return out;
}

RunRequest request_from(const json& in, std::uint64_t fresh_seed) {
  RunRequest request;
  try {
    each_member(request, Reader{in, fresh_seed});
  } catch (const json::exception& e) {
    throw core::InputError(std::string("a run request: ") + e.what());
  }
  check(request);
  return request;
}

}  // namespace kvmtest::planning
