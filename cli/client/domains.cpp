#include "client/domains.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kvmtest::client {

nlohmann::json bring_up(Client& client, const std::string& domain, const BringUp& how) {
  return client.post(fmt::format("/v1/domains/{}/up?fresh={}&workers={}&reset={}", domain, how.fresh ? 1 : 0,
                                 how.workers, settings::to_string(how.reset)));
}

double destroy(Client& client, const std::string& domain) {
  return client.post(fmt::format("/v1/domains/{}/destroy", domain)).at("took").get<double>();
}

}  // namespace kvmtest::client
