#include "api/port.h"

#include "settings/values.h"

namespace kvmtest::api {
namespace {

class HandedClient final : public service::PortClient {
 public:
  explicit HandedClient(Exchange& exchange) : exchange_(exchange) {}

  void begin(int connection) override {
    exchange_.upgrade();
    // What is sent with a connection is lost to who reads it as mere bytes: the client says when it does not any more.
    if (!exchange_.read().empty()) exchange_.hand_over(connection);
  }
  void wait() override {
    while (!exchange_.read().empty()) {
    }
  }
  void end() override { exchange_.stop_reading(); }

 private:
  Exchange& exchange_;
};

}  // namespace

void connect(service::Ports& ports, const core::Domain& domain, const Request& request, Exchange& exchange) {
  constexpr unsigned ssh = 22;
  constexpr unsigned most = 65535;
  const auto named = request.query.find("port");
  const unsigned port = named == request.query.end() ? ssh : settings::parse_number(named->second, "port", 1, most);
  HandedClient client(exchange);
  ports.connect(domain, static_cast<std::uint16_t>(port), client);
}

}  // namespace kvmtest::api
