#include "libvirt/connection.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <unistd.h>

#include "base/open_directory.h"
#include "base/percent.h"
#include "core/input_error.h"
#include "domains/templates.h"
#include "engine/hypervisor.h"
#include "libvirt/bridges.h"
#include "libvirt/domain_calls.h"
#include "libvirt/leftovers.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using core::InputError;

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

void tell_destroyed(const std::function<void(const std::string&)>& tell, const std::string& name) {
  tell(fmt::format("{}: left running by an earlier daemon; destroyed", name));
}

/// Makes the embedded driver's root anew, and returns its URI.
std::string embedded_uri(const fs::path& root, const std::function<void(const std::string&)>& tell) {
  check_bridge_permission();
  if (root.string().size() > longest_root)
    throw InputError(
        fmt::format("the state directory {} is too deep for QEMU's sockets: its path may have at most {} "
                    "characters; set state_dir to a shorter one",
                    root.parent_path().string(), longest_root - std::string_view("/libvirt").size()));
  for (const std::string& name : end_embedded_leftovers(root)) tell_destroyed(tell, name);
  base::OpenDirectory::made(root.parent_path())
      .make(root.filename() / "etc")
      .write("qemu.conf", fmt::format(qemu_conf, geteuid(), getegid()));
  return "qemu:///embed?root=" + base::percent_encoded(root.string(), "/");
}

/// A QEMU that runs as another user finds its files by these.
void let_pass(const fs::path& root) {
  for (const char* directory : {"", "lib", "lib/qemu", "run", "run/qemu"}) {
    std::error_code error;
    fs::permissions(root / directory, fs::perms::group_exec | fs::perms::others_exec, fs::perm_options::add, error);
  }
}

std::vector<DomainHandle> all_domains(virConnectPtr connect) {
  virDomainPtr* raw = nullptr;
  const int count = check(virConnectListAllDomains(connect, &raw, 0), "list of domains");
  std::vector<DomainHandle> domains;
  for (int i = 0; i < count; ++i) domains.emplace_back(raw[i]);
  free(raw);  // NOLINT: libvirt allocates with malloc
  return domains;
}

}  // namespace

Connection::Connection(std::string uri, base::StateDirectory state_dir, fs::path root,
                       const std::function<void(const std::string&)>& tell)
    : uri_(std::move(uri)),
      state_dir_(std::move(state_dir)),
      root_(root.empty() ? state_dir_.libvirt() : std::move(root)) {
  loop_.emplace();
  // Errors are reported where they happen; libvirt's habit is to print each on standard error as well.
  virSetErrorFunc(nullptr, [](void*, virErrorPtr) {});
  const std::string full = embedded() ? embedded_uri(root_, tell) : uri_;
  connect_.reset(check(virConnectOpen(full.c_str()), "open " + full));
  if (embedded())
    let_pass(root_);
  else
    destroy_leftovers(tell);
}

Connection::~Connection() { end_events(); }

DomainHandle Connection::lookup(const std::string& name, bool to_replace) const {
  DomainHandle found(virDomainLookupByName(connect_.get(), name.c_str()));
  if (!found || embedded()) return found;
  const auto owner = domains::owner_from(xml_of(found.get()));
  if (owner && owner->state_dir == state_dir_) return found;
  if (owner && to_replace && uri_.find(":///") != std::string::npos && virDomainIsActive(found.get()) == 0)
    return found;
  throw InputError(fmt::format("domain {} exists and belongs to {}; choose another prefix", name,
                               owner ? owner->state_dir.string() : "something other than kvmtest"));
}

DomainHandle Connection::find_if_any(const std::string& name) const { return lookup(name, false); }

DomainHandle Connection::find_to_replace(const std::string& name) const { return lookup(name, true); }

DomainHandle Connection::find(const std::string& name) const {
  DomainHandle found = find_if_any(name);
  if (!found) fail("domain " + name);
  return found;
}

std::filesystem::path Connection::pid_file(const std::string& name) const {
  if (embedded()) return runtime_file(name + ".pid");
  // src/qemu/qemu_conf.c, virQEMUDriverConfigNew()
  return uri_ == "qemu:///system" ? std::filesystem::path("/run/libvirt/qemu") / (name + ".pid")
                                  : std::filesystem::path();
}

int Connection::id_of(const std::string& name) const {
  const DomainHandle handle(virDomainLookupByName(connect_.get(), name.c_str()));
  return handle ? static_cast<int>(virDomainGetID(handle.get())) : -1;
}

/// Of a libvirt that others use as well. One that cannot be destroyed keeps nobody from starting: whoever needs it is
/// told.
void Connection::destroy_leftovers(const std::function<void(const std::string&)>& tell) const {
  for (const DomainHandle& domain : all_domains(connect_.get())) {
    if (virDomainIsActive(domain.get()) != 1) continue;
    try {
      const auto owner = domains::owner_from(xml_of(domain.get()));
      if (!owner || owner->state_dir != state_dir_) continue;
      switch_off(domain.get());
      tell_destroyed(tell, virDomainGetName(domain.get()));
    } catch (const engine::HostFault& fault) {
      tell(fmt::format("left running by an earlier daemon: {}", fault.what()));
    }
  }
}

std::unique_ptr<ConsoleStream> Connection::open_console(virDomainPtr domain) const {
  if (embedded())
    if (const std::string socket = domains::Templates::console_socket(xml_of(domain)); !socket.empty())
      return std::make_unique<ConsoleStream>(socket);
  return std::make_unique<ConsoleStream>(connect_.get(), domain);
}

std::string Connection::path_of_volume(const std::string& pool, const std::string& volume) const {
  const PoolHandle found(check(virStoragePoolLookupByName(connect_.get(), pool.c_str()), "storage pool " + pool));
  const VolumeHandle image(check(virStorageVolLookupByName(found.get(), volume.c_str()), "volume " + volume));
  const Text path(check(virStorageVolGetPath(image.get()), "path of volume " + volume));
  return path.get();
}

}  // namespace kvmtest::libvirt
