#pragma once
// The reboot pool as the scheduler keeps it: a queue of domains to reset and a bounded number of slots. A slot is one
// domain, not one group (design.md, decision 2). First come, first served: the jobs of one group stand together, so
// that the group asked for first is ready first.

#include <deque>
#include <optional>
#include <set>

#include "core/ids.h"
#include "core/time.h"

namespace kvmtest::core {

/// Core thread only.
class RebootPool {
 public:
  struct Job {
    Ticket ticket;
    Domain domain;
    Instant since;
  };

  void set_slots(unsigned slots) { slots_ = slots; }
  void begin_count() { submitted_ = 0; }

  /// Puts a job at the end of the queue; tells how many stand before it.
  unsigned submit(Job job);
  /// Takes a job back that has not started. False: it is not in the queue.
  bool withdraw(Ticket ticket);
  /// The next job, when a slot is free; it holds the slot until `finished`.
  std::optional<Job> start_next();
  /// Frees the slot.
  void finished(Ticket ticket);

  [[nodiscard]] unsigned slots() const { return slots_; }
  [[nodiscard]] unsigned busy() const { return static_cast<unsigned>(running_.size()); }
  [[nodiscard]] unsigned queued() const { return static_cast<unsigned>(queue_.size()); }
  [[nodiscard]] unsigned submitted() const { return submitted_; }

 private:
  unsigned slots_ = 1;
  unsigned submitted_ = 0;
  std::deque<Job> queue_;
  std::set<Ticket> running_;
};

}  // namespace kvmtest::core
