#pragma once
// A test that is a program: what it is given, and the commands that reach its domains.

#include <string>

#include "base/open_directory.h"
#include "core/actions.h"
#include "engine/active_run.h"
#include "engine/consoles.h"
#include "engine/context.h"
#include "engine/program_runner.h"

namespace kvmtest::engine {

/// What a program's attempt is ended by, and by what its commands show that they are its.
struct ProgramTicket {
  explicit ProgramTicket(std::string t) : token(std::move(t)) {}
  std::string token;
  StopSignal stop{};
};

/// What a program's attempt has of its own.
struct ProgramPlace {
  const ProgramTicket& ticket;
  base::OpenDirectory output;  ///< of its files
};

/// Runs the test's program to its end (engine/program_runner.h); its consoles are lent to its commands meanwhile.
/// `clock`: of its limit. `sessions` keeps those that can be used afterwards. On the prefix's thread. Throws HostFault,
/// console::Interrupted.
suite::Execution run_test_program(Context& context, Consoles& consoles, const core::action::RunTest& a,
                                  const suite::Test& test, const ScriptLimits& limits, const ProgramPlace& place,
                                  console::GuestClock& clock, Sessions& sessions);

}  // namespace kvmtest::engine
