// A guest that starts as machines with UEFI do: firmware, a boot loader on its disk, the disk's own kernel.

#include <stdexcept>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class FirmwareOnDomains : public OnDomains {
 protected:
  FirmwareOnDomains() {
    const fs::path source = KVMTEST_SOURCE;
    const fs::path image = source / ".kvmtest/guest/debian-uefi/image.qcow2";
    if (!fs::exists(image)) throw std::runtime_error("no guest in " + image.string() + ": run make kvm-guest-uefi");
    write_file("kvmtest.yaml", "domains:\n  templates: " + (source / "config/uefi").string() +
                                   "\n  image: " + image.string() +
                                   "\n  memory_mib: 384\nhypervisor:\n  accelerator: emulated\nlimits:\n  boot: 5m\n"
                                   "tests: [suite]\n");
  }
};

TEST_F(FirmwareOnDomains, AGuestStartsFromTheBootLoaderOfItsDisk) {
  write_test(
      "up",
      "# a test\n# hosts: east\n\n"
      "east# ls -d /sys/firmware/efi/efivars\n/sys/firmware/efi/efivars\n"
      "east# cat /etc/hostname\neast\n"
      "east# ip -brief address show eth1\neth1             UP             192.1.2.23/24 2001:db8:1:2::23/64 * (glob)\n"
      "east# ip route show default\ndefault via 192.1.2.254 dev eth1 * (glob)\n"
      "east# grep -c kvmtest /proc/cmdline\n0\n[1]\n");
  const Result result = run_kvmtest({"run", "--reset", "boot"});
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_EQ(verdicts().at("suite/up"), "passed");
}

// The guest writes to its variables and to its disk in each test, and finds neither in the next.
TEST_F(FirmwareOnDomains, ItsVariablesGoBackWithTheSavedState) {
  const std::string variable = "/sys/firmware/efi/efivars/kvmtest-12345678-1234-1234-1234-123456789012";
  for (const char* name : {"one", "two", "three"})
    write_test(name, "# a test\n# hosts: east\n\neast# ls " + variable + " /root/mark 2>/dev/null\n[2]\n" +
                         "east# printf '\\007\\000\\000\\000spoilt' >" + variable +
                         " && touch /root/mark && tail -c 6 " + variable + " && echo\nspoilt\n");
  const fs::path image = fs::path(KVMTEST_SOURCE) / ".kvmtest/guest/debian-uefi/image.qcow2";
  const auto written = fs::last_write_time(image);
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(results().at("resets").at("boots").at("count"), 1U) << ran.output;
  // From the kept state, in a QEMU whose variables were never used.
  const Result again = run_kvmtest({"run"});
  EXPECT_EQ(again.status, 0) << again.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(results().at("resets").at("boots").at("count"), 0U) << again.output;
  EXPECT_EQ(fs::last_write_time(image), written);
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_TRUE(bridges().empty());
}

}  // namespace
}  // namespace kvmtest::testing
