#pragma once
// A machine that restarts because its test wants it to: until its shell is there again.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "console/session.h"
#include "engine/hypervisor.h"

namespace kvmtest::engine {

/// What else it takes, for one domain.
struct Restarting {
  console::Login login;
  std::function<End()> end_of;                                    ///< why the console closed
  std::function<std::unique_ptr<console::Stream>()> start_again;  ///< on the disks as they are
};

/// How it came out.
struct Rebooted {
  console::CommandResult command;  ///< what was printed before the machine went; status 0: its shell is there again
  std::string failure{};           ///< why it is not there, one line; empty: it is, or the time was over
  std::optional<End> fault{};      ///< the host's
};

/// Types `command`, which makes the machine restart, sooner or later, and waits until it is back and logged in. An
/// empty one takes the power away and gives it back. A machine may end, and then is started again with what it has left
/// on its disks; or it restarts by itself, within the same QEMU, as with kexec or where the domain's <on_reboot> says
/// so. What does not restart is told as soon as it is known: the command fails, the machine is switched off, its kernel
/// panics. Throws HostFault, console::Interrupted.
Rebooted reboot(console::Session& session, const std::string& command, console::GuestDeadline deadline,
                const Restarting& machine);

}  // namespace kvmtest::engine
