#include "libvirt/twins.h"

#include <utility>

namespace kvmtest::libvirt {

std::string name_of(const core::Domain& domain, Twin twin) {
  return domain.name() + (twin == Twin::second ? "+2" : "");
}

// ---- which is which ----

Twin Twins::on_network() {
  const base::Lock lock(mutex_);
  return on_network_;
}

void Twins::exchange() {
  const base::Lock lock(mutex_);
  on_network_ = other(on_network_);
}

void Twins::first_on_network() {
  const base::Lock lock(mutex_);
  on_network_ = Twin::first;
}

// ---- from a start to an end ----

void Twins::starting(Twin twin) {
  const base::Lock lock(mutex_);
  Record& record = of(twin);
  record.held = true;
  record.end.reset();
  record.reason.reset();
}

void Twins::opened(Twin twin, Closer close_console) {
  const base::Lock lock(mutex_);
  of(twin).close_console = std::move(close_console);
}

bool Twins::started(Twin twin) {
  const base::Lock lock(mutex_);
  return of(twin).close_console != nullptr;
}

void Twins::ending(Twin twin, const std::string& reason) {
  const base::Lock lock(mutex_);
  if (!of(twin).reason) of(twin).reason = reason;
}

std::string Twins::reason(Twin twin) {
  const base::Lock lock(mutex_);
  return of(twin).reason.value_or("");
}

std::optional<Twins::Closer> Twins::ended(Twin twin, const engine::End& end) {
  const base::Lock lock(mutex_);
  Record& record = of(twin);
  if (record.end) return std::nullopt;
  record.end = end;
  ended_.notify_all();
  return record.close_console;
}

std::optional<engine::End> Twins::wait_for_end(Twin twin, std::chrono::milliseconds patience) {
  base::Lock lock(mutex_);
  ended_.wait_for(lock, patience, [&]() REQUIRES(mutex_) { return of(twin).end.has_value(); });
  return of(twin).end;
}

// ---- standing still ----

void Twins::hold(Twin twin) {
  const base::Lock lock(mutex_);
  of(twin).held = true;
}

void Twins::let_go(Twin twin) {
  const base::Lock lock(mutex_);
  of(twin).held = false;
  of(twin).disk_error = {};
}

bool Twins::held(Twin twin) {
  const base::Lock lock(mutex_);
  return of(twin).held;
}

void Twins::disk_failed(Twin twin, const DiskError& error) {
  const base::Lock lock(mutex_);
  of(twin).disk_error = error;
}

DiskError Twins::disk_error(Twin twin) {
  const base::Lock lock(mutex_);
  return of(twin).disk_error;
}

// ---- what it can go back to ----

void Twins::set_saved(Twin twin, Saved saved) {
  const base::Lock lock(mutex_);
  of(twin).saved = std::move(saved);
}

std::optional<Saved> Twins::saved(Twin twin, int id) {
  const base::Lock lock(mutex_);
  const auto& saved = of(twin).saved;
  return id < 0 || !saved || saved->id != id ? std::nullopt : saved;
}

void Twins::set_halted(Twin twin, bool halted) {
  const base::Lock lock(mutex_);
  if (auto& saved = of(twin).saved) saved->halted = halted;
}

void Twins::forget_saved(Twin twin) {
  const base::Lock lock(mutex_);
  of(twin).saved.reset();
}

}  // namespace kvmtest::libvirt
