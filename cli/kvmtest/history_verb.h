#pragma once
// What the verbs share that ask the database about many runs: history, slowest, flaky, load.

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "kvmtest/verb.h"
#include "report/history.h"
#include "telemetry/history.h"

namespace kvmtest::command {

/// The options of any of them.
struct HistoryOptions {
  std::string test;
  unsigned runs = 0;
  unsigned most = 20;
  unsigned least_tests = 0;
  bool json = false;
};

/// What such a verb does; returns the exit status.
using Ask = int (*)(telemetry::History&, const HistoryOptions&);

/// Such a verb, with --runs, whose default is `runs`, and --json.
client::Command add_history_verb(client::Command& program, Context& context,
                                 const std::shared_ptr<HistoryOptions>& options, const char* name, const char* what,
                                 unsigned runs, Ask ask);
/// --most, for those that list tests.
void add_most(client::Command verb, const std::shared_ptr<HistoryOptions>& options);

/// For --json.
nlohmann::json range_json(const report::RunRange& runs);
void print_json(const nlohmann::json& out);
template <class Value>
nlohmann::json or_null(const std::optional<Value>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace kvmtest::command
