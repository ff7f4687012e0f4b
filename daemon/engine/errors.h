#pragma once
// What can be wrong with a wish that is well formed: the daemon is not in a state to grant it.

#include <stdexcept>

namespace kvmtest::engine {

/// Another daemon holds the prefix. what() names its pid and directory.
class ClaimRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something else is under way here: another run, somebody's shell. what() says what.
class Busy : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The daemon has begun to end, and begins nothing else. Nothing of what was asked was done: the next daemon does it.
class Ending : public std::runtime_error {
 public:
  Ending() : std::runtime_error("the daemon is ending") {}
};

}  // namespace kvmtest::engine
