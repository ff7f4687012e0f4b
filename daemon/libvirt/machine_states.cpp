// Saved states and spares of one domain. Starting and ending: libvirt/machine.cpp.

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "libvirt/bridges.h"
#include "libvirt/domain_calls.h"
#include "libvirt/images.h"
#include "libvirt/internal_snapshot.h"
#include "libvirt/machine.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// It passed its checksums, and still QEMU cannot use it.
class UnusableState : public HostFault {
 public:
  using HostFault::HostFault;
};

core::Duration since(Clock::time_point start) {
  return std::chrono::duration_cast<core::Duration>(Clock::now() - start);
}

}  // namespace

/// What the running QEMU can go back to.
std::optional<Saved> Machine::saved(Twin twin) { return twins_.saved(twin, environment_.connection.id_of(name(twin))); }

void Machine::go_on(Twin twin, virDomainPtr handle) {
  environment_.monitor.ask(handle, "cont");
  twins_.let_go(twin);
}

// ---- saving ----

void Machine::save(const core::SavedStateId& state, const std::string& note) {
  const Twin twin = twins_.on_network();
  const DomainHandle handle = find(twin);
  // The state that is saved shall be the one that has the name: an image may have changed while the domain booted.
  const std::string inputs = environment_.names.inputs_of(domain_);
  if (StateNames::state_from(inputs) != state)
    throw HostFault(domain_.name() + ": the guest's files changed while it was booted");
  const std::vector<LiveFile> files = live_files(twin);
  settle(handle.get());
  twins_.hold(twin);
  environment_.monitor.ask(handle.get(), "stop");
  json nodes;
  try {
    nodes = save_stopped(twin, handle.get(), files);
    environment_.store.keep(state, domain_.name(), inputs, note, files_to_keep(twin, files));
  } catch (const HostFault&) {
    try {
      go_on(twin, handle.get());
    } catch (const HostFault&) {
      // QEMU is gone; whoever uses the domain will see.
    }
    throw;
  }
  go_on(twin, handle.get());
  Saved saved{environment_.connection.id_of(name(twin)), state, note, std::move(nodes), links_of_running(handle.get())};
  saved.booted = domains::has_kernel(environment_.definitions.described(domain_));
  twins_.set_saved(twin, std::move(saved));
}

/// Of one that is stopped, and stays so.
json Machine::save_stopped(Twin twin, virDomainPtr handle, const std::vector<LiveFile>& files) {
  json nodes;
  try {
    nodes = save_memory(twin, handle, files, false);
  } catch (const HostFault&) {
    nodes = save_memory(twin, handle, files, true);  // RAM may be full after all; a second reason is the one to tell
  }
  // Stopped once more: what the disks still had to write is in their files.
  environment_.monitor.ask(handle, "stop");
  return nodes;
}

json Machine::save_memory(Twin twin, virDomainPtr handle, const std::vector<LiveFile>& files, bool spilled) {
  virDomainInfo info{};
  check(virDomainGetInfo(handle, &info), "memory of " + domain_.name());
  const fs::path file = environment_.store.live_memory(name(twin), std::uint64_t{info.maxMem} << 10U, spilled);
  make_memory_image(file);
  if (const auto user = environment_.definitions.user_of(domain_)) give(file, *user);
  return save_state(environment_.monitor, handle, file, files);
}

/// What of its live files makes up its state.
std::vector<fs::path> Machine::files_to_keep(Twin twin, const std::vector<LiveFile>& files) const {
  std::vector<fs::path> kept = environment_.store.live_files_of(name(twin));
  std::erase_if(kept, [&](const fs::path& file) {
    return std::any_of(files.begin(), files.end(),
                       [&](const LiveFile& each) { return each.kind == LiveFile::Kind::output && each.file == file; });
  });
  return kept;
}

// ---- going back ----

bool Machine::better_restored() {
  const auto held = saved(twins_.on_network());
  // One that was started again holds nothing it could go back to.
  return !held || held->booted;
}

std::string Machine::load() { return load(twins_.on_network(), true); }

std::string Machine::load(Twin twin, bool on_network) {
  const DomainHandle handle = find(twin);
  const auto held = saved(twin);
  if (!held) throw HostFault(name(twin) + " holds no saved state");
  twins_.hold(twin);
  load_state(environment_.monitor, handle.get(), held->nodes);
  twins_.set_halted(twin, false);
  if (held->halted) {
    if (on_network) {
      const auto here = among_networks();
      set_links(held->links, true);
    }
    environment_.monitor.ask(handle.get(), "cont");
  }
  twins_.let_go(twin);
  return held->note;
}

Machine::Restored Machine::restore(const core::SavedStateId& state) {
  try {
    return restore(twins_.on_network(), state, Start::saved);
  } catch (const UnusableState&) {
    environment_.store.drop(state);
    throw;
  }
}

Machine::Restored Machine::restore(Twin twin, const core::SavedStateId& state, Start how) {
  StateStore& store = environment_.store;
  if (environment_.names.state_of(domain_) != state)
    throw HostFault(name(twin) + ": the guest's files changed since its state was saved");
  store.clear_live(name(twin));
  std::map<std::string, fs::path> to;
  const std::vector<LiveFile> files = live_files(twin);
  for (const LiveFile& file : files)
    if (file.kind != LiveFile::Kind::output) to[file.file.filename()] = file.file;
  if (!files.empty()) fs::create_directories(store.live_disks_of(name(twin)));
  const fs::path memory = store.live_memory(name(twin), store.bytes_of(state));
  to[memory.filename()] = memory;
  Restored restored;
  restored.note = store.take(state, to);
  if (const auto user = environment_.definitions.user_of(domain_))
    for (const auto& [kept, file] : to) give(file, *user);
  restored.console = start_paused(twin, how);
  const DomainHandle handle = find(twin);
  try {
    attach_memory(environment_.monitor, handle.get(), memory);
    const auto start = Clock::now();
    json nodes = nodes_of(environment_.monitor, handle.get(), files);
    load_state(environment_.monitor, handle.get(), nodes);
    go_on(twin, handle.get());
    restored.load = since(start);
    twins_.set_saved(twin, {environment_.connection.id_of(name(twin)), state, restored.note, std::move(nodes),
                            links_of_running(handle.get())});
  } catch (const HostFault& fault) {
    throw UnusableState(fault.what());
  }
  return restored;
}

void Machine::pause() { silence(twins_.on_network()); }

/// Stops its processor and takes its network away.
void Machine::silence(Twin twin) {
  twins_.set_halted(twin, true);
  const DomainHandle handle = find(twin);
  twins_.hold(twin);
  environment_.monitor.ask(handle.get(), "stop");
  const auto held = saved(twin);
  const auto here = among_networks();
  set_links(held ? held->links : links_of_running(handle.get()), false);
}

// ---- the spare ----

Machine::Restored Machine::take_back(const core::SavedStateId& state, bool at_rest) {
  const Twin twin = twins_.spare();
  // See better_restored for one that has booted.
  if (const auto held = saved(twin); at_rest && held && held->state == state && !held->booted) {
    const auto start = Clock::now();
    Restored restored;
    set_modest(twin, true);
    restored.note = load(twin, false);
    restored.load = since(start);
    return restored;
  }
  discard();
  return restore(twin, state, Start::saved_and_apart);
}

void Machine::hurry() { set_modest(twins_.spare(), false); }

void Machine::halt() {
  const Twin twin = twins_.spare();
  twins_.set_halted(twin, true);
  twins_.hold(twin);
  environment_.monitor.ask(find(twin).get(), "stop");
}

void Machine::swap() {
  const Twin before = twins_.on_network();
  const Twin after = other(before);
  const auto ready = saved(after);
  if (!ready || !ready->halted) throw HostFault(domain_.name() + " has no spare that waits");
  // Never both at once. It may have ended meanwhile.
  if (is_on(before)) silence(before);
  set_modest(after, false);
  const auto here = among_networks();
  set_links(ready->links, true);
  go_on(after, find(after).get());
  twins_.set_halted(after, false);
  twins_.exchange();
}

void Machine::discard() {
  const Twin twin = twins_.spare();
  twins_.forget_saved(twin);
  power_off(twin);
}

}  // namespace kvmtest::libvirt
