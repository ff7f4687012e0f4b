#include "libvirt/handles.h"

#include <algorithm>

#include <libvirt/virterror.h>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {

std::string last_error() {
  const virError* error = virGetLastError();
  if (error == nullptr || error->message == nullptr) return "libvirt gave no reason";
  std::string text = error->message;
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

void fail(const std::string& what) { throw engine::HostFault(what + ": " + last_error()); }

}  // namespace kvmtest::libvirt
