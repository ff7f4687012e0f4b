#include "judge/kernel.h"

#include <array>
#include <memory>
#include <string>

#include <re2/re2.h>

namespace kvmtest::judge {
namespace {

struct Kind {
  std::string_view name;
  const char* pattern;  ///< of a beginning
};

// The first one that fits counts.
constexpr std::array<Kind, 23> kinds{{
    {"panic", "Kernel panic - not syncing"},
    {"KASAN", "BUG: KASAN: |KASAN: "},
    {"KCSAN", "BUG: KCSAN: "},
    {"KMSAN", "BUG: KMSAN: "},
    {"KFENCE", "BUG: KFENCE: "},
    {"UBSAN", "UBSAN: "},
    {"soft lockup", "(watchdog: )?BUG: soft lockup"},
    {"hard lockup", "(NMI )?(watchdog: )?Watchdog detected hard LOCKUP|.*[Hh]ard LOCKUP"},
    {"hung task", "INFO: task .* blocked (for more than|on|in) "},
    {"RCU stall", "(rcu: )?INFO: .*(self-detected stall|detected stalls|stalls? on CPU)"},
    {"lockdep",
     "(WARNING|INFO): (possible (circular|recursive|irq|unsafe)|(inconsistent|bad) (lock|unlock)|suspicious RCU usage|"
     "held lock freed|lock held when returning|HARDIRQ-safe|SOFTIRQ-safe|.*lock order detected|"
     "trying to register non-static key|.*still has locks held|Nested lock was not taken)|"
     "DEBUG_LOCKS_WARN_ON|possible (reason: unannotated irqs|circular locking)"},
    {"Oops", "BUG: (unable to handle|kernel NULL pointer)|Unable to handle kernel|Oops(:| -)|Internal error: "},
    {"general protection fault", "general protection fault"},
    {"refcount", "refcount_t: |unregister_netdevice: waiting for "},
    {kmemleak, "kmemleak: [0-9]+ new suspected memory leaks"},
    {"BUG", "BUG: |kernel BUG at |(list_add|list_del|slab|list) corruption|Bad page state|BUG [a-zA-Z0-9_-]+ ?\\("},
    {"WARNING", "WARNING: "},
    {"allocation failure", ".*page allocation (failure|stalls)"},
    {"out of memory", "Out of memory: "},
    {"file system error",
     "EXT[234]-fs error |XFS \\(.*(Corruption|Internal error|I/O Error)|BTRFS (error|critical) |F2FS-fs .*error|"
     "FAT-fs .*error"},
    {"I/O error", "(blk_update_request: )?(.* )?I/O error, dev |Buffer I/O error on dev"},
    {call_trace, " *(Call Trace|Call trace):"},
    {"Oops", "RIP: 0010:.* Code: Bad RIP value|divide error: |invalid opcode: |stack segment: |double fault: "},
}};

}  // namespace

std::string_view kernel_warning(std::string_view text) {
  static const auto patterns = [] {
    std::array<std::unique_ptr<const RE2>, kinds.size()> out;
    for (std::size_t i = 0; i < kinds.size(); ++i)
      out[i] = std::make_unique<const RE2>(std::string("^(") + kinds[i].pattern + ")", RE2::Latin1);
    return out;
  }();
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *patterns[i])) return kinds[i].name;
  return {};
}

}  // namespace kvmtest::judge
