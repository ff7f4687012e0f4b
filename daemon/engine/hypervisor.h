#pragma once
// The seam to whatever runs domains. Ten verbs; the libvirt adapter is the real one, the tests' fakes are small
// working programs.

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "console/stream.h"
#include "core/ids.h"
#include "core/model.h"
#include "process/processor_time.h"

namespace kvmtest::engine {

/// libvirt, QEMU, disk or memory failed: never blamed on a test. what() is one line, with the library's own words.
class HostFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How a domain that is gone came to its end.
struct End {
  core::Fault fault = core::Fault::host;
  std::string reason;
  bool restarts = false;  ///< the guest wants to be started again: it rebooted
};

/// Every verb from any thread, for different domains at the same time. All throw HostFault.
class Hypervisor {
 public:
  Hypervisor() = default;
  Hypervisor(const Hypervisor&) = delete;
  Hypervisor& operator=(const Hypervisor&) = delete;
  virtual ~Hypervisor() = default;

  /// Makes the prefix's networks and defines its domains, as far as they are not there already. Also removes what a
  /// dead daemon of the same owner left running. Throws core::InputError where the user's set-up is at fault.
  virtual void install(const core::Prefix& prefix) = 0;
  /// Removes the prefix's domains and networks; what is another's stays.
  virtual void uninstall(const core::Prefix& prefix) = 0;
  /// Starts a domain that is off and opens its console, so that no byte is lost.
  virtual std::unique_ptr<console::Stream> start(const core::Domain& domain) = 0;
  /// Starts a domain again, with its disks as its guest left them; takes the power away first where it is on. Like
  /// start() in all else.
  virtual std::unique_ptr<console::Stream> start_again(const core::Domain& domain) = 0;
  /// Takes the power away. A domain that is off already is fine.
  virtual void destroy(const core::Domain& domain) = 0;
  /// Lets it stand still, and go on. Its guest may or may not notice. Beside other verbs for the same domain, but not
  /// while it is started or ended.
  virtual void freeze(const core::Domain& domain) = 0;
  virtual void thaw(const core::Domain& domain) = 0;
  /// What its QEMU had of this machine's processors so far; of one that is off, or runs elsewhere, nothing is known.
  /// Does not throw.
  virtual process::ProcessorReading processors_of(const core::Domain& domain) = 0;
  /// Why a domain whose console closed is gone.
  virtual End end_of(const core::Domain& domain) = 0;
  /// One line for people: the URI, and "kvm" or "emulated".
  struct Description {
    std::string uri;
    std::string accelerator;
  };
  virtual Description describe() = 0;
};

}  // namespace kvmtest::engine
