#include "service/follow.h"

#include <variant>

namespace kvmtest::service {

void follow(RecordSource& source, std::int64_t sequence, const std::function<bool(const core::record::Record&)>& take,
            const std::function<bool()>& quiet) {
  std::int64_t newest = sequence;
  bool waited = false;
  while (true) {
    // Asked before reading: the run may end between the two, and its end would be missed the other way round.
    const bool complete = source.complete();
    const auto records = source.read(sequence);
    for (const auto& record : records) {
      sequence = record.sequence;
      if (!take(record) || std::holds_alternative<core::record::RunFinished>(record.body)) return;
    }
    if (records.empty() && (complete || (waited && !quiet()))) return;
    waited = records.empty();
    if (waited) newest = source.wait_beyond(newest);
  }
}

}  // namespace kvmtest::service
