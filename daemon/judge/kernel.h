#pragma once
// What a Linux kernel says when something is wrong in it. Pure; any thread.

#include <string_view>

namespace kvmtest::judge {

/// The kind of warning that a line of the kernel's log begins, or is: "WARNING", "BUG", "Oops", "panic", "KASAN",
/// "KCSAN", "KMSAN", "KFENCE", "UBSAN", "lockdep", "hung task", "soft lockup", "hard lockup", "RCU stall", "general
/// protection fault", "refcount", "kmemleak", "allocation failure", "call trace". Empty: none. `text`: the line without
/// its time stamp. The words are those of the kernel's sources.
std::string_view kernel_warning(std::string_view text);

/// Of a report's lines this one says least: it counts only where nothing else does.
inline constexpr std::string_view call_trace = "call trace";
/// The kernel logs it as a mere information.
inline constexpr std::string_view kmemleak = "kmemleak";

}  // namespace kvmtest::judge
