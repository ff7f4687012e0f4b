#pragma once
// Reads what a guest's kernel has logged lately. A quiet console does not show it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console/session.h"

namespace kvmtest::console {

struct LoggedLines {
  std::vector<KernelLine> lines;    ///< oldest first, within bounds
  bool all = false;                 ///< none is missing
  std::optional<std::int64_t> now;  ///< the kernel's clock after them, about; microseconds
  std::int64_t since = 0;           ///< its time before the first of them; microseconds
};
/// Those of the session's KernelLog that are of `level` (0 to 7) or worse; nothing when the guest does not tell. Types
/// at a shell that is at its prompt. Throws Interrupted.
std::optional<LoggedLines> read_kernel_log(Session& session, GuestDeadline deadline);

/// The newest line's time, of a guest that has no program; 0: unknown. Throws Interrupted.
std::int64_t newest_in_kernel_log(Session& session, GuestDeadline deadline);

/// Lines such as "<4>[   12.345678] text"; others are left out. What programs log under a name of their own (a facility
/// above 1, as systemd does) is at most a notice: it is no warning of the kernel's.
std::vector<KernelLine> parse_kernel_log(std::string_view text);

}  // namespace kvmtest::console
