#include "service/ports.h"

#include <chrono>

namespace kvmtest::service {

namespace {
// A guest that is busy may take its time to answer; a server that is being started as well.
constexpr std::chrono::seconds patience{10};
}  // namespace

void Ports::connect(const core::Domain& domain, std::uint16_t port, PortClient& client) {
  const auto open = engine_.open_connection(
      domain, [&] { client.end(); }, true);
  const auto going = engine_.keep_going(domain);
  client.begin(ways_.connect(domain, port, patience).number());
  client.wait();
}

}  // namespace kvmtest::service
