#pragma once
// The tests of a run while they wait. Tens of thousands of them may, and few run at a time.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/spool.h"
#include "suite/format.h"

namespace kvmtest::suite {

/// The test as bytes, and back. Throws std::exception for bytes that are none.
std::string packed(const Test& test);
Test unpacked(std::string_view bytes);

/// Puts a test away as soon as it is loaded, where the context has a spool: its steps are there then, and no longer in
/// `test`. Throws what the spool does.
LoadedTest put_away(LoadedTest loaded, const LoadContext& context);

/// By their place in the run. Any thread, once they are all there.
class Shelf {
 public:
  Shelf() = default;
  /// `spool`: of the context that they were loaded with; null: they are kept as they are. `post_mortem`: whether steps
  /// that look at a host after the script are run.
  Shelf(std::vector<LoadedTest> tests, std::shared_ptr<const base::Spool> spool, bool post_mortem);
  Shelf(std::vector<LoadedTest> tests)  // NOLINT(google-explicit-constructor): a shelf of those
      : Shelf(std::move(tests), nullptr, true) {}

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// These throw std::out_of_range for one that is not there.
  [[nodiscard]] const std::string& name(std::size_t index) const { return entries_.at(index).name; }
  [[nodiscard]] const std::vector<std::string>& hosts(std::size_t index) const { return *entries_.at(index).hosts; }
  /// Whether it has a program in place of steps.
  [[nodiscard]] bool is_program(std::size_t index) const { return entries_.at(index).is_program; }
  /// Why it cannot run; empty: it can.
  [[nodiscard]] const std::string& obstacle(std::size_t index) const {
    static const std::string none;
    const auto found = obstacles_.find(index);
    return found == obstacles_.end() ? none : found->second;
  }
  [[nodiscard]] const std::shared_ptr<const OwnOutput>& own_output(std::size_t index) const {
    return entries_.at(index).own_output;
  }
  /// The whole test. Throws what the spool does.
  [[nodiscard]] std::shared_ptr<const LoadedTest> get(std::size_t index) const;

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const std::vector<std::string>> hosts;  ///< which many tests share
    bool is_program = false;
    std::shared_ptr<const OwnOutput> own_output;
    std::shared_ptr<const Judge> judge;  ///< null: it is in the spool
    LoadedTest::Away away;
    std::shared_ptr<const LoadedTest> whole;  ///< null: it is in the spool
  };

  std::vector<Entry> entries_;
  std::map<std::size_t, std::string> obstacles_;  ///< of the few that have one
  std::shared_ptr<const base::Spool> spool_;
  bool post_mortem_ = true;
};

}  // namespace kvmtest::suite
