// Starting and ending. Saved states and spares: libvirt/machine_states.cpp.

#include "libvirt/machine.h"

#include <array>
#include <chrono>
#include <fstream>

#include "base/side_by_side.h"
#include "libvirt/bridges.h"
#include "libvirt/domain_calls.h"
#include "libvirt/ending.h"
#include "libvirt/niceness.h"

namespace kvmtest::libvirt {

using engine::End;
using engine::HostFault;
using namespace std::chrono_literals;

constexpr auto end_patience = 3s;  // for libvirt to tell of an end

std::vector<LiveFile> Machine::live_files(Twin twin) const {
  return environment_.definitions.live_files(domain_, name(twin));
}

// ---- engine::Hypervisor's verbs ----

std::unique_ptr<console::Stream> Machine::start() {
  twins_.first_on_network();
  auto stream = start_paused(Twin::first, Start::cold);
  resume(Twin::first);
  return stream;
}

std::unique_ptr<console::Stream> Machine::start_again() {
  const Twin twin = twins_.on_network();
  if (const DomainHandle handle = environment_.connection.find_if_any(name(twin))) switch_off(handle.get());
  // Its end is told late, and must not be taken for that of the next one.
  twins_.wait_for_end(twin, end_patience);
  auto stream = start_paused(twin, Start::again);
  resume(twin);
  return stream;
}

void Machine::destroy() {
  // Libvirt waits a fifth of a second for each.
  std::vector<Twin> both{Twin::first};
  if (environment_.connection.embedded()) both.insert(both.begin(), Twin::second);
  base::side_by_side(both, [this](Twin twin) { power_off(twin); });
  twins_.first_on_network();
}

End Machine::how_it_ended() {
  // The console closes a little before libvirt has understood why.
  const auto end = twins_.wait_for_end(twins_.on_network(), end_patience);
  return end.value_or(End{core::Fault::host, "the console closed while the domain was running"});
}

// ---- starting and ending one of the two ----

/// Starts one that is off, stopped before its first instruction, with its console open.
std::unique_ptr<console::Stream> Machine::start_paused(Twin twin, Start how) {
  if (how == Start::cold) {
    environment_.store.clear_live(name(twin));
    for (const LiveFile& file : live_files(twin)) make_live_file(file);
  }
  twins_.starting(twin);
  // Paused until somebody listens, so that the console's first bytes are not lost.
  const DomainHandle handle = create(twin, how);
  try {
    if (how == Start::saved_and_apart) {
      const auto here = among_networks();
      set_modest(twin, true);
      attach_down(links_of_running(handle.get()), domains::bridges_of(environment_.definitions.described(domain_)));
    }
    environment_.processors.pin(domain_, handle.get());
    auto console = environment_.connection.open_console(handle.get());
    twins_.opened(twin, console->closer());
    return console;
  } catch (const HostFault&) {
    switch_off(handle.get());
    throw;
  }
}

/// Libvirt makes the host's ends of its cards, and its QEMU, on the calling thread.
DomainHandle Machine::create(Twin twin, Start how) {
  const auto here = among_networks();
  const auto wait = environment_.monitor.expect_start(name(twin));
  const Definitions& definitions = environment_.definitions;
  if (how == Start::saved) return create_from(twin, Templates::without_kernel(xml_of(find(twin).get())));
  if (how == Start::saved_and_apart) {
    // The first one is defined, and libvirt starts no other one of its name: its UUID has to be the same.
    std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
    if (twin == Twin::first) check(virDomainGetUUIDString(find(twin).get(), uuid.data()), "UUID of " + name(twin));
    return create_from(twin, definitions.apart(domain_, name(twin), uuid.data()));
  }
  // The second of a pair is of the embedded libvirt, and is not defined.
  if (twin == Twin::second) return create_from(twin, definitions.on_left_files(domain_, name(twin)));
  DomainHandle handle = find(twin);
  if (how == Start::cold && has_tpm(definitions.described(domain_))) handle = with_new_tpm(handle.get());
  check(virDomainCreateWithFlags(handle.get(), VIR_DOMAIN_START_PAUSED), "start " + name(twin));
  return handle;
}

DomainHandle Machine::create_from(Twin twin, const std::string& xml) {
  return DomainHandle(check(virDomainCreateXML(environment_.connection.get(), xml.c_str(), VIR_DOMAIN_START_PAUSED),
                            "start " + name(twin)));
}

void Machine::resume(Twin twin) {
  const DomainHandle handle = find(twin);
  const auto wait = environment_.monitor.expect_answer(name(twin), "resume");
  if (virDomainResume(handle.get()) == 0) {
    twins_.let_go(twin);
    return;
  }
  const std::string words = last_error();
  switch_off(handle.get());
  throw HostFault("resume " + name(twin) + ": " + words);
}

void Machine::freeze() {
  const Twin twin = twins_.on_network();
  const DomainHandle handle = find(twin);
  twins_.hold(twin);
  try {
    environment_.monitor.ask(handle.get(), "stop");
  } catch (const HostFault&) {
    twins_.let_go(twin);
    throw;
  }
}

void Machine::thaw() {
  const Twin twin = twins_.on_network();
  go_on(twin, find(twin).get());
}

process::ProcessorReading Machine::processors() {
  const Twin twin = twins_.on_network();
  const base::Lock lock(gauge_mutex_);
  process::ProcessorGauge& gauge = gauges_[twin == Twin::first ? 0 : 1];
  if (auto reading = gauge.read(); reading.process != 0) return reading;
  pid_t qemu = 0;
  std::ifstream(environment_.connection.pid_file(name(twin))) >> qemu;
  gauge = process::ProcessorGauge(qemu);
  return gauge.read();
}

/// Whether it leaves the processor to others that want it, as far as this process may decide that.
void Machine::set_modest(Twin twin, bool modest) {
  constexpr int niceness = 5;
  set_niceness(environment_.connection.runtime_file(name(twin) + ".pid"), modest ? niceness : 0);
}

/// Takes its power away, and removes its live files.
void Machine::power_off(Twin twin) {
  if (const DomainHandle handle = environment_.connection.find_if_any(name(twin))) switch_off(handle.get());
  environment_.store.clear_live(name(twin));
}

// ---- what is told of them ----

void Machine::ended(Twin twin, int event, int detail) {
  Left left = Left::nothing;
  if (event == VIR_DOMAIN_EVENT_CRASHED && twins_.started(twin) && environment_.definitions.stays_after_crash(domain_))
    left = Left::all;
  if (event == VIR_DOMAIN_EVENT_STOPPED && detail == VIR_DOMAIN_EVENT_STOPPED_DESTROYED) left = Left::nothing_as_wanted;
  useless(twin, end_from(event, detail, twins_.reason(twin)), left);
}

void Machine::useless(Twin twin, const End& end, Left left) {
  const auto close_console = twins_.ended(twin, end);
  if (!close_console) return;
  // One that is still there does not close it, and whoever waits for a word of it would wait in vain.
  if (left == Left::all && *close_console) (*close_console)();
  // Nobody misses a spare: whoever wants it will see.
  if (left != Left::nothing_as_wanted && twins_.on_network() == twin) environment_.lost(domain_, end);
}

void Machine::disk_failed(Twin twin, const DiskError& error) {
  if (twins_.started(twin)) twins_.disk_failed(twin, error);
}

bool Machine::suspended(Twin twin, int detail) {
  if (!twins_.started(twin)) return false;
  if (const auto why = cause_of_stop(detail, twins_.disk_error(twin))) {
    useless(twin, {core::Fault::host, "the domain stands still: " + *why}, Left::all);
    return false;
  }
  return !twins_.held(twin);
}

void Machine::silent(Twin twin, const std::string& words) { useless(twin, {core::Fault::host, words}, Left::all); }

void Machine::look(Twin twin, virDomainPtr handle) {
  std::optional<std::string> why;
  try {
    why = cause_of_stop_now(environment_.monitor, handle, [&] { return twins_.disk_error(twin); });
  } catch (const HostFault&) {
    return;  // it has ended: that is told on its own
  }
  // Whoever holds it by now stopped it as well, and lets it go on.
  if (why && !twins_.held(twin)) useless(twin, {core::Fault::host, "the domain stands still: " + *why}, Left::all);
}

}  // namespace kvmtest::libvirt
