#include "service/run_request.h"

#include <random>

#include <nlohmann/json.hpp>

#include "core/input_error.h"

namespace kvmtest::service {

namespace {

nlohmann::json selection_to_json(const suite::Selection& selection) {
  return {{"order", suite::order_text(selection)},
          {"start_at", selection.start_at},
          {"tags", selection.tags},
          {"retries", selection.retries},
          {"repeat", selection.repeat},
          {"until_fail", selection.until_fail},
          {"only", selection.only}};
}

suite::Selection selection_from(const nlohmann::json& json) {
  suite::Selection selection;
  suite::parse_order(json.value("order", "auto"), "order", std::random_device()(), selection);
  selection.only = json.value("only", std::vector<std::string>());
  selection.start_at = json.value("start_at", "");
  selection.tags = json.value("tags", std::vector<std::string>());
  selection.retries = json.value("retries", 0U);
  selection.repeat = json.value("repeat", 1U);
  selection.until_fail = json.value("until_fail", false);
  suite::check(selection);
  return selection;
}

// The members of a filter, under the names that the wire and the options have for them.
template <class Of, class Visit>
void each_expression(Of& filter, Visit visit) {
  visit("test_kind", filter.kind);
  visit("test_status", filter.status);
  visit("test_name", filter.name);
  visit("test_platform", filter.platform);
}

}  // namespace

nlohmann::json to_json(const RunRequest& request) {
  nlohmann::json json{{"tests", request.tests},
                      {"base", request.base.string()},
                      {"format", request.format},
                      {"prefixes", request.prefixes},
                      {"workers", request.workers},
                      {"reset", settings::to_string(request.reset)},
                      {"keep", request.keep},
                      {"spares", request.spares},
                      {"selection", selection_to_json(request.selection)}};
  each_expression(request.filter, [&](const char* name, const std::optional<std::string>& expression) {
    if (expression) json[name] = *expression;
  });
  if (!request.left_out.empty()) json["left_out"] = request.left_out;
  if (request.keep_failed) json["keep_failed"] = true;
  if (request.require_some) json["require_some"] = true;
  if (request.max_fail > 0) json["max_fail"] = request.max_fail;
  if (request.post_mortem) json["post_mortem"] = *request.post_mortem;
  return json;
}

RunRequest run_request_from(const nlohmann::json& json) {
  try {
    RunRequest request;
    request.tests = json.at("tests").get<std::vector<std::string>>();
    request.base = json.at("base").get<std::string>();
    request.format = json.value("format", "");
    request.prefixes = json.at("prefixes").get<std::vector<std::string>>();
    request.workers = json.at("workers").get<unsigned>();
    request.reset = settings::parse_reset_method(json.value("reset", "snapshot"), "reset");
    request.keep = json.value("keep", true);
    request.spares = json.value("spares", true);
    request.selection = selection_from(json.value("selection", nlohmann::json::object()));
    each_expression(request.filter, [&](const char* name, std::optional<std::string>& expression) {
      if (json.contains(name)) expression = json.at(name).get<std::string>();
    });
    request.left_out = json.value("left_out", std::vector<std::string>{});
    request.keep_failed = json.value("keep_failed", false);
    request.require_some = json.value("require_some", false);
    request.max_fail = json.value("max_fail", 0U);
    if (json.contains("post_mortem")) request.post_mortem = json.at("post_mortem").get<bool>();
    return request;
  } catch (const nlohmann::json::exception& e) {
    throw core::InputError(std::string("a run request: ") + e.what());
  }
}

}  // namespace kvmtest::service
