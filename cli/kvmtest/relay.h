#pragma once
// Bytes between this process' standard files and a connection.

namespace kvmtest::command {

/// Passes on what comes at standard input to the connection and what comes from there to standard output, until the
/// other side has said all, nobody reads any more, or `end` is readable. True: not because of `end`. A direction that
/// ends is ended for the other side, too. The connection does not block.
bool relay(int connection, int end);

}  // namespace kvmtest::command
