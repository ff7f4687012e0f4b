#include "sandbox/loopback.h"

#include <cerrno>
#include <cstring>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/descriptor.h"

namespace kvmtest::sandbox {

int set_loopback_up() {
  const base::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  const bool up = socket && ioctl(socket.number(), SIOCGIFFLAGS, &request) == 0 &&
                  (request.ifr_flags |= IFF_UP, ioctl(socket.number(), SIOCSIFFLAGS, &request) == 0);
  return up ? 0 : errno;
}

}  // namespace kvmtest::sandbox
