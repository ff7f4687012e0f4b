#include "suite/execution_json.h"

#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

#include "wire/bytes.h"

namespace kvmtest::suite {
namespace {

using wire::bytes_from_text;
using wire::text_from_bytes;

using Why = Ending::Why;
constexpr std::array<std::pair<Why, const char*>, 8> endings{{{Why::completed, "completed"},
                                                              {Why::timeout, "timeout"},
                                                              {Why::console_closed, "console-closed"},
                                                              {Why::restarted, "restarted"},
                                                              {Why::shell_ended, "shell-ended"},
                                                              {Why::not_back, "not-back"},
                                                              {Why::unsupported, "unsupported"},
                                                              {Why::unprepared, "unprepared"}}};

nlohmann::json to_json(const ProgramResult& result) {
  nlohmann::json json{{"output", text_from_bytes(result.output)},
                      {"errors", text_from_bytes(result.errors)},
                      {"truncated", result.truncated},
                      {"signal", result.signal},
                      {"consoles", nlohmann::json::object()}};
  if (result.status) json["status"] = *result.status;
  for (const auto& [host, text] : result.consoles) json["consoles"][host] = text_from_bytes(text);
  if (!result.left.empty()) json["left"] = nlohmann::json::array();
  for (const std::string& command : result.left) json["left"].push_back(text_from_bytes(command));
  return json;
}

ProgramResult program_from(const nlohmann::json& json) {
  ProgramResult result;
  result.output = bytes_from_text(json.at("output").get_ref<const std::string&>());
  result.errors = bytes_from_text(json.value("errors", ""));
  result.truncated = json.value("truncated", false);
  result.signal = json.value("signal", 0);
  if (json.contains("status")) result.status = json.at("status").get<int>();
  for (const auto& command : json.value("left", nlohmann::json::array()))
    result.left.push_back(bytes_from_text(command.get_ref<const std::string&>()));
  const auto consoles = json.value("consoles", nlohmann::json::object());
  for (const auto& [host, text] : consoles.items())
    result.consoles[host] = bytes_from_text(text.get_ref<const std::string&>());
  return result;
}

}  // namespace

nlohmann::json to_json(const Execution& execution) {
  nlohmann::json results = nlohmann::json::array();
  for (const auto& result : execution.results) {
    nlohmann::json entry{{"step", result.step},
                         {"output", text_from_bytes(result.output)},
                         {"truncated", result.truncated},
                         {"at", static_cast<double>(result.at.count()) / 1e6},
                         {"took", static_cast<double>(result.took.count()) / 1e6},
                         {"tries", result.tries}};
    if (result.status) entry["status"] = *result.status;
    for (const auto& message : result.kernel)
      entry["kernel"].push_back({{"offset", message.offset}, {"bytes", text_from_bytes(message.bytes)}});
    results.push_back(std::move(entry));
  }
  const char* why = "completed";
  for (const auto& [value, word] : endings)
    if (value == execution.ending.why) why = word;
  nlohmann::json json{
      {"results", std::move(results)},
      {"ending",
       {{"why", why}, {"host", execution.ending.host}, {"detail", text_from_bytes(execution.ending.detail)}}}};
  if (execution.program) json["program"] = to_json(*execution.program);
  for (const auto& [host, lines] : execution.kernel)
    for (const auto& line : lines) {
      nlohmann::json entry{{"stamp", line.stamp}, {"level", line.level}, {"text", text_from_bytes(line.text)}};
      if (line.at) entry["at"] = static_cast<double>(line.at->count()) / 1e6;
      json["kernel"][host].push_back(std::move(entry));
    }
  return json;
}

Execution execution_from(const nlohmann::json& json) {
  try {
    Execution execution;
    for (const auto& entry : json.at("results")) {
      StepResult result;
      result.step = entry.at("step").get<std::size_t>();
      result.output = bytes_from_text(entry.at("output").get_ref<const std::string&>());
      if (entry.contains("status")) result.status = entry.at("status").get<int>();
      result.truncated = entry.value("truncated", false);
      result.at = std::chrono::microseconds(std::llround(entry.value("at", 0.0) * 1e6));
      result.took = std::chrono::microseconds(std::llround(entry.value("took", 0.0) * 1e6));
      result.tries = entry.value("tries", 1U);
      for (const auto& message : entry.value("kernel", nlohmann::json::array()))
        result.kernel.push_back({message.at("offset").get<std::uint64_t>(),
                                 bytes_from_text(message.at("bytes").get_ref<const std::string&>())});
      execution.results.push_back(std::move(result));
    }
    if (json.contains("program")) execution.program = program_from(json.at("program"));
    const auto kernel = json.value("kernel", nlohmann::json::object());
    for (const auto& [host, lines] : kernel.items())
      for (const auto& line : lines) {
        KernelLine& said = execution.kernel[host].emplace_back();
        if (line.contains("at")) said.at = std::chrono::microseconds(std::llround(line.at("at").get<double>() * 1e6));
        said.stamp = line.at("stamp").get<std::int64_t>();
        said.level = line.at("level").get<int>();
        said.text = bytes_from_text(line.at("text").get_ref<const std::string&>());
      }
    const auto& ending = json.at("ending");
    for (const auto& [value, word] : endings)
      if (ending.at("why") == word) execution.ending.why = value;
    execution.ending.host = ending.value("host", "");
    execution.ending.detail = bytes_from_text(ending.value("detail", ""));
    return execution;
  } catch (const nlohmann::json::exception& e) {
    throw std::runtime_error(std::string("an execution as JSON: ") + e.what());
  }
}

}  // namespace kvmtest::suite
