#include "client/domains.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/percent.h"

namespace kvmtest::client {

std::string domain_path(const std::string& domain, const std::string& verb) {
  return fmt::format("/v1/domains/{}/{}", base::percent_encoded(domain), verb);
}

DomainState state_of(const nlohmann::json& status, const core::Domain& domain) {
  for (const nlohmann::json& prefix : status.at("prefixes"))
    if (prefix.at("prefix") == domain.prefix.value) {
      const std::string state = prefix.at("domains").value(domain.host.value, "off");
      const std::string worker = prefix.at("state");
      return {state == "up" || state == "ready", worker == "preparing" || worker == "running"};
    }
  return {};
}

nlohmann::json bring_up(Client& client, const std::string& domain, const BringUp& how) {
  return client.post(fmt::format("{}?fresh={}&workers={}&reset={}", domain_path(domain, "up"), how.fresh ? 1 : 0,
                                 how.workers, settings::to_string(how.reset)));
}

double destroy(Client& client, const std::string& domain) {
  return client.post(domain_path(domain, "destroy")).at("took").get<double>();
}

}  // namespace kvmtest::client
