#pragma once
// A database on a real disk in a directory of its own, and records to write into it.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "../directory.h"
#include "core/record.h"

namespace kvmtest::telemetry {

class StateDirectory : public Directory {
 public:
  [[nodiscard]] std::filesystem::path database() const { return path() / "kvmtest.db"; }
};

inline core::WallTime at(double seconds) {
  return core::WallTime(core::Duration(static_cast<core::Duration::rep>(1'785'412'800'000'000 + seconds * 1e6)));
}

inline core::record::Record record(core::RunId run, core::record::Body body, double seconds = 1) {
  return {.run = run.value, .sequence = 0, .time = at(seconds), .body = std::move(body)};
}

inline core::record::RunStarted run_of(std::vector<std::string> tests) {
  return {.prefixes = {"a.", ""},
          .workers = 2,
          .tests = std::move(tests),
          .uri = "qemu:///embed",
          .accelerator = "kvm",
          .settings = R"({"timeout":30})"};
}

inline core::record::TestStarted started(std::uint64_t attempt, const std::string& test, unsigned number = 1) {
  return {core::AttemptId(attempt), test, core::Prefix("a."), number, std::chrono::seconds(6)};
}

inline core::record::AttemptJudged judged(std::uint64_t attempt, const std::string& test,
                                          core::Verdict verdict = core::Verdict::passed, unsigned number = 1) {
  using std::chrono::milliseconds;
  return {.attempt = core::AttemptId(attempt),
          .test = test,
          .prefix = core::Prefix("a."),
          .number = number,
          .verdict = verdict,
          .issues = {},
          .split = {milliseconds(500), milliseconds(6000), milliseconds(420), milliseconds(20)},
          .output = "/out/" + test,
          .final = true};
}

}  // namespace kvmtest::telemetry
