#pragma once
// Which guests do not notice that they stood still. A guest under emulation does not, for QEMU makes its time; under
// KVM it depends on the clock that its kernel chose. So each guest is tried, as KVM is, before its group ever stands
// still in the middle of a test (docs/adr/0036-freezing.md).

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "console/session.h"
#include "core/ids.h"
#include "engine/context.h"

namespace kvmtest::engine {

/// Any thread.
class Unaware {
 public:
  /// `context` outlives it.
  explicit Unaware(Context& context) : context_(context) {}
  Unaware(const Unaware&) = delete;
  Unaware& operator=(const Unaware&) = delete;

  /// A guest, and the domain that runs it. Equal names, equal guests.
  struct Guest {
    std::string name;
    core::Domain domain;
  };
  /// Whether all of them are known not to notice.
  [[nodiscard]] bool all(const std::vector<Guest>& guests);
  /// Lets the guest stand still for a moment and finds out, unless that is known or being found out. Its shell waits at
  /// its prompt, and runs commands meanwhile. Where the answer is not clear it stays unknown. Throws
  /// console::Interrupted.
  void find_out(const Guest& guest, console::Session& session);

 private:
  enum class Answer { unaware, aware };
  std::optional<Answer> ask(const Guest& guest, console::Session& session);

  Context& context_;
  base::Mutex mutex_;
  std::map<std::string, Answer> known_ GUARDED_BY(mutex_);
  std::set<std::string> asked_ GUARDED_BY(mutex_);  ///< being found out
};

/// A guest's time at some moment of the interval between two of this machine's.
struct Glance {
  std::chrono::steady_clock::time_point from;
  std::chrono::steady_clock::time_point to;
  std::chrono::milliseconds guest{};  ///< since it was booted
};
/// Whether the guest's clock stood still for the `still` between the two glances; nothing: they are too rough to tell.
std::optional<bool> stood_still(const Glance& before, const Glance& after, std::chrono::steady_clock::duration still);

}  // namespace kvmtest::engine
