#include "kvmtest/verb.h"

#include <utility>

namespace kvmtest::command {

client::Command add_verb(client::Command& program, Context& context, const std::string& name, const std::string& what,
                         std::function<int()> run) {
  client::Command verb = program.add_verb(name, what, [&context, run = std::move(run)] { context.chosen = run; });
  context.common.add_to(verb);
  return verb;
}

}  // namespace kvmtest::command
