#pragma once
// Runs a program to its end, takes what it prints, and leaves nothing behind: the one way in which the daemon and the
// commands have somebody else's program do something.

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/confinement.h"

namespace kvmtest::process {

/// Takes bytes that were printed, in the thread that runs the program. False: enough, the program is to be ended.
using TakeBytes = std::function<bool(std::string_view)>;

/// What to run, and for how long. Standard input is empty.
struct Order {
  std::vector<std::string> command;                   ///< arguments, the program's own path first
  std::vector<std::string> environment;               ///< all of it, "NAME=value"
  std::filesystem::path directory{};                  ///< where it runs; empty: where this process does
  std::chrono::milliseconds limit{};                  ///< then its process group is told to end
  std::function<std::chrono::milliseconds()> more{};  ///< asked at the limit: how much longer it may take; 0: no longer
  std::chrono::milliseconds grace{0};                 ///< from SIGTERM to SIGKILL
  std::chrono::milliseconds linger{0};                ///< after its end: for what it left behind to close its output
  int stop = -1;            ///< a descriptor: once it is readable the group is told to end; -1: none
  TakeBytes take_output{};  ///< empty: what it prints is of no interest
  TakeBytes take_errors{};
  std::optional<Confinement> confinement{};  ///< none: it may what this process may
};

/// How it ended.
struct Ended {
  int start_error = 0;              ///< an errno: it could not be started, and the rest says nothing; 0: it was
  int status = 0;                   ///< as waitpid(2) tells it
  bool timed_out = false;           ///< told to end at the limit
  bool stopped = false;             ///< told to end by `stop`
  std::vector<std::string> left{};  ///< command lines of what was still there at its end, and has been killed
};

/// Runs it; the calling thread waits. At the limit, and when `stop` is readable, the program's group gets SIGTERM and
/// after the grace SIGKILL. All that it started and that is left at its end, in whatever session, is killed. Throws
/// std::system_error when the machine has no process or pipe to give, or does not confine it. Any thread.
Ended run(const Order& order);

/// The exit status, or 128 and the signal's number, as shells have it.
int exit_status(const Ended& ended);

/// This process' own environment.
std::vector<std::string> own_environment();

/// The program of that name in one of PATH's directories; empty: there is none.
std::filesystem::path find_program(const std::string& name);

}  // namespace kvmtest::process
