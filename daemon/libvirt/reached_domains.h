#pragma once
// The way to domains of the embedded libvirt: over one of their networks, from its bridge.

#include "domains/reach.h"
#include "engine/ways.h"
#include "libvirt/definitions.h"
#include "libvirt/networks.h"

namespace kvmtest::libvirt {

class ReachedDomains final : public engine::Ways {
 public:
  /// `definitions` outlives it.
  ReachedDomains(const Definitions& definitions, Within within, domains::Reach reach)
      : definitions_(definitions), within_(std::move(within)), reach_(std::move(reach)) {}

  bool reaches(const core::Domain& domain) override { return way_to(domain).has_value(); }
  base::Descriptor connect(const core::Domain& domain, std::uint16_t port, std::chrono::milliseconds patience) override;

  [[nodiscard]] const Within& within() const { return within_; }
  /// The names of the prefix' hosts, as lines of /etc/hosts.
  [[nodiscard]] std::string names_of(const core::Prefix& prefix) const;

 private:
  [[nodiscard]] std::optional<domains::Reach::Way> way_to(const core::Domain& domain) const {
    return reach_.on() ? reach_.way_to(domain, definitions_.described(domain)) : std::nullopt;
  }

  const Definitions& definitions_;
  const Within within_;
  const domains::Reach reach_;
};

}  // namespace kvmtest::libvirt
