#pragma once
// A run's records as the lines that people read, while it goes on and afterwards.

#include <cstddef>
#include <string>

#include "core/record.h"
#include "report/line.h"
#include "report/text.h"

namespace kvmtest::command {

/// The test has its verdict.
bool is_decision(const core::record::Record& entry);

/// Takes a run's records from its first one on. One thread.
class RecordLines {
 public:
  enum class Stamp { time, date_and_time };  ///< UTC
  /// With `wrap`, a long line is broken at spaces, as people like it and grep does not.
  RecordLines(report::Verbosity wanted, Stamp stamp, const report::Options& options, bool wrap)
      : wanted_(wanted), stamp_(stamp), options_(options), wrap_(wrap) {}

  /// The record's line and, of a failure, the first lines that differ, each ending in \n; empty where nobody wants it.
  /// Reads the attempt's files.
  std::string text(const core::record::Record& entry);

 private:
  report::Verbosity wanted_;
  Stamp stamp_;
  report::Options options_;
  bool wrap_;
  std::size_t tests_ = 0;
  std::size_t decided_ = 0;
};

}  // namespace kvmtest::command
