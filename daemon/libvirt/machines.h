#pragma once
// All domains' machines, by domain and by libvirt's names.

#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "core/ids.h"
#include "core/model.h"
#include "domains/templates.h"
#include "libvirt/machine.h"
#include "libvirt/twins.h"

namespace kvmtest::libvirt {

using domains::Templates;

/// One of a domain's two QEMUs.
struct NamedTwin {
  core::Domain domain;
  Twin twin = Twin::first;
};

/// Whom libvirt's name means; nothing for what is no domain of these templates. Any thread.
std::optional<NamedTwin> named_twin(const Templates& templates, const std::string& name);

/// Any thread. A machine stays, once it is there, until this object goes: libvirt may tell something of it at any time.
class Machines {
 public:
  explicit Machines(Environment environment) : environment_(std::move(environment)) {}
  Machines(const Machines&) = delete;
  Machines& operator=(const Machines&) = delete;

  /// The domain's machine, made when it is wanted first.
  Machine& of(const core::Domain& domain);

  struct Found {
    Machine& machine;
    Twin twin;
  };
  /// Whom libvirt's name means; nothing for what is no domain of ours.
  std::optional<Found> named(const std::string& name);

 private:
  const Environment environment_;
  base::Mutex mutex_;
  std::map<core::Domain, Machine> machines_ GUARDED_BY(mutex_);  ///< each machine looks after itself
};

}  // namespace kvmtest::libvirt
