#include "libvirt/state_names.h"

#include <fstream>

#include <fmt/format.h>

#include "base/digest.h"
#include "libvirt/shape.h"

namespace kvmtest::libvirt {
namespace {

// Part of the states' names: what an older kvmtest kept is of no use to one that does it otherwise.
constexpr const char* format = "kvmtest saved state 5";

std::string name_of_processor() {
  std::ifstream in("/proc/cpuinfo");
  std::string all;
  for (std::string line; std::getline(in, line) && !line.empty();)
    if (line.starts_with("model name") || line.starts_with("flags") || line.starts_with("microcode"))
      all += line + '\n';
  return all;
}

}  // namespace

StateNames::StateNames(const Connection& connection, const Definitions& definitions, const std::string& login)
    : connection_(connection), definitions_(definitions) {
  unsigned long qemu = 0;
  unsigned long library = 0;
  check(virConnectGetVersion(connection.get(), &qemu), "QEMU's version");
  check(virConnectGetLibVersion(connection.get(), &library), "libvirt's version");
  same_for_all_ = fmt::format("{}\nQEMU {}, libvirt {}\n{}{}\n", format, qemu, library, name_of_processor(), login);
}

std::string StateNames::inputs_of(const core::Domain& domain) const {
  return same_for_all_ + shape_of(definitions_.described(domain), definitions_.live_files(domain, domain.name()),
                                  !connection_.embedded());
}

core::SavedStateId StateNames::state_from(const std::string& inputs) {
  return core::SavedStateId{base::digest_of(inputs)};
}

}  // namespace kvmtest::libvirt
