#pragma once
// The reboot pool as the scheduler keeps it: queues of domains to reset and a bounded number of slots. A slot is one
// domain, not one group (docs/adr/0002-slots.md). Boots have slots of their own, which bound what they take of the
// processor; going back to a saved state is so short that it shall never queue behind them (docs/adr/0008).
//
// First come, first served within each kind: the jobs of one group stand together, so that the group asked for first
// is ready first. Where no domain may be started now, those that are up pass by those that are off.

#include <array>
#include <deque>
#include <map>
#include <optional>

#include "core/ids.h"
#include "core/model.h"
#include "core/time.h"

namespace kvmtest::core {

/// Core thread only.
class RebootPool {
 public:
  struct Job {
    Ticket ticket;
    Domain domain;
    Instant since;
    Method method = Method::boot;
  };

  void set_slots(unsigned boots, unsigned quick);
  void begin_count() { submitted_ = 0; }

  /// Puts a job at the end of the queue; tells how many of its kind stand before it. Tickets rise.
  unsigned submit(Job job);
  /// Takes a job back that has not started. False: it is not in the queue.
  bool withdraw(Ticket ticket);
  /// The next job that has a slot; it holds the slot until `finished`. `starts`: also one that starts a domain.
  std::optional<Job> start_next(bool starts = true);
  /// Frees the slot.
  void finished(Ticket ticket);

  /// Slots for boots, or the quick ones.
  [[nodiscard]] unsigned slots(bool boots = true) const { return kind(boots).slots; }
  [[nodiscard]] unsigned busy() const { return static_cast<unsigned>(running_.size()); }
  [[nodiscard]] unsigned busy(bool boots) const { return kind(boots).busy; }
  [[nodiscard]] unsigned queued() const { return queued(true) + queued(false); }
  [[nodiscard]] unsigned queued(bool boots) const { return static_cast<unsigned>(kind(boots).queue.size()); }
  /// Domains that are being started.
  [[nodiscard]] unsigned starting() const { return starting_; }
  /// Whether a domain is being started, or is to be: the kind of job that takes a processor for a second or more.
  [[nodiscard]] bool any_start() const { return starts_ > 0; }
  [[nodiscard]] unsigned submitted() const { return submitted_; }

 private:
  struct Kind {
    unsigned slots = 1;
    unsigned busy = 0;
    std::deque<Job> queue;
  };
  [[nodiscard]] const Kind& kind(bool boots) const { return kinds_[boots ? 1 : 0]; }
  Kind& kind(bool boots) { return kinds_[boots ? 1 : 0]; }

  std::array<Kind, 2> kinds_;  ///< quick, boots
  unsigned submitted_ = 0;
  unsigned starts_ = 0;    ///< jobs that start a domain, queued or running
  unsigned starting_ = 0;  ///< of those, the running ones
  std::map<Ticket, Method> running_;
};

}  // namespace kvmtest::core
