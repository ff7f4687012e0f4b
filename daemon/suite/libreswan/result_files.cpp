#include "suite/libreswan/result_files.h"

#include <re2/re2.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "suite/libreswan/beneath.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using WallTime = OutputTimes::WallTime;
using std::chrono::system_clock;

/// "2018-08-15 13:00:12.275358", or with `separator` between date and time.
std::string time_text(WallTime time, bool utc, char separator) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = system_clock::to_time_t(whole);
  std::tm parts{};
  if (utc)
    gmtime_r(&seconds, &parts);
  else
    localtime_r(&seconds, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), separator == 'T' ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts);
  std::string out = date.data();
  // A fraction of nothing is not written.
  if (const auto fraction = (time - whole).count(); fraction != 0) {
    std::string digits = std::to_string(fraction);
    out += "." + std::string(6 - digits.size(), '0') + digits;
  }
  return out;
}

std::optional<WallTime> local_time_from(const std::string& text) {
  static const RE2 pattern(R"((\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)");
  std::tm parts{};
  std::string seconds;
  std::string fraction;
  if (!RE2::FullMatch(text, pattern, &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour, &parts.tm_min,
                      &seconds, &fraction))
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  parts.tm_isdst = -1;
  parts.tm_sec = seconds.empty() ? 0 : std::stoi(seconds);
  const std::time_t at = std::mktime(&parts);
  fraction.resize(6, '0');
  return std::chrono::time_point_cast<std::chrono::microseconds>(system_clock::from_time_t(at)) +
         std::chrono::microseconds(std::stoi(fraction));
}

std::string seconds_text(double seconds) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.1f", seconds);
  return text.data();
}

std::string dump(const Json& json) { return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n"; }

Json by_host(const OutputJudgement& judgement) {
  Json hosts = Json::object();
  for (const auto& issue : judgement.issues) hosts[issue.host].push_back(issue.name);
  return hosts;
}

}  // namespace

std::string debug_log(const OutputTimes& times, const std::string& test_name) {
  std::string out;
  if (times.start) out += "starting debug log at " + time_text(*times.start, false, ' ') + "\n";
  if (times.boot) out += "kvmtest: stop booting domains after " + seconds_text(*times.boot) + " seconds\n";
  if (times.test) out += "kvmtest: stop running commands after " + seconds_text(*times.test) + " seconds\n";
  if (times.total) out += "kvmtest: stop testing " + test_name + " after " + seconds_text(*times.total) + " seconds\n";
  if (times.stop) out += "ending debug log at " + time_text(*times.stop, false, ' ') + "\n";
  return out;
}

OutputTimes read_debug_log(std::string_view text) {
  OutputTimes times;
  const re2::StringPiece log(text.data(), text.size());
  const auto time = [&](const char* words) -> std::optional<WallTime> {
    std::string at;
    if (!RE2::PartialMatch(log, "(?m)" + std::string(words) + " (.*)$", &at)) return std::nullopt;
    return local_time_from(at);
  };
  const auto seconds = [&](const char* words) -> std::optional<double> {
    double value = 0;
    if (!RE2::PartialMatch(log, std::string(words) + " after ([0-9]+(?:\\.[0-9]+)?) second", &value))
      return std::nullopt;
    return value;
  };
  times.start = time("starting debug log at");
  times.stop = time("ending debug log at");
  times.total = seconds(": stop testing .*");
  times.boot = seconds(": stop booting domains");
  times.test = seconds(": stop running commands");
  return times;
}

OutputTimes read_times(const base::OpenDirectory& output) {
  constexpr std::size_t largest = 1U << 20U;  // libreswan's runner writes some KiB
  try {
    const auto log = output.read("debug.log", largest);
    return log ? read_debug_log(log->bytes) : OutputTimes{};
  } catch (const base::FileError&) {
    return {};
  }
}

std::string result_json(const JudgedTest& test, const OutputJudgement& judgement, const OutputTimes& times) {
  Json json;
  json["test_name"] = test.name;
  json["test_kind"] = test.kind;
  json["test_status"] = test.status;
  json["test_guest_platforms"] = Json::array();
  json["test_host_names"] = Json::array();
  for (const Guest& guest : test.guests) {
    json["test_guest_platforms"].push_back(guest.platform);
    json["test_host_names"].push_back(guest.host);
  }
  if (times.start) json["start_time"] = time_text(*times.start, true, 'T') + "Z";
  if (times.stop) json["stop_time"] = time_text(*times.stop, true, 'T') + "Z";
  json["result"] = ::kvmtest::core::to_string(judgement.verdict);
  json["issues"] = by_host(judgement);
  if (times.total) json["total_time"] = *times.total;
  if (times.boot) json["boot_time"] = *times.boot;
  if (times.test) json["test_time"] = *times.test;
  return dump(json);
}

std::string old_result(const JudgedTest& test, const OutputJudgement& judgement) {
  using ::kvmtest::core::Verdict;
  if (judgement.verdict != Verdict::passed && judgement.verdict != Verdict::failed) return {};
  Json json;
  json["testname"] = test.name;
  json["expect"] = test.status;
  json["result"] = ::kvmtest::core::to_string(judgement.verdict);
  json["errors"] = by_host(judgement);
  json["hosts"] = Json::array();
  for (const Guest& guest : test.guests) json["hosts"].push_back(guest.name);
  return dump(json);
}

void save_judgement(const JudgedTest& test, const base::OpenDirectory& output, const OutputJudgement& judgement) {
  for (const auto& [host, text] : judgement.sanitized) put_file(output, host + ".console.txt", text);
  for (const auto& [host, diff] : judgement.diffs) put_file(output, host + ".console.diff", diff);
  put_file(output, "result.json", result_json(test, judgement, read_times(output)));
  if (const std::string result = old_result(test, judgement); !result.empty()) put_file(output, "RESULT", result);
}

}  // namespace kvmtest::suite::libreswan
