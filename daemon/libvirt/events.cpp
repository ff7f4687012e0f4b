#include "libvirt/events.h"

#include <string>

#include <nlohmann/json.hpp>

namespace kvmtest::libvirt {

Events::Events(Connection& connection, Machines& machines, Monitor& monitor)
    : connection_(connection), machines_(machines), monitor_(monitor) {
  virConnectPtr connect = connection.get();
  callbacks_.push_back(std::make_unique<Callback>(connect, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                  VIR_DOMAIN_EVENT_CALLBACK(&on_lifecycle), this, "events of domains"));
  callbacks_.push_back(std::make_unique<Callback>(connect, "SHUTDOWN", &on_shutdown, this, "events of domains' ends"));
  callbacks_.push_back(std::make_unique<Callback>(connect, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                                  VIR_DOMAIN_EVENT_CALLBACK(&on_io_error), this,
                                                  "events of domains' disks"));
}

Events::~Events() {
  callbacks_.clear();
  connection_.end_events();  // a callback may have been under way while it was deregistered
  looks_.join();
}

int Events::on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
  auto* self = static_cast<Events*>(opaque);
  if (event == VIR_DOMAIN_EVENT_SUSPENDED) self->suspended(domain, detail);
  if (event == VIR_DOMAIN_EVENT_STOPPED || event == VIR_DOMAIN_EVENT_CRASHED) self->ended(domain, event, detail);
  return 0;
}

void Events::suspended(virDomainPtr domain, int detail) {
  const auto found = machines_.named(virDomainGetName(domain));
  if (!found || !found->machine.suspended(found->twin, detail)) return;
  virDomainRef(domain);
  looks_.post([found, ours = std::shared_ptr<virDomain>(domain, DomainDeleter())] {
    found->machine.look(found->twin, ours.get());
  });
}

void Events::ended(virDomainPtr domain, int event, int detail) {
  const std::string name = virDomainGetName(domain);
  monitor_.domain_ended(name);
  if (const auto found = machines_.named(name)) found->machine.ended(found->twin, event, detail);
}

void Events::on_shutdown(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned int, const char* details,
                         void* opaque) {
  auto* self = static_cast<Events*>(opaque);
  const auto event = nlohmann::json::parse(details == nullptr ? "" : details, nullptr, false);
  if (!event.is_object()) return;
  if (const auto found = self->machines_.named(virDomainGetName(domain)))
    found->machine.ending(found->twin, event.value("reason", ""));
}

void Events::on_io_error(virConnectPtr, virDomainPtr domain, const char* path, const char* /*device*/, int /*action*/,
                         const char* reason, void* opaque) {
  auto* self = static_cast<Events*>(opaque);
  if (const auto found = self->machines_.named(virDomainGetName(domain)))
    found->machine.disk_failed(found->twin, {path == nullptr ? "" : path, reason == nullptr ? "" : reason});
}

}  // namespace kvmtest::libvirt
