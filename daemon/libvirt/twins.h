#pragma once
// What is known of a domain's two QEMUs, under one lock. It calls neither libvirt nor QEMU nor anybody else, so the
// lock is never held for long, and no other one is taken under it.
//
// Three words that are near each other: a core::Domain is a host of a prefix. For libvirt a domain is one QEMU. A Twin
// is one of the two QEMUs, libvirt's domains, that run a core::Domain by turns.

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "core/ids.h"
#include "core/model.h"
#include "engine/hypervisor.h"
#include "libvirt/stand_still.h"

namespace kvmtest::libvirt {

/// One of the two is on the network; the other, where there is one, is its spare (engine/spares.h). The first is
/// defined, and is what boots; the second exists while it runs.
enum class Twin { first, second };

constexpr Twin other(Twin twin) { return twin == Twin::first ? Twin::second : Twin::first; }

/// Libvirt's name of it. No domain of ours has the second's: a plus is in no prefix and in no host.
std::string name_of(const core::Domain& domain, Twin twin);

/// What a QEMU that runs can go back to.
struct Saved {
  int id = -1;  ///< of that QEMU, Connection::id_of
  core::SavedStateId state;
  std::string note;
  nlohmann::json nodes;            ///< of the block layer, that hold it
  std::vector<std::string> links;  ///< the host's ends of its network cards
  bool booted = false;             ///< in this QEMU, with a kernel of the host's
  bool halted = false;             ///< it must be told to go on
};

/// Any thread; each call is atomic.
class Twins {
 public:
  using Closer = std::function<void()>;

  // Which is which.

  Twin on_network();
  Twin spare() { return other(on_network()); }
  /// From now on the other one counts as the one on the network.
  void exchange();
  /// From now on the first one does.
  void first_on_network();

  // From a start to an end.

  /// It is about to be started, and stands still at first: how it ended the last time is forgotten.
  void starting(Twin twin);
  /// Its console is open, and can be closed so by any thread.
  void opened(Twin twin, Closer close_console);
  /// Whether this process has ever started it.
  bool started(Twin twin);
  /// QEMU's own word for why it is about to end (qapi/run-state.json, ShutdownCause). The first one counts.
  void ending(Twin twin, const std::string& reason);
  /// That word; empty: it told none since it was started.
  std::string reason(Twin twin);
  /// It ended, or is of no use any more. Returns how its console is closed, null where it was never open. Nothing: an
  /// end of it is known already, and that counts, for a crash is followed by the destruction.
  std::optional<Closer> ended(Twin twin, const engine::End& end);
  /// Waits until an end is known, `patience` at most.
  std::optional<engine::End> wait_for_end(Twin twin, std::chrono::milliseconds patience);

  // Standing still.

  /// Until let_go, it is no fault that it stands still: we stop it. Before it is stopped.
  void hold(Twin twin);
  /// After it was told to go on.
  void let_go(Twin twin);
  bool held(Twin twin);
  /// The last that QEMU said of its disks, until let_go.
  void disk_failed(Twin twin, const DiskError& error);
  DiskError disk_error(Twin twin);

  // What it can go back to.

  void set_saved(Twin twin, Saved saved);
  /// Nothing where it is another QEMU than that which holds it.
  std::optional<Saved> saved(Twin twin, int id);
  /// Whether it must be told to go on.
  void set_halted(Twin twin, bool halted);
  void forget_saved(Twin twin);

 private:
  struct Record {
    std::optional<engine::End> end;     ///< since its last start
    std::optional<std::string> reason;  ///< since its last start
    Closer close_console;               ///< null: this process has never started it
    bool held = false;
    DiskError disk_error;
    std::optional<Saved> saved;
  };

  Record& of(Twin twin) REQUIRES(mutex_) { return records_[twin == Twin::first ? 0 : 1]; }

  base::Mutex mutex_;
  base::Condition ended_;
  Twin on_network_ GUARDED_BY(mutex_) = Twin::first;
  std::array<Record, 2> records_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::libvirt
