#include "libvirt/accelerator.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/open_directory.h"
#include "core/input_error.h"
#include "libvirt/definitions.h"

namespace kvmtest::libvirt {
namespace {

using namespace std::chrono_literals;
constexpr auto proof_limit = 4s;

/// What the answer depends on: kernel, QEMU, and who may open /dev/kvm.
std::string circumstances(virConnectPtr connect) {
  unsigned long qemu = 0;
  if (virConnectGetVersion(connect, &qemu) < 0) qemu = 0;
  utsname system{};
  uname(&system);
  struct stat kvm {};
  const bool there = stat("/dev/kvm", &kvm) == 0;
  return fmt::format("{} qemu {} kvm {} {:o} {} {} as {}", system.release, qemu, there, kvm.st_mode, kvm.st_uid,
                     kvm.st_gid, geteuid());
}

/// Whether a guest under KVM gives a sign of life in time.
bool prove_kvm(const Connection& connection, const StateStore& store, const Definitions& with_kvm,
               const std::function<void(const std::string&)>& notice) {
  const Templates& templates = with_kvm.templates();
  const std::string name = fmt::format("kvmtest-probe-{}", getpid());
  std::vector<LiveFile> files;
  const std::string xml = with_kvm.alone(templates.sample(*templates.hosts().begin()), name, files);
  for (const LiveFile& file : files) make_live_file(file);
  const DomainHandle probe(virDomainCreateXML(connection.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
  if (!probe) {
    notice("accelerator: libvirt starts no guest under KVM: " + last_error());
    return false;
  }
  bool works = false;
  try {
    const auto console = connection.open_console(probe.get());
    check(virDomainResume(probe.get()), "resume");
    works = !console->read(std::chrono::steady_clock::now() + proof_limit).empty();
  } catch (const std::runtime_error&) {
    works = false;  // QEMU gave up: that is an answer, too
  }
  if (virDomainDestroy(probe.get()) < 0) virResetLastError();
  std::error_code ignored;
  std::filesystem::remove_all(store.live_disks_of(name), ignored);
  return works;
}

}  // namespace

std::string decide_accelerator(Acceleration wanted, const Connection& connection, const StateStore& store,
                               const Templates& templates, Substitutions with,
                               const std::function<void(const std::string&)>& notice) {
  if (wanted == Acceleration::emulated) return "qemu";
  const bool closed = connection.embedded() && access("/dev/kvm", R_OK | W_OK) != 0;
  if (wanted == Acceleration::kvm) {
    if (closed) throw core::InputError("accelerator: kvm is asked for, but /dev/kvm cannot be opened");
    return "kvm";
  }
  if (closed) {
    notice("accelerator: emulated (no /dev/kvm that we may open)");
    return "qemu";
  }
  const auto state = base::OpenDirectory::made(connection.state_dir());
  const auto cache = connection.state_dir().accelerator().filename();
  const std::string now = circumstances(connection.get()) + " " + connection.uri();
  constexpr std::size_t longest = 65536;
  const auto contents = state.read(cache, longest);
  const auto known = nlohmann::json::parse(contents ? contents->bytes : "", nullptr, false);
  if (known.is_object() && known.value("circumstances", "") == now) {
    const bool worked = known.value("kvm", false);
    notice(fmt::format("accelerator: {} (as proved before)", worked ? "kvm" : "emulated"));
    return worked ? "kvm" : "qemu";
  }
  with.type = "kvm";
  const bool works = prove_kvm(connection, store, Definitions(connection, store, templates, std::move(with)), notice);
  state.write(cache, nlohmann::json{{"circumstances", now}, {"kvm", works}}.dump() + "\n");
  notice(works ? "accelerator: kvm (a guest ran in it)"
               : fmt::format("accelerator: emulated (KVM is there, but a guest printed nothing in {} s of it)",
                             proof_limit.count()));
  return works ? "kvm" : "qemu";
}

}  // namespace kvmtest::libvirt
