#pragma once
// The seam of test formats. A format turns a path into tests and judges their output; core and engine know none of
// them.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/open_directory.h"
#include "base/spool.h"
#include "judge/effort.h"
#include "judge/judgement.h"
#include "process/confinement.h"
#include "suite/test.h"

namespace kvmtest::suite {

using judge::Judgement;

class Judge;

/// How a judge is made again of what it put away.
struct JudgeAway {
  base::Spool::Place place;
  std::shared_ptr<const Judge> (*made)(const Test& test, std::string kept);
};

/// Judges attempts at one test. Immutable: any thread, several at once.
class Judge {
 public:
  virtual ~Judge() = default;
  /// Throws for nothing that an execution may hold. Spends `effort`.
  [[nodiscard]] virtual Judgement judge(const Execution& execution, judge::Effort& effort) const = 0;
  /// The text of the test's file (Test::path) that would expect what this execution gave; nothing when the format keeps
  /// no expectations that can be rewritten.
  [[nodiscard]] virtual std::optional<std::string> accept(const Execution& execution) const {
    (void)execution;
    return std::nullopt;
  }
  /// Puts what it needs much memory for into the spool; nothing: it needs little. Throws what the spool does.
  [[nodiscard]] virtual std::optional<JudgeAway> put_away(base::Spool& spool) const {
    (void)spool;
    return std::nullopt;
  }
};

/// The output that a suite keeps of its attempts by itself, beside its tests: files for tools of its own. Most suites
/// keep none. Any thread; the attempts at one test come one after the other.
class OwnOutput {
 public:
  virtual ~OwnOutput() = default;
  /// Before an attempt's first step, on its prefix's thread: makes room for its output. Of `times`, the run's start and
  /// the resets are known. Returns why it cannot be, one line; empty: it can.
  [[nodiscard]] virtual std::string begin(const Times& times) const = 0;
  /// After an attempt's last step, on its prefix's thread, where its guests have a directory of the prefix's for what
  /// they write: takes that into the output. Returns what was not taken, or not whole, a line each. Throws
  /// base::FileError. Without such a directory it is not called.
  [[nodiscard]] virtual std::vector<std::string> take(const base::OpenDirectory& share) const = 0;
  /// Instead of begin() and Judge::judge(), for an attempt that ended before its first step: the output has these
  /// issues and nothing of the attempt before. Writes files; does not throw.
  virtual void missed(const Times& times, const std::vector<core::Issue>& issues) const = 0;
  /// What the output of the last attempt says now. Runs nothing. Nothing: that cannot be told without.
  [[nodiscard]] virtual std::optional<core::Verdict> earlier() const = 0;
};

/// A test, ready to be run and judged, unless it has an obstacle. Cheap to copy apart from the Test itself.
struct LoadedTest {
  Test test;
  std::shared_ptr<const Judge> judge;
  std::shared_ptr<const OwnOutput> own_output{};  ///< null: its suite keeps none
  struct Away {
    base::Spool::Place test;           ///< the whole one
    std::optional<JudgeAway> judge{};  ///< nothing: `judge` is there
  };
  std::optional<Away> away{};  ///< `test` has no steps then
};

/// What is known of a suite that comes with files of its own into its guests.
struct SuiteInGuests {
  std::string directory{};                                           ///< where it is there
  std::chrono::milliseconds command_limit{std::chrono::minutes(2)};  ///< of its commands
  std::string prepare{};  ///< command that the guests are given first; empty: none
};

/// What loading knows besides the path.
struct LoadContext {
  std::filesystem::path base;  ///< absolute; paths in messages and diffs are relative to it where they lie within
  const std::set<std::string>* known_hosts = nullptr;  ///< null: any host will do
  std::filesystem::path cache{};  ///< directory for what judging can make again; empty: it keeps nothing
  SuiteInGuests in_guests{};
  process::Confinement confinement{};    ///< of programs that judge
  std::shared_ptr<base::Spool> spool{};  ///< for tests to wait in (suite/shelf.h); null: they stay in memory
};

/// One format. Stateless: any thread.
class Format {
 public:
  virtual ~Format() = default;
  /// The word for --format.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Whether the absolute `path` names a test or a directory of tests of this format. It may not exist as typed (a
  /// file's suffix may be left out).
  [[nodiscard]] virtual bool recognizes(const std::filesystem::path& path) const = 0;
  /// Whether a directory may hold tests of it beside those of other formats that say so: then all of them count.
  [[nodiscard]] virtual bool shares_directories() const { return false; }
  /// The tests at the absolute `path`, in the order to list them. Throws core::InputError.
  [[nodiscard]] virtual std::vector<LoadedTest> load(const std::filesystem::path& path,
                                                     const LoadContext& context) const = 0;
};

}  // namespace kvmtest::suite
