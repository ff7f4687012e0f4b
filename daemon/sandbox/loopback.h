#pragma once

namespace kvmtest::sandbox {

/// Sets the loopback device of the calling thread's network namespace up: a new namespace has no other device, and that
/// one is down. Returns an errno; 0: done.
int set_loopback_up();

}  // namespace kvmtest::sandbox
