#include "libvirt/snapshots.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <xxhash.h>
#include <nlohmann/json.hpp>

#include "libvirt/bridges.h"
#include "libvirt/domain_calls.h"
#include "libvirt/images.h"
#include "libvirt/shape.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;
using nlohmann::json;
using namespace std::chrono_literals;

// Part of the states' names: what an older kvmtest kept is of no use to one that does it otherwise.
constexpr const char* format = "kvmtest saved state 4";
constexpr const char* node = "kvmtest-memory";
constexpr const char* tag = "clean";
// A guest of many GiB on a slow disk may take its time; a QEMU that hangs must not hold a slot for ever.
constexpr auto job_limit = 120s;

/// It passed its checksums, and still QEMU cannot use it.
class UnusableState : public HostFault {
 public:
  using HostFault::HostFault;
};

void attach_memory(virDomainPtr domain, const fs::path& file) {
  qmp(domain, "blockdev-add",
      {{"driver", "qcow2"}, {"node-name", node}, {"file", {{"driver", "file"}, {"filename", file.string()}}}});
}

bool is_copy(const std::vector<LiveFile>& files, const std::string& file) {
  return std::any_of(files.begin(), files.end(),
                     [&](const LiveFile& each) { return each.kind == LiveFile::Kind::copy && each.file == file; });
}

/// The nodes whose state belongs to the guest's: the memory's and the writable disks'. Firmware's variables are in the
/// machine's memory (libvirt/firmware.cpp).
json nodes_of(virDomainPtr domain, const std::vector<LiveFile>& files) {
  json nodes{node};
  for (const json& block : qmp(domain, "query-block")) {
    const json inserted = block.value("inserted", json::object());
    if (inserted.empty() || inserted.value("ro", true) || is_copy(files, inserted.value("file", ""))) continue;
    if (inserted.value("drv", "") != "qcow2")
      throw HostFault(fmt::format("{}: disk {} cannot hold a saved state: it is {}, not qcow2",
                                  virDomainGetName(domain), block.value("qdev", block.value("device", "")),
                                  inserted.value("drv", "of no format")));
    nodes.push_back(inserted.at("node-name"));
  }
  return nodes;
}

/// QEMU stops the domain for it, and lets it go on when it was running before.
void go_back(Jobs& jobs, virDomainPtr domain, const json& nodes) {
  jobs.run(domain, "snapshot-load", {{"tag", tag}, {"vmstate", node}, {"devices", nodes}}, job_limit);
}

std::string name_of_processor() {
  std::ifstream in("/proc/cpuinfo");
  std::string all;
  for (std::string line; std::getline(in, line) && !line.empty();)
    if (line.starts_with("model name") || line.starts_with("flags") || line.starts_with("microcode"))
      all += line + '\n';
  return all;
}

/// Waits until the guest has nothing more to do after its boot, within reason: it would do the rest of it again after
/// each reset. Idle is a tenth of one processor's time, in two looks in a row.
void settle(virDomainPtr domain) {
  using Clock = std::chrono::steady_clock;
  constexpr auto look = 100ms;
  constexpr auto patience = 5s;
  const auto used = [&] {
    virDomainInfo info{};
    check(virDomainGetInfo(domain, &info), "processor time of a domain");
    return std::chrono::nanoseconds(info.cpuTime);
  };
  const auto end = Clock::now() + patience;
  auto before = used();
  for (int quiet = 0; quiet < 2 && Clock::now() < end;) {
    const auto start = Clock::now();
    std::this_thread::sleep_for(look);
    const auto now = used();
    quiet = (now - before) * 10 < Clock::now() - start ? quiet + 1 : 0;
    before = now;
  }
}

}  // namespace

QemuSnapshots::QemuSnapshots(LibvirtHypervisor& hypervisor, StateStore& store, std::string login)
    : hypervisor_(hypervisor), store_(store), login_(std::move(login)) {
  unsigned long qemu = 0;
  unsigned long library = 0;
  check(virConnectGetVersion(hypervisor.connection().get(), &qemu), "QEMU's version");
  check(virConnectGetLibVersion(hypervisor.connection().get(), &library), "libvirt's version");
  versions_ = fmt::format("{}\nQEMU {}, libvirt {}\n{}", format, qemu, library, name_of_processor());
}

std::string QemuSnapshots::shape(const core::Domain& domain) {
  return versions_ + login_ + '\n' +
         shape_of(hypervisor_.definitions().described(domain), hypervisor_.live_files({domain, false}),
                  !hypervisor_.connection().embedded());
}

core::StateId QemuSnapshots::state_of(const core::Domain& domain) {
  const std::string all = shape(domain);
  const XXH128_hash_t digest = XXH3_128bits(all.data(), all.size());
  return core::StateId{fmt::format("{:016x}{:016x}", digest.high64, digest.low64)};
}

json QemuSnapshots::try_to_save(const core::Domain& domain, virDomainPtr handle, bool spilled) {
  virDomainInfo info{};
  check(virDomainGetInfo(handle, &info), "memory of " + domain.name());
  const fs::path file = store_.live_memory(hypervisor_.live(domain).name(), std::uint64_t{info.maxMem} << 10U, spilled);
  make_memory_image(file);
  attach_memory(handle, file);
  try {
    json nodes = nodes_of(handle, hypervisor_.live_files(hypervisor_.live(domain)));
    hypervisor_.jobs().run(handle, "snapshot-save", {{"tag", tag}, {"vmstate", node}, {"devices", nodes}}, job_limit);
    // Closed and opened again: so all of it is in the file.
    qmp(handle, "blockdev-del", {{"node-name", node}});
    attach_memory(handle, file);
    return nodes;
  } catch (const HostFault&) {
    try {
      qmp(handle, "blockdev-del", {{"node-name", node}});
    } catch (const HostFault&) {
      // QEMU is gone, or the node never came to be: the first error says more.
    }
    std::error_code error;
    fs::remove(file, error);
    throw;
  }
}

/// What of a domain's live files makes up its state.
std::vector<fs::path> QemuSnapshots::files_to_keep(const Twin& twin) {
  const std::vector<LiveFile> live = hypervisor_.live_files(twin);
  std::vector<fs::path> files;
  for (const auto& root : {store_.options().ram, store_.options().directory}) {
    std::error_code error;
    if (root.empty()) continue;
    for (const auto& entry : fs::directory_iterator(root / "live" / twin.name(), error)) {
      const bool output = std::any_of(live.begin(), live.end(), [&](const LiveFile& each) {
        return each.kind == LiveFile::Kind::output && each.file == entry.path();
      });
      if (!output) files.push_back(entry.path());
    }
  }
  return files;
}

void QemuSnapshots::save(const core::Domain& domain, const core::StateId& state, const std::string& note) {
  const Twin twin = hypervisor_.live(domain);
  const DomainHandle handle = hypervisor_.find(twin);
  // The state that is saved shall be the one that has the name: an image may have changed while the domain booted.
  if (state_of(domain) != state) throw HostFault(domain.name() + ": the guest's files changed while it was booted");
  settle(handle.get());
  hypervisor_.hold(twin);
  qmp(handle.get(), "stop");
  json nodes;
  try {
    try {
      nodes = try_to_save(domain, handle.get(), false);
    } catch (const HostFault&) {
      nodes = try_to_save(domain, handle.get(), true);  // RAM may be full after all; a second reason is the one to tell
    }
    // Stopped once more: what the disks still had to write is in their files.
    qmp(handle.get(), "stop");
    const std::vector<fs::path> files = files_to_keep(twin);
    store_.keep(state, domain.name(), shape(domain), note, files);
  } catch (const HostFault&) {
    try {
      qmp(handle.get(), "cont");
      hypervisor_.let_go(twin);
    } catch (const HostFault&) {
      // QEMU is gone; whoever uses the domain will see.
    }
    throw;
  }
  qmp(handle.get(), "cont");
  hypervisor_.let_go(twin);
  Saved saved{hypervisor_.id_of(twin), state, note, std::move(nodes), links_of_running(handle.get())};
  saved.booted = has_kernel(hypervisor_.definitions().described(domain));
  const std::lock_guard lock(mutex_);
  saved_[twin.name()] = std::move(saved);
}

/// What the running QEMU of that twin can go back to.
std::optional<QemuSnapshots::Saved> QemuSnapshots::saved(const Twin& twin) {
  const int id = hypervisor_.id_of(twin);
  const std::lock_guard lock(mutex_);
  const auto found = saved_.find(twin.name());
  return id < 0 || found == saved_.end() || found->second.id != id ? std::nullopt : std::optional(found->second);
}

void QemuSnapshots::change(const Twin& twin, const std::function<void(Saved&)>& change) {
  const std::lock_guard lock(mutex_);
  if (const auto found = saved_.find(twin.name()); found != saved_.end()) change(found->second);
}

bool QemuSnapshots::better_restored(const core::Domain& domain) {
  const auto held = saved(hypervisor_.live(domain));
  // One that was started again holds nothing it could go back to.
  return !held || held->booted;
}

std::string QemuSnapshots::load(const core::Domain& domain) { return load(hypervisor_.live(domain), true); }

std::string QemuSnapshots::load(const Twin& twin, bool on_network) {
  const DomainHandle handle = hypervisor_.find(twin);
  const auto held = saved(twin);
  if (!held) throw HostFault(twin.name() + " holds no saved state");
  hypervisor_.hold(twin);
  go_back(hypervisor_.jobs(), handle.get(), held->nodes);
  change(twin, [](Saved& s) { s.halted = false; });
  if (held->halted) {
    if (on_network) set_links(held->links, true);
    qmp(handle.get(), "cont");
  }
  hypervisor_.let_go(twin);
  return held->note;
}

engine::Snapshots::Restored QemuSnapshots::restore(const core::Domain& domain, const core::StateId& state) {
  try {
    return restore(hypervisor_.live(domain), state, LibvirtHypervisor::Start::saved);
  } catch (const UnusableState&) {
    store_.drop(state);
    throw;
  }
}

engine::Snapshots::Restored QemuSnapshots::restore(const Twin& twin, const core::StateId& state,
                                                   LibvirtHypervisor::Start how) {
  const std::string name = twin.name();
  if (state_of(twin.domain) != state) throw HostFault(name + ": the guest's files changed since its state was saved");
  store_.clear_live(name);
  std::map<std::string, fs::path> to;
  const std::vector<LiveFile> files = hypervisor_.live_files(twin);
  for (const LiveFile& file : files)
    if (file.kind != LiveFile::Kind::output) to[file.file.filename()] = file.file;
  if (!files.empty()) fs::create_directories(store_.live_disks_of(name));
  const fs::path memory = store_.live_memory(name, store_.bytes_of(state));
  to[memory.filename()] = memory;
  Restored restored;
  restored.note = store_.take(state, to);
  restored.console = hypervisor_.start_paused(twin, how);
  const DomainHandle handle = hypervisor_.find(twin);
  try {
    attach_memory(handle.get(), memory);
    const auto start = std::chrono::steady_clock::now();
    json nodes = nodes_of(handle.get(), files);
    go_back(hypervisor_.jobs(), handle.get(), nodes);
    qmp(handle.get(), "cont");
    hypervisor_.let_go(twin);
    restored.load = std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now() - start);
    Saved saved{hypervisor_.id_of(twin), state, restored.note, std::move(nodes), links_of_running(handle.get())};
    const std::lock_guard lock(mutex_);
    saved_[name] = std::move(saved);
  } catch (const HostFault& fault) {
    throw UnusableState(fault.what());
  }
  return restored;
}

void QemuSnapshots::pause(const core::Domain& domain) { silence(hypervisor_.live(domain)); }

/// Stops its processor and takes its network away.
void QemuSnapshots::silence(const Twin& twin) {
  change(twin, [](Saved& s) { s.halted = true; });
  const DomainHandle handle = hypervisor_.find(twin);
  hypervisor_.hold(twin);
  qmp(handle.get(), "stop");
  const auto held = saved(twin);
  set_links(held ? held->links : links_of_running(handle.get()), false);
}

}  // namespace kvmtest::libvirt
