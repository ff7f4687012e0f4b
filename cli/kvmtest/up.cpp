// kvmtest up.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "client/client.h"
#include "client/domains.h"
#include "client/words.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {

void add_up(client::Command& program, Context& context) {
  struct Options {
    std::vector<std::string> domains;
    bool fresh = false;
  };
  auto options = std::make_shared<Options>();
  client::Command verb =
      add_verb(program, context, "up", "bring domains up to a logged-in shell, outside any run", [&context, options] {
        const auto settings = context.common.settings();
        client::Client client(settings);
        client.with_daemon(context.common.config, [&] {
          for (const std::string& domain : options->domains) {
            client::bring_up(client, domain, {options->fresh, settings.workers, settings.reset.method});
            std::cout << domain << ": up\n";
          }
        });
        return 0;
      });
  verb.add_words("DOMAINS", options->domains, "for example a.east").required();
  verb.add_flag("--fresh", options->fresh, "reset it even when it is up");
}

}  // namespace kvmtest::command
