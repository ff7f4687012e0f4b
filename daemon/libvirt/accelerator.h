#pragma once
// Which accelerator domains get. KVM is believed only when it has been seen to run a guest: there are machines where
// /dev/kvm opens, answers and creates a virtual machine that never executes an instruction.

#include <functional>
#include <string>

#include "domains/templates.h"
#include "libvirt/connection.h"
#include "libvirt/state_store.h"

namespace kvmtest::libvirt {

using domains::Substitutions;
using domains::Templates;

/// How domains are to be run: as proved, or as told.
enum class Acceleration { automatic, kvm, emulated };

/// What fills TYPE in domains' templates: "kvm" or "qemu". Runs a guest for 4 s at most, and remembers the answer in
/// the state directory; `notice` gets a line for the user. Throws core::InputError where KVM is asked for and not
/// there, engine::HostFault.
std::string decide_accelerator(Acceleration wanted, const Connection& connection, const StateStore& store,
                               const Templates& templates, Substitutions with,
                               const std::function<void(const std::string&)>& notice);

}  // namespace kvmtest::libvirt
