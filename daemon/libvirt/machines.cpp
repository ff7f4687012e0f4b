#include "libvirt/machines.h"

#include "core/input_error.h"

namespace kvmtest::libvirt {

std::optional<NamedTwin> named_twin(const Templates& templates, const std::string& name) {
  try {
    const core::Domain domain = templates.parse_domain(name.substr(0, name.find('+')));
    for (const Twin twin : {Twin::first, Twin::second})
      if (name == name_of(domain, twin)) return NamedTwin{domain, twin};
  } catch (const core::InputError&) {
    // Somebody else's.
  }
  return std::nullopt;
}

Machine& Machines::of(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  return machines_.try_emplace(domain, environment_, domain).first->second;
}

std::optional<Machines::Found> Machines::named(const std::string& name) {
  const auto found = named_twin(environment_.definitions.templates(), name);
  if (!found) return std::nullopt;
  return Found{of(found->domain), found->twin};
}

}  // namespace kvmtest::libvirt
