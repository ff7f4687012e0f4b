#pragma once
// A database on a real disk in a directory of its own, and records to write into it.

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/record.h"

namespace kvmtest::telemetry {

class StateDirectory {
 public:
  StateDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kvmtest-telemetry-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~StateDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  [[nodiscard]] std::filesystem::path database() const { return path_ / "kvmtest.db"; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
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
