#include "client/port.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "client/domains.h"

namespace kvmtest::client {
namespace {

/// The file that came with the next byte; none: the daemon closed the connection.
base::Descriptor received(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  const cmsghdr* const header = got == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return {};
  int file = -1;
  std::memcpy(&file, CMSG_DATA(header), sizeof file);
  return base::Descriptor(file);
}

}  // namespace

Port connect_to(Client& client, const std::string& domain, unsigned port) {
  Port out;
  out.daemon = client.upgrade(fmt::format("{}?port={}", domain_path(domain, "connect"), port));
  const int socket = out.daemon->descriptor();
  if (send(socket, "\n", 1, MSG_NOSIGNAL) == 1) out.connection = received(socket);
  if (!out.connection) throw Refused(fmt::format("{} went away", domain), 3);
  return out;
}

}  // namespace kvmtest::client
