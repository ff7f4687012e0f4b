#pragma once
// The seam to saved states of domains: a clean, logged-in guest, memory and disks, that is gone back to instead of
// being booted. The libvirt adapter is the real one.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "console/stream.h"
#include "core/ids.h"
#include "core/time.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

/// Every verb from any thread, for different domains at the same time. All throw HostFault.
class Snapshots {
 public:
  Snapshots() = default;
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;
  virtual ~Snapshots() = default;

  /// Names the clean state of a domain after everything that shapes it: its definition, the guest's files, QEMU, the
  /// login. Reads the files' dates and sizes each time.
  virtual core::SavedStateId state_of(const core::Domain& domain) = 0;
  /// Whether that state can be restored.
  virtual bool kept(const core::SavedStateId& state) = 0;
  /// Saves the running domain's state, and keeps it under that name with a `note` for whoever goes back to it. The
  /// domain stands still meanwhile and runs on.
  virtual void save(const core::Domain& domain, const core::SavedStateId& state, const std::string& note) = 0;
  /// Takes the domain, running or paused, back to what was saved from it or what it was restored to; it runs. Returns
  /// the note.
  virtual std::string load(const core::Domain& domain) = 0;
  /// A domain in a kept state, its console and the note.
  struct Restored {
    std::unique_ptr<console::Stream> console;
    std::string note;
    core::Duration load{};  ///< of the time it took, the going back itself
  };
  /// Starts a domain that is off in a kept state.
  virtual Restored restore(const core::Domain& domain, const core::SavedStateId& state) = 0;
  /// Whether the domain would go back to its state quicker from now on, or at all, if it were started in it once.
  virtual bool better_restored(const core::Domain& domain) = 0;
  /// Stops the domain's processor and takes its network away, until it is loaded or destroyed: nothing of it reaches
  /// others, and nothing waits at its door when it goes back.
  virtual void pause(const core::Domain& domain) = 0;
};

/// What is kept of saved states, for those who manage them. Any thread.
class KeptStates {
 public:
  KeptStates() = default;
  KeptStates(const KeptStates&) = delete;
  KeptStates& operator=(const KeptStates&) = delete;
  virtual ~KeptStates() = default;

  struct Kept {
    core::SavedStateId state;
    std::string domain;  ///< it was saved from
    std::string inputs;  ///< what its name was made from, for people
    std::uint64_t bytes = 0;
    core::WallTime made;
    core::WallTime used;
    bool in_ram = false;
  };
  /// The most recently used first.
  virtual std::vector<Kept> list() = 0;
  /// Forgets one state. False: there is none.
  virtual bool drop(const core::SavedStateId& state) = 0;
};

}  // namespace kvmtest::engine
