#include "client/port.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/passed_file.h"
#include "client/domains.h"

namespace kvmtest::client {

Port connect_to(Client& client, const std::string& domain, unsigned port) {
  Port out;
  out.daemon = client.upgrade(fmt::format("{}?port={}", domain_path(domain, "connect"), port));
  const int socket = out.daemon->descriptor();
  if (send(socket, "\n", 1, MSG_NOSIGNAL) == 1) out.connection = base::take_file(socket);
  if (!out.connection) throw Refused(fmt::format("{} went away", domain), 3);
  return out;
}

}  // namespace kvmtest::client
