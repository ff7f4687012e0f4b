#pragma once
// Handing on a run's records as they come, to the run's end. Apart from the service so that a test can let the run end
// between any two of the questions asked here.

#include <cstdint>
#include <functional>
#include <vector>

#include "core/record.h"

namespace kvmtest::service {

/// A run's records, of which more may come.
class RecordSource {
 public:
  RecordSource() = default;
  RecordSource(const RecordSource&) = delete;
  RecordSource& operator=(const RecordSource&) = delete;
  virtual ~RecordSource() = default;

  /// Nobody drives the run any more, and all that was told of it can be read.
  virtual bool complete() = 0;
  /// Those after `sequence`, oldest first; not necessarily all of them.
  virtual std::vector<core::record::Record> read(std::int64_t sequence) = 0;
  /// Waits a while for a record after `sequence`, of this run or any other. Returns the newest one's number, and
  /// `sequence` when none came.
  virtual std::int64_t wait_beyond(std::int64_t sequence) = 0;
};

/// Gives `take` every record after `sequence` in its order, and returns after the run's end, or, when whoever drove the
/// run died, after the last there is. `quiet` is called when none came for a while, and whenever there was only
/// something of other runs. Either returns whether to go on.
void follow(RecordSource& source, std::int64_t sequence, const std::function<bool(const core::record::Record&)>& take,
            const std::function<bool()>& quiet);

}  // namespace kvmtest::service
