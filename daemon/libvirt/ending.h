#pragma once
// How a domain that is gone came to its end, by what libvirt and QEMU told of it.

#include <string>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {

/// Of libvirt's event VIR_DOMAIN_EVENT_STOPPED or VIR_DOMAIN_EVENT_CRASHED with its detail. `reason`: why QEMU stopped,
/// in its own words (qapi/run-state.json, ShutdownCause); empty: it did not tell. Any thread.
engine::End end_from(int event, int detail, const std::string& reason);

}  // namespace kvmtest::libvirt
