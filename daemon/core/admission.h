#pragma once
// How much is begun beside what goes on (docs/adr/0037-admission.md): while processors are idle, and for no longer.
// What has begun is reserved for until it is seen in what was measured.

#include <optional>

#include "core/load.h"
#include "core/model.h"

namespace kvmtest::core {

/// Core thread only.
class Admission {
 public:
  /// Of a run that begins. Nothing is measured yet.
  void begin_run(const AdmissionRules& rules);
  void measured(const Load& load);

  /// Whether work that takes a processor may begin, beside what wants `more` processors and has not begun to use them.
  /// False before anything was measured: whoever asks has always something that goes on.
  [[nodiscard]] bool has_room(unsigned more = 0) const;
  /// Something begins that takes a processor.
  void reserve() { reserved_ += 1; }
  /// Whether the machine's load is so high that nothing new begins beside what goes on.
  [[nodiscard]] bool held_back() const;

 private:
  AdmissionRules rules_;
  std::optional<double> idle_;  ///< processors, as they were lately
  double reserved_ = 0;         ///< of those, for what has begun since, as far as it cannot be seen in them
  bool crowded_ = false;        ///< the load average is beyond what the rules allow
};

}  // namespace kvmtest::core
