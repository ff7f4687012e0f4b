#include "service/run_request.h"

#include "core/input_error.h"

namespace kvmtest::service {

nlohmann::json to_json(const RunRequest& request) {
  return {{"tests", request.tests},     {"base", request.base.string()},
          {"format", request.format},   {"prefixes", request.prefixes},
          {"workers", request.workers}, {"reset", settings::to_string(request.reset)},
          {"keep", request.keep}};
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
    return request;
  } catch (const nlohmann::json::exception& e) {
    throw core::InputError(std::string("a run request: ") + e.what());
  }
}

}  // namespace kvmtest::service
