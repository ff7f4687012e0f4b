#pragma once
// A child process that takes no input, run to its end. Any thread.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace kvmtest::suite::libreswan {

struct ChildResult {
  int status = 0;       ///< exit status; 128 + signal for a death by signal
  std::string output;   ///< standard output
  std::string errors;   ///< standard error
  std::string error{};  ///< why it could not be run, or was ended, one line; empty: it ran
};

/// Runs `words` with the environment of this process and waits. After `limit` it is killed; what it left running
/// is killed in any case. More than 64 MiB of output are an error.
ChildResult run_child(const std::vector<std::string>& words, std::chrono::milliseconds limit);

/// A number that no other call of this machine gets at the same time: for names of temporary files.
std::uint64_t child_token();

}  // namespace kvmtest::suite::libreswan
