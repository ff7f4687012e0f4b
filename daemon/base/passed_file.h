#pragma once
// An open file that one process gives to another one over a local socket (SCM_RIGHTS, unix(7)). It goes with a byte,
// and is lost to who reads that as a mere byte.

#include "base/descriptor.h"

namespace kvmtest::base {

/// Sends a byte, and the file with it. False: the other side has gone. Any thread.
bool pass_file(int socket, int file);

/// The file that comes with the next byte, for which it waits; none: there was none, or the other side has gone. Any
/// thread.
Descriptor take_file(int socket);

}  // namespace kvmtest::base
