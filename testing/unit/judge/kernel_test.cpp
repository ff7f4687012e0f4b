#include "judge/kernel.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace kvmtest::judge {
namespace {

// Lines as kernels write them.
TEST(KernelWarning, KnowsTheKinds) {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"WARNING", "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 dev_example+0x1/0x2"},
      {"BUG", "BUG: scheduling while atomic: swapper/0/1/0x00000002"},
      {"BUG", "BUG: sleeping function called from invalid context at mm/slab.h:421"},
      {"BUG", "kernel BUG at mm/usercopy.c:102!"},
      {"BUG", "list_del corruption, ffff88 is LIST_POISON1 (dead000000000100)"},
      {"BUG", "BUG kmalloc-64 (Not tainted): Redzone overwritten"},
      {"Oops", "BUG: kernel NULL pointer dereference, address: 0000000000000008"},
      {"Oops", "BUG: unable to handle page fault for address: ffffc90000000000"},
      {"Oops", "Oops: 0000 [#1] PREEMPT SMP PTI"},
      {"Oops", "Unable to handle kernel paging request at virtual address dead000000000108"},
      {"Oops", "divide error: 0000 [#1] SMP"},
      {"panic", "Kernel panic - not syncing: Fatal exception in interrupt"},
      {"KASAN", "BUG: KASAN: slab-out-of-bounds in kmalloc_oob_right+0xa8/0xbc [test_kasan]"},
      {"KCSAN", "BUG: KCSAN: data-race in tcp_poll / tcp_rcv"},
      {"KMSAN", "BUG: KMSAN: uninit-value in foo+0x1/0x2"},
      {"KFENCE", "BUG: KFENCE: use-after-free read in test_use_after_free_read+0xb3/0x143"},
      {"UBSAN", "UBSAN: shift-out-of-bounds in drivers/x.c:12:3"},
      {"lockdep", "WARNING: possible circular locking dependency detected"},
      {"lockdep", "WARNING: possible recursive locking detected"},
      {"lockdep", "WARNING: inconsistent lock state"},
      {"lockdep", "WARNING: suspicious RCU usage"},
      {"lockdep", "WARNING: bad unlock balance detected!"},
      {"lockdep", "INFO: trying to register non-static key."},
      {"hung task", "INFO: task kworker/0:1:12 blocked for more than 120 seconds."},
      {"soft lockup", "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [swapper/0:1]"},
      {"hard lockup", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1"},
      {"RCU stall", "rcu: INFO: rcu_sched self-detected stall on CPU"},
      {"RCU stall", "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"},
      {"general protection fault", "general protection fault, probably for non-canonical address 0xdead000000000108"},
      {"refcount", "refcount_t: underflow; use-after-free."},
      {"refcount", "unregister_netdevice: waiting for lo to become free. Usage count = 2"},
      {"kmemleak", "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)"},
      {"allocation failure", "iperf3: page allocation failure: order:4, mode:0x40cc0"},
      {"out of memory", "Out of memory: Killed process 12 (foo) total-vm:1kB"},
      {"file system error",
       "EXT4-fs error (device vda): ext4_lookup:1855: inode #2: comm ls: deleted inode referenced: 12"},
      {"file system error", "XFS (vda): Corruption warning: Metadata has LSN (1:2) ahead of current LSN (1:1)."},
      {"I/O error", "I/O error, dev vda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2"},
      {"I/O error", "Buffer I/O error on dev vda, logical block 1, async page read"},
      {"call trace", "Call Trace:"},
      {"call trace", " Call trace:"},
  };
  for (const auto& [kind, line] : lines) EXPECT_EQ(kernel_warning(line), kind) << line;
}

// What is no fault of the kernel's, or only speaks of one.
TEST(KernelWarning, LeavesTheRestAlone) {
  for (const std::string line :
       {"", "br0: port 1(d0) entered forwarding state", "IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready",
        "traps: foo[12] general protection fault ip:55 sp:7f error:0 in foo[5500+1000]",
        "foo[99]: segfault at 0 ip 000055 sp 00007f error 4 in foo",
        "Memory cgroup out of memory: Killed process 12 (foo)", "------------[ cut here ]------------",
        "---[ end trace 0000000000000000 ]---", "hrtimer: interrupt took 12 ns",
        "clocksource: Marking clocksource 'tsc' as unstable", "example 0000:00:05.0: link status changed",
        "audit: type=1400 msg=\"WARNING: x\"", "debug: BUG: is a word"})
    EXPECT_EQ(kernel_warning(line), "") << line;
}

}  // namespace
}  // namespace kvmtest::judge
