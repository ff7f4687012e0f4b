#pragma once
// Groups of running tests that stand still and go on, as the core decides; and what it decides by: what each of them
// has of this machine's processors, measured several times a second (docs/adr/0036-freezing.md).

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/threads.h"
#include "core/ids.h"
#include "core/load.h"
#include "core/model.h"
#include "engine/context.h"
#include "engine/group_clock.h"
#include "process/processor_time.h"

namespace kvmtest::engine {

/// Any thread.
class Freezer {
 public:
  /// `context` outlives it. Throws base::NoThread.
  explicit Freezer(Context& context);
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;
  /// No test runs any more.
  ~Freezer();

  /// Whether a run is on, through all of which the processors are measured.
  void run_is_on(bool on);
  /// A test runs on these domains. `able`: it may stand still, for its guests do not notice and nothing of it goes on
  /// outside of them.
  void join(core::AttemptId attempt, std::vector<core::Domain> domains, std::shared_ptr<GroupClock> clock, bool able);
  /// The test is at its end. When this returns its domains go on, and nothing is done with them any more. Waits for
  /// what is being done with them.
  void leave(core::AttemptId attempt);
  /// Until the pointer goes, the domain's group goes on, as one must whose domains are started or ended. Waits as
  /// leave() does.
  [[nodiscard]] std::shared_ptr<void> keep_going(const core::Domain& domain);
  /// What the core wants. Does not wait; the last word counts.
  void set(core::AttemptId attempt, bool frozen);

 private:
  using Clock = std::chrono::steady_clock;
  struct Group {
    std::vector<core::Domain> domains;
    std::shared_ptr<GroupClock> clock;
    bool able = false;
    unsigned kept = 0;    ///< who wants it to go on
    bool wanted = false;  ///< to stand still, by the core
    bool frozen = false;
    bool busy = false;  ///< some thread brings it to where it is wanted
    bool left = false;
    process::ProcessorTime measured{};  ///< the measuring thread's
    [[nodiscard]] bool target() const { return wanted && able && kept == 0 && !left; }
  };
  using GroupPointer = std::shared_ptr<Group>;

  void look_after(const GroupPointer& group) REQUIRES(mutex_);
  void settle(const GroupPointer& group);
  bool bring(Group& group, bool frozen);
  bool ask(Group& group, const core::Domain& domain, bool frozen);
  void wait_for(const GroupPointer& group, base::Lock& lock) REQUIRES(mutex_);
  void measure();
  core::Load measured(const std::map<core::AttemptId, GroupPointer>& groups, Clock::time_point now);

  Context& context_;
  base::Mutex mutex_;
  base::Condition changed_;
  std::map<core::AttemptId, GroupPointer> groups_ GUARDED_BY(mutex_);
  bool run_is_on_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  /// Of the last measurement.
  struct Last {
    Clock::time_point at{};
    process::MachineReading machine{};
    std::chrono::nanoseconds own{};
    double foreign = 0;
  };
  Last last_;  ///< the measuring thread's
  base::Pool pool_;
  std::thread measuring_;
};

}  // namespace kvmtest::engine
