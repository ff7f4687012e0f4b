// kvmtest destroy.

#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/domains.h"
#include "client/words.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {

void add_destroy(client::Command& program, Context& context) {
  auto domains = std::make_shared<std::vector<std::string>>();
  client::Command verb =
      add_verb(program, context, "destroy", "destroy domains that 'up' or kvmsh brought up", [&context, domains] {
        const auto settings = context.common.settings();
        client::Client client(settings);
        for (const std::string& domain : *domains) client::destroy(client, domain);
        return 0;
      });
  verb.add_words("DOMAINS", *domains, "for example a.east").required();
}

}  // namespace kvmtest::command
