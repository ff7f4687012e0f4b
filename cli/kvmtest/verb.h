#pragma once
// What every verb of kvmtest is made of. A verb is a file here that has no header of its own; verbs.h lists them.

#include <functional>
#include <string>

#include "client/command_line.h"
#include "client/options.h"

namespace kvmtest::command {

/// One invocation.
struct Context {
  std::string program = "kvmtest";  ///< as it was called, for commands that are suggested
  client::CommonOptions common;
  std::function<int()> chosen;  ///< set by the verb that was given; returns the exit status

  /// A command that the user may type next, with the options that lead to the same state directory: verb("diffs").
  [[nodiscard]] std::string verb(const std::string& name) const { return program + ' ' + name + common.again(false); }
};

/// `name` as a verb of `app`, with the common options; `run` is what it does.
client::Command add_verb(client::Command& program, Context& context, const std::string& name, const std::string& what,
                         std::function<int()> run);

}  // namespace kvmtest::command
