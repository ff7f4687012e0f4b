#pragma once
// Writes the stream, and the tables that are derived from it, into the database.
//
// Invariants: a batch is written whole or not at all; it is on the disk when append returns; a test gets one verdict a
// run; sequences and attempt ids rise for the life of the file, whatever is deleted from it.

#include <cstdint>
#include <memory>
#include <span>

#include "core/ids.h"
#include "core/record.h"
#include "telemetry/database.h"

namespace kvmtest::telemetry {

/// The one writer of a state directory. One thread at a time, together with its Database.
class Writer {
 public:
  explicit Writer(Database& database);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Writes the run and its tests durably and gives its number. The stream's own RunStarted comes through append.
  core::RunId create_run(const core::record::RunStarted& run, core::WallTime started);

  /// One more than any recorded attempt of this state directory ever had. An attempt that was never recorded (killed
  /// before its TestStarted or the end of a reset was appended) leaves its id free.
  [[nodiscard]] core::AttemptId next_attempt_id() const;

  /// Numbers the records and writes them in one transaction. When it throws, nothing was written and the numbers mean
  /// nothing. Throws Error when the database fails (disk full, …). Throws NeverWritable for a stream that cannot be: a
  /// second verdict for a test or attempt, a second end of a run, a test or a run that is not there; and when the
  /// database is broken, or another kvmtest's.
  void append(std::span<core::record::Record> records);

 private:
  struct Statements;
  void put(const core::record::Record& record);

  Database& database_;
  std::unique_ptr<Statements> statements_;
  std::int64_t last_sequence_ = 0;
};

}  // namespace kvmtest::telemetry
