#pragma once
// The seam to domains' spares: a domain that runs a test may have a second guest of the same definition beside it,
// which is taken back to the domain's saved state meanwhile and waits there, off the network, to take the domain's
// place. The libvirt adapter is the real one.

#include "core/ids.h"
#include "engine/snapshots.h"

namespace kvmtest::engine {

/// Every verb from any thread, for different domains at the same time, and for one domain beside those of Hypervisor
/// and Snapshots, which are about the guest on the network; Hypervisor::destroy ends both. All throw HostFault.
class Spares {
 public:
  Spares() = default;
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;
  virtual ~Spares() = default;

  /// Brings the domain's spare, or whatever swap() left in its place, or nothing, to a kept state, in which it runs.
  /// `at_rest`: all that was ever typed at it has been read, so it may go back in place, with its console; then the
  /// console that is returned is null.
  virtual Snapshots::Restored take_back(const core::Domain& domain, const core::SavedStateId& state, bool at_rest) = 0;
  /// Somebody waits for it now: what take_back() began goes on with the rights of a domain on the network. Until then
  /// it leaves the processor to those.
  virtual void hurry(const core::Domain& domain) = 0;
  /// Stops the spare's processor until swap().
  virtual void halt(const core::Domain& domain) = 0;
  /// The spare takes the domain's place: it runs, on the network. What was there, if it is up, stands still, off the
  /// network. After a failure all is as it was, but the spare is of no use.
  virtual void swap(const core::Domain& domain) = 0;
  /// Takes the spare's power away. That there is none is fine.
  virtual void discard(const core::Domain& domain) = 0;
};

}  // namespace kvmtest::engine
