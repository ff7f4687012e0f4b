#pragma once
// Long text in a terminal goes through a pager, as git does it.

#include <cstdio>

namespace kvmtest::command {

/// While it lives, what is written to standard output goes to $PAGER, or to less, which ends by itself when all fits on
/// the screen; but only where standard output is a terminal, and not with PAGER=cat or empty. One at a time; main
/// thread. Ask for colors and width before.
class Pager {
 public:
  Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
  /// Waits until the pager ends.
  ~Pager();

 private:
  std::FILE* pager_ = nullptr;  ///< null: none
};

}  // namespace kvmtest::command
