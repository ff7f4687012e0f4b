// kvmtest settings.

#include <iostream>

#include <fmt/format.h>

#include "kvmtest/verbs.h"
#include "settings/settings.h"

namespace kvmtest::command {

void add_settings(client::Command& program, Context& context) {
  add_verb(program, context, "settings", "print every setting with its value here", [&context] {
    for (const auto& entry : settings::describe(context.common.settings()))
      std::cout << fmt::format("{:28} {}\n", entry.name, entry.secret ? "(not shown)" : entry.value);
    return 0;
  });
}

}  // namespace kvmtest::command
