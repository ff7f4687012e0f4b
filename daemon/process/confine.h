#pragma once
// How a confinement comes about, in three processes, one below the other. For this folder's own sources.

#include <string>
#include <vector>

#include "process/confinement.h"

namespace kvmtest::process {

/// Made before the fork. The other functions return an errno, 0: done, and are system calls only: see after_fork.h.
class ConfinementSteps {
 public:
  explicit ConfinementSteps(const Confinement& confinement);

  /// Whether there are namespaces to be made: enter() and begin() are to be called.
  [[nodiscard]] bool apart() const { return apart_; }
  /// Takes this process into a mount namespace as the program is to see it. Its next child is the first process of a
  /// PID namespace.
  int enter();
  /// Hides and shows. `rest_to_read`: all else is read-only afterwards.
  int arrange(bool rest_to_read);
  /// In that first process: shows the PID namespace in /proc and gives up rights.
  int begin();
  /// In the process that becomes the program.
  void limit() const;

 private:
  struct Mount {
    std::string what;
    std::string where;
    bool directory = false;
    bool to_read = false;
    int tree = -1;
  };

  int hide();
  void make_places();
  int show();

  const bool apart_;
  const std::uint64_t memory_;
  const unsigned processes_;
  std::vector<std::string> hidden_{};
  std::vector<std::string> directories_{};  ///< in which something is shown, outer ones first
  std::vector<Mount> shown_{};
  std::string most_pids_{};  ///< for pid_max; empty: the kernel has none for a namespace
  bool counted_ = false;     ///< by the PID namespace
};

}  // namespace kvmtest::process
