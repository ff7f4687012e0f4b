#pragma once
// A hypervisor, the pools and the judges in virtual time, driving the scheduler that drives the real ones. It takes
// actions the way engine/ does: a reset at once on a thread of its own, pauses, destructions and tests one after the
// other on their prefix's thread, judging on a few threads, a cancelled thing hurried to its end but still answered.
//
// No clock and no randomness: what happens at the same instant happens in the order it was decided, or shuffled by a
// generator the caller seeded.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "core/actions.h"
#include "core/events.h"
#include "core/scheduler.h"
#include "simulator/model.h"

namespace kvmtest::simulator {

/// One line of a log.
struct Entry {
  core::Instant at;
  std::variant<core::Event, core::Action> what;
};

/// One verdict as reported.
struct Judged {
  core::Instant at;
  core::action::ReportVerdict report;
};

/// What came of it all.
struct Outcome {
  core::Duration makespan{};                                      ///< of the last run: submitted to finished
  std::optional<core::record::Outcome> finished{};                ///< none: the last run never ended
  std::map<core::TestIndex, std::vector<Judged>> verdicts;        ///< of the last run, in order
  std::map<core::TestIndex, std::string> untested;                ///< of the last run, with the reason
  std::map<core::RequestId, std::optional<std::string>> answers;  ///< the error, or none
  unsigned slots_peak = 0;                                        ///< resets under way at the same time
  core::Duration slots_busy{};                                    ///< summed over all resets
  std::uint64_t events = 0;
  bool exhausted = false;  ///< a limit was reached with things still to come
  std::vector<Entry> log;  ///< empty unless asked for
};

/// One thread.
class Simulator {
 public:
  /// `shuffle`: orders what happens at the same instant; must outlive the simulator. None: first decided, first done.
  explicit Simulator(Model model, std::mt19937_64* shuffle = nullptr,
                     core::AttemptId next_attempt = core::AttemptId{1});

  /// Something from outside, since the beginning.
  void at(core::Duration when, core::Event event);
  /// The domain ends by itself then, if it is on. `script_sees`: see Loss.
  void lose_at(core::Duration when, core::Domain domain, core::Fault fault, std::string reason,
               bool script_sees = true);

  /// Called after each event with what the scheduler answered.
  std::function<void(core::Instant, const core::Event&, const core::Actions&, const core::Scheduler&)> watch;
  bool keep_log = false;

  struct Limits {
    std::uint64_t events = 1'000'000;
    core::Duration time = std::chrono::hours(24 * 365);
  };
  /// Goes on until nothing is to come.
  Outcome run(Limits limits);
  Outcome run() { return run(Limits{}); }

  /// Whether the domain has power, whatever the scheduler believes.
  [[nodiscard]] bool powered(const core::Domain& domain) const;

 private:
  /// Something to come. `order` decides between equals.
  struct Due {
    core::Instant at;
    std::uint64_t order;
    std::function<void()> happen;
    bool operator<(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Boot {
    core::action::ResetDomain order;
    ResetFate fate;
    double left;  ///< microseconds of a core
  };
  struct Spare {
    core::action::PrepareSpare order;
    SpareFate fate;
    double left;  ///< microseconds of a core
  };
  /// Where a test under way is.
  struct Course {
    core::action::RunTest order;
    core::Event own_end;        ///< what it comes to by itself
    unsigned steps = 0;         ///< that are left, the one under way included; an even number of them: it works
    double left = 0;            ///< microseconds of that step, up to `at`
    core::Instant at{};         ///< for one that rests
    std::uint64_t resting = 0;  ///< a due end of another rest is void
    double width = 1;           ///< processors that it wants while it works
    bool frozen = false;
    core::Instant frozen_since{};
    core::Duration frozen_for{};
    double used = 0;              ///< microseconds
    double starved = 0;           ///< microseconds
    double measured_used = 0;     ///< of that, what was told of
    double measured_starved = 0;  ///< the same
    [[nodiscard]] bool works() const { return steps > 0 && steps % 2 == 0; }
  };
  /// The domain as the hypervisor has it.
  struct Machine {
    enum class Power { off, booting, on } power = Power::off;
    unsigned resets = 0;
    unsigned destroys = 0;
    std::optional<core::Ticket> spare{};  ///< which is being made ready
  };
  using Job = std::variant<core::action::PauseDomain, core::action::RunTest>;
  struct Thread {
    std::deque<Job> jobs;            ///< front is under way
    std::uint64_t turn = 0;          ///< a due end of another turn is void
    TestFate fate;                   ///< of the test under way
    bool ending = false;             ///< the test's end is decided
    std::optional<Course> course{};  ///< of the test under way
  };

  void due(core::Instant at, std::function<void()> happen);
  void deliver(const core::Event& event);
  void result(core::Event event);
  std::optional<core::Instant> next_work() const;
  double work_rate() const;
  void settle_work();
  void end_work();
  void end_boot(Boot boot);
  void arm_deadline();

  void perform(const core::action::ResetDomain& a);
  void perform(const core::action::CancelReset& a);
  void perform(const core::action::PauseDomain& a);
  void perform(const core::action::DestroyDomain& a);
  void perform(const core::action::PrepareSpare& a);
  void perform(const core::action::HurrySpare&) {}
  void perform(const core::action::DiscardSpare& a);
  void perform(const core::action::RunTest& a);
  void perform(const core::action::FreezeGroup& a);
  void perform(const core::action::ThawGroup& a);
  void perform(const core::action::CancelTest& a);
  void perform(const core::action::JudgeTest& a);
  void perform(const core::action::ReportVerdict& a);
  void perform(const core::action::ReportUntested& a);
  void perform(const core::action::ReportHeld&) {}
  void perform(const core::action::Tell&) {}
  void perform(const core::action::AnswerRequest& a);
  void perform(const core::action::FinishRun& a);

  void add_job(const core::Prefix& prefix, Job job);
  void begin_job(const core::Prefix& prefix);
  void begin(const core::Prefix& prefix, const core::action::PauseDomain& job);
  void begin(const core::Prefix& prefix, const core::action::RunTest& job);
  [[nodiscard]] const core::PlannedTest& planned(core::TestIndex index) const;
  void next_step(const core::Prefix& prefix);
  void begin_rest(const core::Prefix& prefix);
  Thread* thread_of(core::AttemptId attempt);
  void freeze(core::AttemptId attempt, bool frozen);
  void arm_tick();
  void tick();
  void end_test(const core::Prefix& prefix, core::Duration after, core::Event event);
  void end_job(const core::Prefix& prefix, core::Event event);
  void begin_judging();
  void warm_up(const core::action::PrepareSpare& a, const SpareFate& fate);
  void end_spare(Machine& machine, const std::string& reason);
  void lose(const core::Domain& domain, const Loss& loss);

  /// What is to come.
  struct Agenda {
    core::Instant now{};
    std::uint64_t decided = 0;
    std::priority_queue<Due> due{};
    std::optional<core::Instant> deadline{};  ///< armed for
  };
  struct Boots {
    std::vector<Boot> under_way{};
    std::vector<Spare> spares{};  ///< of those that are made ready, those that work
    core::Instant at{};           ///< up to here Boot::left is right, and Course::left of those that work
    double done = 0;              ///< microseconds of all processors together, since the last measurement
  };
  /// What a test's script left for its judge.
  struct Ran {
    core::record::HostUse use;
    core::Duration frozen{};
    bool bore = true;  ///< for how long it was starved
  };
  struct Judges {
    std::deque<core::action::JudgeTest> to_judge{};
    unsigned busy = 0;
  };
  /// The last one submitted.
  struct Run {
    core::RunPlan plan{};
    core::Instant submitted{};
    std::map<core::AttemptId, unsigned> numbers{};
    std::map<core::AttemptId, Ran> ran{};
    bool ticks = false;  ///< the next measurement is due
    core::Instant measured{};
  };

  Model model_;
  std::mt19937_64* shuffle_;
  core::Scheduler scheduler_;
  Agenda agenda_;
  std::map<core::Domain, Machine> machines_;
  Boots boots_;
  std::map<core::Prefix, Thread> threads_;
  Judges judges_;
  Run run_;
  Outcome outcome_;
};

}  // namespace kvmtest::simulator
