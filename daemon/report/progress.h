#pragma once
// A run while it goes on, as a few lines that are drawn again and again: a line for each prefix, a bar, what came of
// the tests so far, and how long the rest will take. Records go in, lines come out; time is an argument. One thread at
// a time.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/record.h"
#include "core/time.h"
#include "report/run_summary.h"
#include "report/text.h"

namespace kvmtest::report {

/// How long tests and their overhead usually take, as earlier runs tell.
struct Expected {
  std::map<std::string, core::Duration> tests{};  ///< a test's usual time, without its domains' resets
  std::optional<core::Duration> overhead{};       ///< what an attempt costs its prefix besides: waiting and reset
};

class Progress {
 public:
  /// The run's next record.
  void take(const core::record::Record& record);
  /// May be called at any time. Call it after RunStarted, which has the tests' names.
  void expect(Expected expected) { expected_ = std::move(expected); }

  [[nodiscard]] std::size_t tests() const { return tests_.size(); }
  [[nodiscard]] std::size_t decided() const {
    return counts_.passed + counts_.failed + counts_.unresolved + counts_.untested + counts_.unsupported;
  }
  /// Of the whole run from now on. Nothing: it has no end of its own (--repeat 0), nothing is known yet, or all that is
  /// left takes longer than usual.
  [[nodiscard]] std::optional<core::Duration> time_left(core::WallTime now) const;

  /// At most `height` lines of at most `options.width` columns each, without \n; empty before the run began and after
  /// it ended. What guests and files are called is made harmless.
  [[nodiscard]] std::vector<std::string> frame(core::WallTime now, const Options& options, unsigned height) const;

 private:
  friend class Frame;

  /// A domain on its way to a clean shell.
  struct Reset {
    std::string host;
    enum class Phase { queued, under_way, done } phase = Phase::queued;
    std::string method{};
    core::AttemptId attempt{};  ///< 0 while queued: not known yet
  };

  // What a prefix is doing.
  struct Waiting {};
  struct Resetting {
    core::WallTime since;
    std::string test{};
    std::vector<Reset> domains{};  ///< in the order in which they were asked for
  };
  struct Running {
    core::WallTime since;
    core::AttemptId attempt;
    std::string test;
    unsigned number = 1;
  };
  struct GivenUp {
    std::string reason;
  };
  struct Lane {
    std::string prefix;
    std::variant<Waiting, Resetting, Running, GivenUp> state{};
    bool in_reserve = false;  ///< it may never be taken into use
  };

  struct Test {
    std::string name;
    unsigned attempts_left = 1;  ///< as far as the records tell
    bool failed_before = false;
    bool decided = false;
  };

  void on(const core::record::Record& record, const core::record::RunStarted& run);
  void on(const core::record::Record& record, const core::record::RunResumed& run);
  void on(const core::record::Record& record, const core::record::ResetQueued& reset);
  void on(const core::record::Record& record, const core::record::ResetStarted& reset);
  void on(const core::record::Record& record, const core::record::ResetFinished& reset);
  void on(const core::record::Record& record, const core::record::ResetFailed& reset);
  void on(const core::record::Record& record, const core::record::TestStarted& test);
  void on(const core::record::Record& record, const core::record::AttemptJudged& judged);
  void on(const core::record::Record& record, const core::record::TestUntested& test);
  void on(const core::record::Record& record, const core::record::PrefixQuarantined& quarantined);
  void on(const core::record::Record& record, const core::record::StopRequested& stop);
  void on(const core::record::Record& record, const core::record::Sample& sample);
  void on(const core::record::Record& record, const core::record::RunFinished& run);
  template <class Other>
  void on(const core::record::Record&, const Other&) {}

  Lane* lane(const core::Prefix& prefix);
  Reset* reset(const core::Domain& domain);
  Test* test(const std::string& name);
  void decide(Test& test, core::Verdict verdict);
  /// How long an attempt at `test` takes, without resets.
  [[nodiscard]] std::optional<core::Duration> usual(const std::string& test) const;
  /// The same, for a test of which nothing is known.
  [[nodiscard]] std::optional<core::Duration> ordinary() const;
  [[nodiscard]] std::optional<core::Duration> overhead() const;
  [[nodiscard]] bool anything_to_begin() const;

  Expected expected_;
  std::optional<core::WallTime> started_;
  bool finished_ = false;
  bool endless_ = false;
  std::string stopped_by_;
  std::vector<Lane> lanes_;
  std::vector<Test> tests_;  ///< in the run's order
  std::map<std::string, std::size_t> test_by_name_;
  Counts counts_;
  std::vector<core::Duration> took_;       ///< by judged attempts of this run, sorted
  std::vector<core::Duration> overheads_;  ///< the same
  std::optional<core::record::Sample> sample_;
};

}  // namespace kvmtest::report
