// Why a domain is gone, or stands still, by libvirt's events.

#include "libvirt/ending.h"

#include <gtest/gtest.h>
#include <libvirt/libvirt.h>

#include "libvirt/stand_still.h"

namespace kvmtest::libvirt {
namespace {

using core::Fault;

TEST(Ending, APanicIsTheGuests) {
  for (const auto& [event, detail] : {std::pair<int, int>{VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED},
                                      {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_CRASHED}}) {
    const auto end = end_from(event, detail, "guest-panic");
    EXPECT_EQ(end.fault, Fault::guest);
    EXPECT_EQ(end.reason, "the guest crashed (its kernel panicked)");
    EXPECT_FALSE(end.restarts);
  }
}

TEST(Ending, OnlyQemusOwnWordTellsARebootFromASwitchingOff) {
  const auto reboot = end_from(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, "guest-reset");
  EXPECT_EQ(reboot.fault, Fault::guest);
  EXPECT_TRUE(reboot.restarts);
  for (const char* reason : {"guest-shutdown", ""}) {
    const auto off = end_from(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, reason);
    EXPECT_EQ(off.reason, "the guest switched itself off");
    EXPECT_FALSE(off.restarts);
  }
}

TEST(Ending, TheRestIsTheHosts) {
  EXPECT_EQ(end_from(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED, "").reason,
            "somebody destroyed the domain");
  EXPECT_EQ(end_from(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED, "").reason, "QEMU died");
  const auto other = end_from(VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED, "");
  EXPECT_EQ(other.fault, Fault::host);
  EXPECT_EQ(other.reason, "the domain stopped (libvirt event detail 3)");
}

TEST(StandingStill, NoRoomIsSaidWithTheFile) {
  const std::string words = words_for({"/proc/version", "enospc"});
  EXPECT_EQ(words.find("no room on the host for what the guest writes: /proc/version"), 0U) << words;
}

TEST(StandingStill, AnotherErrorOfADiskKeepsLibvirtsWord) {
  EXPECT_EQ(words_for({"", "eio"}), "an I/O error of the host's (eio)");
  EXPECT_EQ(words_for({}), "an I/O error of the host's");
}

TEST(StandingStill, SomeEventsTellByThemselves) {
  EXPECT_EQ(cause_of_stop(VIR_DOMAIN_EVENT_SUSPENDED_IOERROR, {"", "enospc"}),
            "no room on the host for what the guest writes");
  EXPECT_EQ(cause_of_stop(VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG, {}), "its watchdog fired");
  EXPECT_EQ(cause_of_stop(VIR_DOMAIN_EVENT_SUSPENDED_PAUSED, {}), std::nullopt) << "that may have been us";
}

}  // namespace
}  // namespace kvmtest::libvirt
