#include "libvirt/hypervisor.h"

#include <array>
#include <cctype>
#include <chrono>
#include <fstream>
#include <future>
#include <vector>

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <sched.h>
#include <unistd.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "core/input_error.h"
#include "libvirt/bridges.h"
#include "libvirt/console_stream.h"
#include "libvirt/niceness.h"

namespace kvmtest::libvirt {
namespace {

using core::InputError;
using engine::End;
using engine::HostFault;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto end_patience = 3s;            // for libvirt to tell of an end
constexpr std::size_t longest_socket = 107;  // bytes that sun_path holds
// QEMU's monitor socket lies this deep under the embedded root.
constexpr std::size_t longest_root =
    longest_socket - std::string_view("/lib/domain-99999-aaaaaaaaaaaaaaaaaaaa/monitor.sock").size();

// Read by the embedded driver from ROOT/etc/qemu.conf. No other user, label, mount namespace or cgroup is involved: the
// domains are this user's own short-lived processes, and each of these costs time at every start. The log daemon that
// stdio_handler="logd" wants does not run. Without that capability a start asks QEMU some questions instead of some
// hundred (docs/adr/0013).
constexpr const char* qemu_conf = R"(user = "+{0}"
group = "+{1}"
swtpm_user = "+{0}"
swtpm_group = "+{1}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
namespaces = [ ]
cgroup_controllers = [ ]
capability_filters = [ "cpu-unavailable-features" ]
)";

std::string percent_encoded(const std::string& path) {
  std::string out;
  for (const char c : path) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0 || std::string_view("/._-~").find(c) != std::string_view::npos)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", u);
  }
  return out;
}

std::string xml_of(virDomainPtr domain, unsigned flags = VIR_DOMAIN_XML_INACTIVE) {
  const Text text(check(virDomainGetXMLDesc(domain, flags), "description of a domain"));
  return text.get();
}

std::vector<std::string> links(virDomainPtr domain) { return links_of(xml_of(domain, 0)); }

std::vector<DomainHandle> all_domains(virConnectPtr connect) {
  virDomainPtr* raw = nullptr;
  const int count = check(virConnectListAllDomains(connect, &raw, 0), "list of domains");
  std::vector<DomainHandle> domains;
  for (int i = 0; i < count; ++i) domains.emplace_back(raw[i]);
  free(raw);  // NOLINT: libvirt allocates with malloc
  return domains;
}

/// Destroys a domain if it runs. Throws HostFault.
void switch_off(virDomainPtr domain) {
  if (virDomainDestroy(domain) == 0) return;
  const virError* error = virGetLastError();
  // Off already, or gone altogether.
  if (error != nullptr && (error->code == VIR_ERR_OPERATION_INVALID || error->code == VIR_ERR_NO_DOMAIN)) return;
  fail(std::string("destroy ") + virDomainGetName(domain));
}

std::string path_of_volume(virConnectPtr connect, const std::string& pool, const std::string& volume) {
  const PoolHandle found(check(virStoragePoolLookupByName(connect, pool.c_str()), "storage pool " + pool));
  const VolumeHandle image(check(virStorageVolLookupByName(found.get(), volume.c_str()), "volume " + volume));
  const Text path(check(virStorageVolGetPath(image.get()), "path of volume " + volume));
  return path.get();
}

/// Forgets a domain's definition, and what libvirt keeps beside it; never its firmware's variables, which an older
/// definition may have where the user has them, and ours are among its live files.
void undefine(virDomainPtr domain) {
  unsigned flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                   VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
  if (has_tpm(xml_of(domain))) flags |= VIR_DOMAIN_UNDEFINE_TPM;  // libvirt 8.9
  check(virDomainUndefineFlags(domain, flags), std::string("undefine ") + virDomainGetName(domain));
}

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
    : templates_(std::move(templates)),
      store_(store),
      options_(std::move(options)),
      stand_still_([this](const std::string& name, const End& end) { ended(name, end, Left::all); }) {
  options_.with.state_dir = options_.state_dir;
  // Errors are reported where they happen; libvirt's habit is to print each on standard error as well.
  virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
  open();
  jobs_ = std::make_unique<Jobs>(connect_.get());
  callback_ = check(virConnectDomainEventRegisterAny(connect_.get(), nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                     VIR_DOMAIN_EVENT_CALLBACK(&on_lifecycle), this, nullptr),
                    "events of domains");
  shutdown_callback_ = check(
      virConnectDomainQemuMonitorEventRegister(connect_.get(), nullptr, "SHUTDOWN", &on_shutdown, this, nullptr, 0),
      "events of domains' ends");
  io_callback_ = check(virConnectDomainEventRegisterAny(connect_.get(), nullptr, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                                        VIR_DOMAIN_EVENT_CALLBACK(&on_io_error), this, nullptr),
                       "events of domains' disks");
  destroy_leftovers();
  decide_accelerator();
}

LibvirtHypervisor::~LibvirtHypervisor() {
  virConnectDomainQemuMonitorEventDeregister(connect_.get(), shutdown_callback_);
  for (const int callback : {callback_, io_callback_}) virConnectDomainEventDeregisterAny(connect_.get(), callback);
}

void LibvirtHypervisor::open() {
  std::string uri = options_.uri;
  if (embedded()) {
    check_bridge_permission();
    const fs::path root = options_.state_dir / "libvirt";
    if (root.string().size() > longest_root)
      throw InputError(
          fmt::format("the state directory {} is too deep for QEMU's sockets: its path may have at most {} "
                      "characters; set state_dir to a shorter one",
                      options_.state_dir.string(), longest_root - std::string_view("/libvirt").size()));
    fs::create_directories(root / "etc");
    std::ofstream(root / "etc/qemu.conf") << fmt::format(qemu_conf, geteuid(), getegid());
    uri = "qemu:///embed?root=" + percent_encoded(root);
  }
  connect_.reset(check(virConnectOpen(uri.c_str()), "open " + uri));
}

void LibvirtHypervisor::destroy_leftovers() {
  for (const DomainHandle& domain : all_domains(connect_.get())) {
    if (virDomainIsActive(domain.get()) != 1) continue;
    const auto owner = owner_from(xml_of(domain.get()));
    if (!owner || owner->state_dir != options_.state_dir) continue;
    options_.notice(fmt::format("{}: left running by an earlier daemon; destroyed", virDomainGetName(domain.get())));
    switch_off(domain.get());
  }
}

DomainHandle LibvirtHypervisor::find_ours(const std::string& name, bool must_exist) {
  DomainHandle found(virDomainLookupByName(connect_.get(), name.c_str()));
  if (!found) {
    if (must_exist) fail("domain " + name);
    return found;
  }
  const auto owner = owner_from(xml_of(found.get()));
  if (!owner || owner->state_dir != options_.state_dir)
    throw InputError(fmt::format("domain {} exists and belongs to {}; choose another prefix", name,
                                 owner ? owner->state_dir.string() : "something other than kvmtest"));
  return found;
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
  const Twin first{templates_.parse_domain(name.substr(0, name.find('+'))), false};
  const Twin second{first.domain, true};
  return name == second.name() ? second : first;
}

// ---- defining ----

void LibvirtHypervisor::install(const core::Prefix& prefix) {
  // Whatever is refused is refused before anything is made.
  for (const std::string& host : templates_.hosts()) {
    const core::Domain domain{prefix, core::Host{host}};
    std::vector<LiveFile> files;
    with_own_files(definition(domain), domain, domain.name(), files);
    for (const LiveFile& file : files) check_base(file);
  }
  for (const std::string& network : templates_.networks_of(prefix, options_.with)) make_network(network);
  for (const std::string& host : templates_.hosts()) define({prefix, core::Host{host}});
}

void LibvirtHypervisor::define(const core::Domain& domain) {
  const DomainHandle old = find_ours(domain.name(), false);
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  if (old) check(virDomainGetUUIDString(old.get(), uuid.data()), "UUID of " + domain.name());
  std::vector<LiveFile> unused;
  std::string xml =
      with_own_files(Templates::without_announcements(templates_.render(domain, options_.with, uuid.data())), domain,
                     domain.name(), unused);
  xml = embedded() ? with_console(xml, domain.name()) : Templates::on_networks(xml);
  const DomainHandle made(virDomainDefineXMLFlags(connect_.get(), xml.c_str(), VIR_DOMAIN_DEFINE_VALIDATE));
  if (!made) throw InputError({templates_.file(domain)}, "libvirt refuses this domain: " + last_error());
}

/// The XML with the domain's own files (libvirt/live_files.h). Throws InputError that names the description.
std::string LibvirtHypervisor::with_own_files(const std::string& xml, const core::Domain& domain,
                                              const std::string& name, std::vector<LiveFile>& files) const {
  Surroundings surroundings{store_.live_disks_of(name)};
  if (!embedded())
    surroundings.volume = [this](const std::string& pool, const std::string& volume) {
      return path_of_volume(connect_.get(), pool, volume);
    };
  try {
    return with_live_files(xml, surroundings, files);
  } catch (const InputError& e) {
    throw InputError({templates_.file(domain)}, e.what());
  }
}

void LibvirtHypervisor::make_network(const std::string& name) {
  if (embedded()) {
    // Whoever described the domains may have made their networks, too.
    if (templates_.ready_made() && is_foreign_bridge(name)) return;
    make_bridge(name, options_.state_dir);
    return;
  }
  NetworkHandle network(virNetworkLookupByName(connect_.get(), name.c_str()));
  if (!network) {
    // No <forward> and no <ip>: an isolated bridge, and no dnsmasq.
    const std::string xml =
        fmt::format("<network><name>{0}</name><bridge name='{0}' stp='off' delay='0'/></network>", name);
    network.reset(check(virNetworkDefineXML(connect_.get(), xml.c_str()), "network " + name));
  }
  if (virNetworkIsActive(network.get()) != 1) check(virNetworkCreate(network.get()), "network " + name);
}

void LibvirtHypervisor::remove_network(const std::string& name) {
  if (embedded()) {
    remove_bridge(name, options_.state_dir);
    return;
  }
  if (templates_.ready_made()) return;  // theirs who described the domains
  const NetworkHandle network(virNetworkLookupByName(connect_.get(), name.c_str()));
  if (!network) return;
  if (virNetworkIsActive(network.get()) == 1) check(virNetworkDestroy(network.get()), "network " + name);
  check(virNetworkUndefine(network.get()), "network " + name);
}

void LibvirtHypervisor::uninstall(const core::Prefix& prefix) {
  bool any = false;
  for (const std::string& host : templates_.hosts()) {
    const Twin twin{{prefix, core::Host{host}}, false};
    const DomainHandle domain = find_ours(twin.name(), false);
    if (!domain) continue;
    any = true;
    destroy(twin.domain);
    undefine(domain.get());
  }
  // A libvirt network carries no owner's mark; it is ours when the domains on it were.
  if (any || embedded())
    for (const std::string& network : templates_.networks_of(prefix, options_.with)) remove_network(network);
}

std::string LibvirtHypervisor::definition(const core::Domain& domain) {
  return templates_.render(domain, options_.with, {});
}

// ---- starting and ending ----

int LibvirtHypervisor::id_of(const Twin& twin) {
  const DomainHandle handle(virDomainLookupByName(connect_.get(), twin.name().c_str()));
  return handle ? static_cast<int>(virDomainGetID(handle.get())) : -1;
}

std::vector<std::string> LibvirtHypervisor::links_of_running(const Twin& twin) { return links(find(twin).get()); }

std::vector<LiveFile> LibvirtHypervisor::live_files(const Twin& twin) {
  std::vector<LiveFile> files;
  with_own_files(definition(twin.domain), twin.domain, twin.name(), files);
  return files;
}

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
  if (const DomainHandle handle = find_ours(name, false)) switch_off(handle.get());
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
    if (has_tpm(definition(twin.domain))) handle = with_new_tpm(handle.get());
    check(virDomainCreateWithFlags(handle.get(), VIR_DOMAIN_START_PAUSED), "start " + name);
  } else if (how == Start::again) {
    handle = start_again(twin);
  } else if (how == Start::saved) {
    const std::string xml = Templates::without_kernel(xml_of(find(twin).get()));
    handle.reset(virDomainCreateXML(connect_.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
    if (!handle) fail("start " + name);
  } else {
    handle = start_apart(twin);
  }
  try {
    if (how == Start::saved_and_apart) {
      set_modest(twin, true);
      attach_down(links(handle.get()), bridges_of(definition(twin.domain)));
    }
    pin_emulator(twin.domain, handle.get());
    auto console = open_console(handle.get());
    const std::lock_guard lock(mutex_);
    close_console_[name] = console->closer();
    return console;
  } catch (const HostFault&) {
    switch_off(handle.get());
    throw;
  }
}

/// Defined anew, and with that as a domain whose TPM nobody has used.
DomainHandle LibvirtHypervisor::with_new_tpm(virDomainPtr handle) {
  const std::string xml = xml_of(handle, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  const std::string name = virDomainGetName(handle);
  undefine(handle);
  return DomainHandle(check(virDomainDefineXML(connect_.get(), xml.c_str()), "define " + name));
}

/// With its console where nobody has to wait for it. Of the embedded libvirt only: another one may not put sockets
/// there.
std::string LibvirtHypervisor::with_console(const std::string& xml, const std::string& name) const {
  const fs::path socket = options_.state_dir / "libvirt/run/qemu" / (name + ".console");
  return socket.string().size() > longest_socket ? xml : Templates::with_socket_console(xml, socket);
}

std::unique_ptr<ConsoleStream> LibvirtHypervisor::open_console(virDomainPtr handle) {
  if (embedded())
    if (const std::string socket = Templates::console_socket(xml_of(handle)); !socket.empty())
      return std::make_unique<ConsoleStream>(socket);
  return std::make_unique<ConsoleStream>(connect_.get(), handle);
}

DomainHandle LibvirtHypervisor::start_again(const Twin& twin) {
  DomainHandle handle;
  if (!twin.second) {
    handle = find(twin);
    check(virDomainCreateWithFlags(handle.get(), VIR_DOMAIN_START_PAUSED), "start " + twin.name());
    return handle;
  }
  // Of the embedded libvirt, as all seconds are.
  std::vector<LiveFile> unused;
  const std::string xml =
      with_own_files(Templates::named(Templates::without_announcements(definition(twin.domain)), twin.name()),
                     twin.domain, twin.name(), unused);
  handle.reset(virDomainCreateXML(connect_.get(), with_console(xml, twin.name()).c_str(), VIR_DOMAIN_START_PAUSED));
  if (!handle) fail("start " + twin.name());
  return handle;
}

/// With network cards that are on no bridge: libvirt sets its ends of them up.
DomainHandle LibvirtHypervisor::start_apart(const Twin& twin) {
  const std::string name = twin.name();
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  if (!twin.second) check(virDomainGetUUIDString(find(twin).get(), uuid.data()), "UUID of " + name);
  std::vector<LiveFile> unused;
  const auto xml = Templates::unconnected(
      with_own_files(Templates::without_kernel(Templates::without_announcements(definition(twin.domain))), twin.domain,
                     name, unused),
      name, uuid.data());
  if (!embedded() || !xml)
    throw HostFault(twin.domain.name() + ": it has a network card, port or socket that its spare cannot have as well");
  DomainHandle handle(virDomainCreateXML(connect_.get(), with_console(*xml, name).c_str(), VIR_DOMAIN_START_PAUSED));
  if (!handle) fail("start " + name);
  return handle;
}

/// Keeps QEMU's main thread, and with it the threads that read and write its files, on one processor: going back to a
/// saved state hands over between them some thousand times, which takes twice as long across processors. The thread
/// that runs the guest is free to go where there is room.
void LibvirtHypervisor::pin_emulator(const core::Domain& domain, virDomainPtr handle) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) == 0) return;
  // The hosts of a prefix go back together: side by side, as far as there are processors, and beside other prefixes.
  const std::set<std::string>& hosts = templates_.hosts();
  auto turn = static_cast<std::size_t>(std::distance(hosts.begin(), hosts.find(domain.host.value)));
  {
    const std::lock_guard lock(mutex_);
    turn += hosts.size() * turns_.emplace(domain.prefix, turns_.size()).first->second;
  }
  turn %= static_cast<std::size_t>(CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || turn-- > 0) continue;
    std::vector<unsigned char> map(static_cast<std::size_t>(cpu) / 8 + 1);
    map.back() = static_cast<unsigned char>(1U << (static_cast<unsigned>(cpu) % 8));
    // A remote or restricted libvirt may refuse; then it is only slower.
    if (virDomainPinEmulator(handle, map.data(), static_cast<int>(map.size()), VIR_DOMAIN_AFFECT_LIVE) < 0)
      virResetLastError();
    return;
  }
}

void LibvirtHypervisor::set_modest(const Twin& twin, bool modest) {
  constexpr int niceness = 5;
  set_niceness(options_.state_dir / "libvirt/run/qemu" / (twin.name() + ".pid"), modest ? niceness : 0);
}

void LibvirtHypervisor::power_off(const Twin& twin) {
  if (const DomainHandle handle = find_ours(twin.name(), false)) switch_off(handle.get());
  store_.clear_live(twin.name());
}

void LibvirtHypervisor::destroy(const core::Domain& domain) {
  // Side by side: libvirt waits a fifth of a second for each.
  std::future<void> second;
  if (embedded()) second = std::async(std::launch::async, [&] { power_off({domain, true}); });
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
  return {embedded() ? "qemu:///embed" : options_.uri, options_.with.type == "kvm" ? "kvm" : "emulated"};
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
  self->jobs_->domain_ended(name);
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
    pugi::xml_document document;
    document.load_string(templates_.render(twin_of(name).domain, options_.with, {}).c_str());
    return std::string_view(document.child("domain").child("on_crash").text().get()) == "preserve";
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
    if (live(domain).name() == name) options_.lost(domain, end);
  } catch (const InputError&) {
    // Not a domain of ours.
  }
}

}  // namespace kvmtest::libvirt
