#include "libvirt/hypervisor.h"

#include <array>
#include <chrono>
#include <future>

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "libvirt/bridges.h"
#include "libvirt/domain_calls.h"
#include "libvirt/niceness.h"

namespace kvmtest::libvirt {
namespace {

using core::InputError;
using engine::End;
using engine::HostFault;
using namespace std::chrono_literals;

constexpr auto end_patience = 3s;  // for libvirt to tell of an end

/// `reason`: why QEMU stopped, in its own words (qapi/run-state.json, ShutdownCause); empty: it did not tell.
End end_from(int event, int detail, const std::string& reason) {
  if (event == VIR_DOMAIN_EVENT_CRASHED || detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED)
    return {core::Fault::guest, "the guest crashed (its kernel panicked)"};
  switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
      if (reason == "guest-reset") return {core::Fault::guest, "the guest rebooted", true};
      return {core::Fault::guest, "the guest switched itself off"};
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED: return {core::Fault::host, "somebody destroyed the domain"};
    case VIR_DOMAIN_EVENT_STOPPED_FAILED: return {core::Fault::host, "QEMU died"};
    default: return {core::Fault::host, fmt::format("the domain stopped (libvirt event detail {})", detail)};
  }
}

}  // namespace

LibvirtHypervisor::LibvirtHypervisor(Templates templates, StateStore& store, Options options)
    : store_(store),
      lost_(options.lost),
      connection_(options.uri, options.state_dir),
      definitions_(define_with(connection_, store, std::move(templates), options)),
      installer_(connection_, definitions_),
      processors_(definitions_.templates().hosts()),
      jobs_(connection_.get()),
      stand_still_([this](const std::string& name, const End& end) { ended(name, end, Left::all); }) {
  callback_ = check(virConnectDomainEventRegisterAny(connection_.get(), nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                     VIR_DOMAIN_EVENT_CALLBACK(&on_lifecycle), this, nullptr),
                    "events of domains");
  shutdown_callback_ = check(
      virConnectDomainQemuMonitorEventRegister(connection_.get(), nullptr, "SHUTDOWN", &on_shutdown, this, nullptr, 0),
      "events of domains' ends");
  io_callback_ = check(virConnectDomainEventRegisterAny(connection_.get(), nullptr, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                                        VIR_DOMAIN_EVENT_CALLBACK(&on_io_error), this, nullptr),
                       "events of domains' disks");
}

Definitions LibvirtHypervisor::define_with(const Connection& connection, const StateStore& store, Templates templates,
                                           const Options& options) {
  connection.destroy_leftovers([&](const std::string& name) {
    options.notice(fmt::format("{}: left running by an earlier daemon; destroyed", name));
  });
  Substitutions with = options.with;
  with.state_dir = options.state_dir;
  with.type = decide_accelerator(options.acceleration, connection, store, templates, with, options.notice);
  return {connection, store, std::move(templates), std::move(with)};
}

LibvirtHypervisor::~LibvirtHypervisor() {
  virConnectDomainQemuMonitorEventDeregister(connection_.get(), shutdown_callback_);
  for (const int callback : {callback_, io_callback_}) virConnectDomainEventDeregisterAny(connection_.get(), callback);
  connection_.end_events();  // before the rest goes: a callback may be under way while it is deregistered
}

// ---- twins ----

Twin LibvirtHypervisor::live(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  return {domain, exchanged_.contains(domain)};
}

Twin LibvirtHypervisor::spare(const core::Domain& domain) {
  Twin twin = live(domain);
  twin.second = !twin.second;
  return twin;
}

void LibvirtHypervisor::exchange(const core::Domain& domain) {
  const std::lock_guard lock(mutex_);
  if (exchanged_.erase(domain) == 0) exchanged_.insert(domain);
}

/// Throws InputError for what is no domain of ours.
Twin LibvirtHypervisor::twin_of(const std::string& name) const {
  const Twin first{definitions_.templates().parse_domain(name.substr(0, name.find('+'))), false};
  const Twin second{first.domain, true};
  return name == second.name() ? second : first;
}

void LibvirtHypervisor::install(const core::Prefix& prefix) { installer_.install(prefix); }

void LibvirtHypervisor::uninstall(const core::Prefix& prefix) {
  installer_.uninstall(prefix, [&](const core::Domain& domain) { destroy(domain); });
}

// ---- starting and ending ----

std::unique_ptr<console::Stream> LibvirtHypervisor::start(const core::Domain& domain) {
  const Twin twin{domain, false};
  {
    const std::lock_guard lock(mutex_);
    exchanged_.erase(domain);
  }
  auto stream = start_paused(twin, Start::cold);
  resume(twin);
  return stream;
}

std::unique_ptr<console::Stream> LibvirtHypervisor::start_again(const core::Domain& domain) {
  const Twin twin = live(domain);
  const std::string name = twin.name();
  if (const DomainHandle handle = connection_.find_if_any(name)) switch_off(handle.get());
  {
    // Its end is told late, and must not be taken for that of the next one.
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, end_patience, [&] { return ends_.contains(name); });
  }
  auto stream = start_paused(twin, Start::again);
  resume(twin);
  return stream;
}

void LibvirtHypervisor::resume(const Twin& twin) {
  const DomainHandle handle = find(twin);
  if (virDomainResume(handle.get()) == 0) {
    let_go(twin);
    return;
  }
  const std::string words = last_error();
  switch_off(handle.get());
  throw HostFault("resume " + twin.name() + ": " + words);
}

std::unique_ptr<console::Stream> LibvirtHypervisor::start_paused(const Twin& twin, Start how) {
  const std::string name = twin.name();
  if (how == Start::cold) {
    store_.clear_live(name);
    for (const LiveFile& file : live_files(twin)) make_live_file(file);
  }
  hold(twin);
  {
    const std::lock_guard lock(mutex_);
    ends_.erase(name);
    shutdowns_.erase(name);
  }
  // Paused until somebody listens, so that the console's first bytes are not lost.
  DomainHandle handle;
  if (how == Start::cold) {
    handle = find(twin);
    if (has_tpm(definitions_.described(twin.domain))) handle = with_new_tpm(handle.get());
    check(virDomainCreateWithFlags(handle.get(), VIR_DOMAIN_START_PAUSED), "start " + name);
  } else if (how == Start::again) {
    handle = start_again(twin);
  } else if (how == Start::saved) {
    const std::string xml = Templates::without_kernel(xml_of(find(twin).get()));
    handle.reset(virDomainCreateXML(connection_.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
    if (!handle) fail("start " + name);
  } else {
    handle = start_apart(twin);
  }
  try {
    if (how == Start::saved_and_apart) {
      set_modest(twin, true);
      attach_down(links_of_running(handle.get()), bridges_of(definitions_.described(twin.domain)));
    }
    processors_.pin(twin.domain, handle.get());
    auto console = connection_.open_console(handle.get());
    const std::lock_guard lock(mutex_);
    close_console_[name] = console->closer();
    return console;
  } catch (const HostFault&) {
    switch_off(handle.get());
    throw;
  }
}

DomainHandle LibvirtHypervisor::start_again(const Twin& twin) {
  DomainHandle handle;
  if (!twin.second) {
    handle = find(twin);
    check(virDomainCreateWithFlags(handle.get(), VIR_DOMAIN_START_PAUSED), "start " + twin.name());
    return handle;
  }
  // Of the embedded libvirt, as all seconds are.
  const std::string xml = definitions_.on_left_files(twin.domain, twin.name());
  handle.reset(virDomainCreateXML(connection_.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
  if (!handle) fail("start " + twin.name());
  return handle;
}

DomainHandle LibvirtHypervisor::start_apart(const Twin& twin) {
  const std::string name = twin.name();
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  if (!twin.second) check(virDomainGetUUIDString(find(twin).get(), uuid.data()), "UUID of " + name);
  const std::string xml = definitions_.apart(twin.domain, name, uuid.data());
  DomainHandle handle(virDomainCreateXML(connection_.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
  if (!handle) fail("start " + name);
  return handle;
}

void LibvirtHypervisor::set_modest(const Twin& twin, bool modest) {
  constexpr int niceness = 5;
  set_niceness(connection_.runtime_file(twin.name() + ".pid"), modest ? niceness : 0);
}

void LibvirtHypervisor::power_off(const Twin& twin) {
  if (const DomainHandle handle = connection_.find_if_any(twin.name())) switch_off(handle.get());
  store_.clear_live(twin.name());
}

void LibvirtHypervisor::destroy(const core::Domain& domain) {
  // Side by side: libvirt waits a fifth of a second for each.
  std::future<void> second;
  if (connection_.embedded()) second = std::async(std::launch::async, [&] { power_off({domain, true}); });
  power_off({domain, false});
  if (second.valid()) second.get();
  const std::lock_guard lock(mutex_);
  exchanged_.erase(domain);
}

End LibvirtHypervisor::end_of(const core::Domain& domain) {
  // The console closes a little before libvirt has understood why.
  const std::string name = live(domain).name();
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, end_patience, [&] { return ends_.contains(name); });
  const auto found = ends_.find(name);
  if (found == ends_.end()) return {core::Fault::host, "the console closed while the domain was running"};
  return found->second;
}

LibvirtHypervisor::Description LibvirtHypervisor::describe() {
  return {connection_.embedded() ? "qemu:///embed" : connection_.uri(),
          definitions_.substitutions().type == "kvm" ? "kvm" : "emulated"};
}

int LibvirtHypervisor::on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
  auto* self = static_cast<LibvirtHypervisor*>(opaque);
  const std::string name = virDomainGetName(domain);
  if (event == VIR_DOMAIN_EVENT_SUSPENDED) {
    if (self->started(name)) self->stand_still_.suspended(domain, detail);
    return 0;
  }
  if (event != VIR_DOMAIN_EVENT_STOPPED && event != VIR_DOMAIN_EVENT_CRASHED) return 0;
  std::string reason;
  {
    const std::lock_guard lock(self->mutex_);
    if (const auto found = self->shutdowns_.find(name); found != self->shutdowns_.end()) reason = found->second;
  }
  self->jobs_.domain_ended(name);
  Left left = Left::nothing;
  if (event == VIR_DOMAIN_EVENT_CRASHED && self->stays_after_crash(name)) left = Left::all;
  if (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED) left = Left::nothing_as_wanted;
  self->ended(name, end_from(event, detail, reason), left);
  return 0;
}

void LibvirtHypervisor::on_shutdown(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned int,
                                    const char* details, void* opaque) {
  auto* self = static_cast<LibvirtHypervisor*>(opaque);
  const auto event = nlohmann::json::parse(details == nullptr ? "" : details, nullptr, false);
  if (!event.is_object()) return;
  const std::lock_guard lock(self->mutex_);
  self->shutdowns_.try_emplace(virDomainGetName(domain), event.value("reason", ""));
}

void LibvirtHypervisor::on_io_error(virConnectPtr, virDomainPtr domain, const char* path, const char* /*device*/,
                                    int /*action*/, const char* reason, void* opaque) {
  auto* self = static_cast<LibvirtHypervisor*>(opaque);
  const std::string name = virDomainGetName(domain);
  if (self->started(name))
    self->stand_still_.io_error(name, path == nullptr ? "" : path, reason == nullptr ? "" : reason);
}

/// Whether it was this process that started it.
bool LibvirtHypervisor::started(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return close_console_.contains(name);
}

/// Whether its description wants a domain whose guest crashed to stand there for somebody to look at.
bool LibvirtHypervisor::stays_after_crash(const std::string& name) const {
  try {
    return definitions_.stays_after_crash(twin_of(name).domain);
  } catch (const InputError&) {
    return false;  // not a domain of ours
  }
}

void LibvirtHypervisor::ended(const std::string& name, const End& end, Left left) {
  std::function<void()> close_console;
  {
    // The first word counts: a crash is followed by the destruction.
    const std::lock_guard lock(mutex_);
    if (!ends_.try_emplace(name, end).second) return;
    ended_.notify_all();
    if (const auto found = close_console_.find(name); found != close_console_.end()) close_console = found->second;
  }
  // One that is still there does not close it, and whoever waits for a word of it would wait in vain.
  if (left == Left::all && close_console) close_console();
  if (left == Left::nothing_as_wanted) return;
  try {
    // Nobody misses a spare: whoever wants it will see.
    const core::Domain domain = twin_of(name).domain;
    if (live(domain).name() == name) lost_(domain, end);
  } catch (const InputError&) {
    // Not a domain of ours.
  }
}

}  // namespace kvmtest::libvirt
