// Which accelerator domains get. KVM is believed only when it has been seen to run a guest: there are machines where
// /dev/kvm opens, answers and creates a virtual machine that never executes an instruction.

#include <chrono>
#include <fstream>

#include <fmt/format.h>
#include <libvirt/virterror.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "core/input_error.h"
#include "libvirt/console_stream.h"
#include "libvirt/hypervisor.h"
#include "libvirt/live_files.h"

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

}  // namespace

void LibvirtHypervisor::decide_accelerator() {
  options_.with.type = "qemu";
  if (options_.acceleration == Acceleration::emulated) return;
  if (options_.acceleration == Acceleration::kvm) {
    if (embedded() && access("/dev/kvm", R_OK | W_OK) != 0)
      throw core::InputError("accelerator: kvm is asked for, but /dev/kvm cannot be opened");
    options_.with.type = "kvm";
    return;
  }
  if (embedded() && access("/dev/kvm", R_OK | W_OK) != 0) {
    options_.notice("accelerator: emulated (no /dev/kvm that we may open)");
    return;
  }
  const auto cache = options_.state_dir / "accelerator.json";
  const std::string now = circumstances(connect_.get()) + " " + options_.uri;
  std::ifstream in(cache);
  auto known = nlohmann::json::parse(in, nullptr, false);
  if (known.is_object() && known.value("circumstances", "") == now) {
    if (known.value("kvm", false)) options_.with.type = "kvm";
    options_.notice(fmt::format("accelerator: {} (as proved before)", describe().accelerator));
    return;
  }
  const bool works = prove_kvm();
  if (works) options_.with.type = "kvm";
  std::ofstream(cache) << nlohmann::json{{"circumstances", now}, {"kvm", works}} << '\n';
  options_.notice(works ? "accelerator: kvm (a guest ran in it)"
                        : fmt::format("accelerator: emulated (KVM is there, but a guest printed nothing in {} s of it)",
                                      proof_limit.count()));
}

/// Whether a guest under KVM gives a sign of life in time.
bool LibvirtHypervisor::prove_kvm() {
  Substitutions with = options_.with;
  with.type = "kvm";
  const core::Domain domain = templates_.sample(*templates_.hosts().begin());
  const std::string name = fmt::format("kvmtest-probe-{}", getpid());
  const auto disks = store_.live_disks_of(name);
  std::vector<LiveFile> files;
  std::string xml = with_own_files(Templates::alone(templates_.render(domain, with, {}), name), domain, name, files);
  if (embedded()) xml = with_console(xml, name);
  for (const LiveFile& file : files) make_live_file(file);
  const DomainHandle probe(virDomainCreateXML(connect_.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED));
  if (!probe) {
    options_.notice("accelerator: libvirt starts no guest under KVM: " + last_error());
    return false;
  }
  bool works = false;
  try {
    const auto console = open_console(probe.get());
    check(virDomainResume(probe.get()), "resume");
    works = !console->read(std::chrono::steady_clock::now() + proof_limit).empty();
  } catch (const std::runtime_error&) {
    works = false;  // QEMU gave up: that is an answer, too
  }
  if (virDomainDestroy(probe.get()) < 0) virResetLastError();
  std::error_code ignored;
  std::filesystem::remove_all(disks, ignored);
  return works;
}

}  // namespace kvmtest::libvirt
