#include "client/domains.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/percent.h"

namespace kvmtest::client {

std::string domain_path(const std::string& domain, const std::string& verb) {
  return fmt::format("/v1/domains/{}/{}", base::percent_encoded(domain), verb);
}

nlohmann::json bring_up(Client& client, const std::string& domain, const BringUp& how) {
  return client.post(fmt::format("{}?fresh={}&workers={}&reset={}", domain_path(domain, "up"), how.fresh ? 1 : 0,
                                 how.workers, settings::to_string(how.reset)));
}

double destroy(Client& client, const std::string& domain) {
  return client.post(domain_path(domain, "destroy")).at("took").get<double>();
}

}  // namespace kvmtest::client
