// What guests write on the host, on real domains: a user's disks, firmware and logs are as they were, nothing of a test
// is left for the next, and a host that has no room is blamed itself.

#include <map>
#include <set>

#include <sys/mount.h>
#include <unistd.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;

class Disks : public OnDomains {
 protected:
  Disks() {
    prefix_ = prefixes_ = "t8.";
    fs::copy(fs::path(KVMTEST_SOURCE) / "config/domains", directory_ / "templates");
    std::string settings = read_file("kvmtest.yaml");
    const auto at = settings.find("templates: ") + 11;
    settings.replace(at, settings.find('\n', at) - at, "templates");
    write_file("kvmtest.yaml", settings);
  }
  ~Disks() override {
    for (const std::string& command : clean_up_) shell(command);
  }

  /// Puts `text` in front of the first `before` in east's template.
  void in_east(const std::string& before, const std::string& text) const {
    std::string east = read_file("templates/east.xml");
    east.insert(east.find(before, east.find("<domain")), text);
    write_file("templates/east.xml", east);
  }
  void disk(const std::string& type, const std::string& source, const std::string& target,
            const std::string& more = {}) const {
    in_east("<serial", "<disk" + (type.empty() ? "" : " type='" + type + "'") + ">" + source + "<target dev='" +
                           target + "' bus='virtio'/>" + more + "</disk>\n");
  }
  std::string shell(const std::string& command) const {
    const Result ran = run({"/bin/sh", "-c", command + " 2>&1"}, directory_);
    EXPECT_EQ(ran.status, 0) << command << ": " << ran.output;
    return ran.output.substr(0, ran.output.find('\n'));
  }
  void at_end(const std::string& command) { clean_up_.insert(clean_up_.begin(), command); }
  /// An image of 1 MiB that begins with this word.
  std::string image(const std::string& name, const std::string& word) const {
    std::string bytes = word + '\n';
    bytes.resize(1U << 20U);
    write_file(name, bytes);
    return directory_ / name;
  }
  [[nodiscard]] std::string sums() const { return shell_all("sha256sum *.img *.qcow2 *.fd 2>/dev/null || true"); }
  [[nodiscard]] std::string shell_all(const std::string& command) const {
    return run({"/bin/sh", "-c", command}, directory_).output;
  }

  std::vector<std::string> clean_up_;
};

/// The tiny guest loads it on demand.
constexpr const char* with_disks =
    "# a test\n# hosts: east\n\neast# modprobe virtio_blk; until [ -b /dev/vda ]; do sleep 0.1; done\n";

/// Looks at a disk, and writes over it.
std::string use(const std::string& device, const std::string& word) {
  return "east# head -n 1 /dev/" + device + "; echo spoilt | dd of=/dev/" + device +
         " conv=fsync 2>/dev/null; head -n 1 /dev/" + device + "\n" + word + "\nspoilt\n";
}

TEST_F(Disks, OfEveryKindAreNeverWrittenAndGoBack) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  image("raw.img", "raw");
  image("plain.img", "plain");
  image("fixed.img", "fixed");
  image("lowest.img", "lowest");
  shell(
      "qemu-img create -q -f qcow2 -b lowest.img -F raw middle.qcow2; qemu-img create -q -f qcow2 -b middle.qcow2 -F "
      "qcow2 "
      "chain.qcow2");
  // Only its description tells what is below this one.
  image("below.img", "below");
  shell("qemu-img create -q -f qcow2 described.qcow2 1M");
  const std::string loop = shell("losetup -f --show " + image("device.img", "device"));
  at_end("losetup -d " + loop);
  const Process server(
      {"qemu-nbd", "-t", "-r", "-f", "raw", "-x", "x", "-k", directory_ / "nbd", image("net.img", "net")});
  ASSERT_TRUE(eventually([&] { return fs::exists(directory_ / "nbd"); }));

  const std::string here = directory_.string() + '/';
  disk("file", "<driver name='qemu' type='raw'/><source file='" + here + "raw.img'/>", "vda");
  disk("", "<source file='" + here + "plain.img'/>", "vdb");
  disk("file", "<driver type='qcow2'/><source file='" + here + "chain.qcow2'/>", "vdc");
  disk("file",
       "<driver type='qcow2'/><source file='" + here +
           "described.qcow2'/><backingStore type='file'><format type='raw'/>"
           "<source file='" +
           here + "below.img'/><backingStore/></backingStore>",
       "vdd");
  disk("block", "<driver name='qemu' type='raw' cache='none' io='native'/><source dev='" + loop + "'/>", "vde");
  disk("network", "<source protocol='nbd' name='x'><host transport='unix' socket='" + here + "nbd'/></source>", "vdf");
  disk("file", "<source file='" + here + "fixed.img'/>", "vdg", "<readonly/>");
  const std::string steps = use("vda", "raw") + use("vdb", "plain") + use("vdc", "lowest") + use("vdd", "below") +
                            use("vde", "device") + use("vdf", "net") +
                            "east# head -n 1 /dev/vdg; echo spoilt >/dev/vdg\nfixed\n* (glob)\n[1]\n";
  for (const char* name : {"one", "two", "three"}) write_test(name, with_disks + steps);
  const std::string before = sums();

  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(results().at("resets").at("boots").at("count"), 1U) << ran.output;
  EXPECT_EQ(sums(), before);
  EXPECT_EQ(run_kvmtest({"run", "--reset", "boot"}).status, 0) << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(sums(), before);
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_EQ(sums(), before);
  EXPECT_TRUE(bridges().empty());
}

TEST_F(Disks, ADeviceThatWasWrittenToIsBootedAnew) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const std::string loop = shell("losetup -f --show " + image("device.img", "first"));
  at_end("losetup -d " + loop);
  disk("block", "<source dev='" + loop + "'/>", "vda");
  write_test("one", std::string(with_disks) + "east# head -n 1 /dev/vda\nfirst\n");
  EXPECT_EQ(run_kvmtest({"run"}).status, 0) << run_kvmtest({"diffs"}).output;
  shell("echo second | dd of=" + loop + " conv=fsync");
  write_test("one", std::string(with_disks) + "east# head -n 1 /dev/vda\nsecond\n");
  EXPECT_EQ(run_kvmtest({"run"}).status, 0) << run_kvmtest({"diffs"}).output;
}

TEST_F(Disks, WhatCannotBeTakenBackIsRefusedBeforeAnythingStarts) {
  disk("file", "<source file='" + image("shared.img", "x") + "'/>", "vdb", "<shareable/>");
  write_test("one", "# a test\n# hosts: east\n\neast# true\n");
  Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.output.find("templates/east.xml: disk vdb: two guests that write to one <shareable/> disk"),
            std::string::npos)
      << ran.output;
  EXPECT_TRUE(bridges().empty()) << "nothing was made";
  std::string east = read_file("templates/east.xml");
  east.erase(east.find("<shareable/>"), 12);
  east.replace(east.find("shared.img"), 10, "absent.img");
  write_file("templates/east.xml", east);
  ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.output.find("absent.img: No such file or directory"), std::string::npos) << ran.output;
}

// SeaBIOS in a flash chip, with variables in a second one, as UEFI has them: the tiny guest starts in some seconds. The
// chips end at 4 GiB, the firmware's last; 0x40 writes a byte, 0xff goes back to reading (Intel's command set).
TEST_F(Disks, FirmwaresVariablesGoBackWithTheState) {
  shell("cp /usr/share/seabios/bios-256k.bin code.fd; head -c 262144 /dev/zero | tr '\\000' '\\377' >vars.fd");
  std::string east = read_file("templates/east.xml");
  const auto at = east.find("<loader");
  const std::string here = directory_.string() + '/';
  east.replace(at, east.find("</loader>") + 9 - at,
               "<loader readonly='yes' type='pflash'>" + here + "code.fd</loader><nvram>" + here + "vars.fd</nvram>");
  write_file("templates/east.xml", east);
  const std::string steps =
      "# a test\n# hosts: east\n\neast# devmem 0xfff80010 8; devmem 0xfff80010 8 0x40; devmem 0xfff80010 8 0x5a; "
      "devmem 0xfff80010 8 0xff; devmem 0xfff80010 8\n0xFF\n0x5A\n";
  for (const char* name : {"one", "two", "three", "four"}) write_test(name, steps);
  const std::string before = sums();
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(results().at("resets").at("boots").at("count"), 1U) << ran.output;
  EXPECT_EQ(run_kvmtest({"run", "--reset", "boot"}).status, 0) << run_kvmtest({"diffs"}).output;
  EXPECT_EQ(sums(), before);
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_EQ(sums(), before) << "undefining a domain may remove its variables: not the user's";
  EXPECT_EQ(shell_all("find .kvmtest -name '*.fd'"), "");
}

TEST_F(Disks, AnEmulatedTpmIsNewEachTimeAndGoneAtTheEnd) {
  in_east("<serial", "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>\n");
  for (const char* name : {"one", "two"}) write_test(name, "# a test\n# hosts: east\n\neast# true\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(results().at("resets").at("boots").at("count"), 1U) << ran.output;
  // A new one has seeds of its own.
  write_test("fails", "# leaves its domain up\n# hosts: east\n\neast# echo up\n");
  std::set<std::string> states;
  for (int boot = 0; boot < 2; ++boot) {
    EXPECT_EQ(run_kvmtest({"run", "--reset", "boot", "--keep-failed", "suite/fails"}).status, 1);
    const std::string state = run_kvmtest({"enter", "find", "/run/kvmtest/libvirt", "-path", "*swtpm*", "-name",
                                           "tpm2*", "-type", "f", "-exec", "sha256sum", "{}", "+"})
                                  .output;
    EXPECT_NE(state, "");
    states.insert(state);
    EXPECT_EQ(run_kvmtest({"destroy", prefix_ + "east"}).status, 0);
  }
  EXPECT_EQ(states.size(), 2U);
  EXPECT_EQ(run_kvmtest({"uninstall"}).status, 0);
  EXPECT_EQ(shell_all("find .kvmtest -path '*swtpm*' -name 'tpm2*'"), "");
  EXPECT_EQ(shell_all("pgrep -x swtpm -a"), "");
}

TEST_F(Disks, AHostWithoutRoomIsTheHostsFault) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const fs::path states = directory_ / ".kvmtest/states";
  fs::create_directories(states);
  ASSERT_EQ(mount("none", states.c_str(), "tmpfs", 0, "size=8m"), 0);
  at_end("umount -l " + states.string());
  shell("truncate -s 64M large.img");
  disk("file", "<source file='" + (directory_ / "large.img").string() + "'/>", "vda");
  write_test("fills",
             std::string(with_disks) + "east# dd if=/dev/urandom of=/dev/vda bs=1M count=60 conv=fsync 2>/dev/null\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  const auto run = results();
  EXPECT_EQ(run.at("tests").at(0).at("attempts").size(), 2U) << "a host's fault is tried again";
  const auto& issue = run.at("tests").at(0).at("attempts").at(0).at("issues").at(0);
  EXPECT_EQ(issue.at("name"), "HOST-FAULT") << ran.output;
  const std::string detail = issue.at("detail");
  EXPECT_NE(detail.find("no room on the host for what the guest writes"), std::string::npos) << detail;
  // As the daemon sees it (docs/operations.md).
  EXPECT_NE(detail.find("/vda.qcow2: the file system on /run/kvmtest/states (tmpfs) has "), std::string::npos)
      << detail;
  EXPECT_TRUE(domains().empty());
}

TEST_F(Disks, ADomainThatSomebodyStoppedIsTheHostsFault) {
  in_east("</domain>",
          "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
          "<qemu:arg value='-qmp'/><qemu:arg value='unix:" +
              (directory_ / "q").string() + ",server=on,wait=off'/></qemu:commandline>\n");
  write_test("stands", "# a test\n# hosts: east\n\neast# touch /tmp/here; sleep 100\n");
  Process running(kvmtest({"run", "--verbose"}), directory_);
  ASSERT_TRUE(running.wait_for("stands: started on")) << running.output();
  const std::string stop =
      "python3 -c \"import socket; s=socket.socket(socket.AF_UNIX); s.connect('q'); f=s.makefile('rw'); f.readline(); "
      "f.write('{\\\"execute\\\":\\\"qmp_capabilities\\\"}{\\\"execute\\\":\\\"stop\\\"}'); f.flush(); f.readline(); "
      "f.readline()\"";
  shell(stop);
  EXPECT_TRUE(running.wait_for("the domain stands still: something stopped it")) << running.output();
  EXPECT_TRUE(running.wait_for("stands: started on")) << running.output();
  shell(stop);
  EXPECT_EQ(running.finish(), 1) << running.output();
  EXPECT_EQ(results().at("tests").at(0).at("attempts").at(0).at("issues").at(0).at("name"), "HOST-FAULT");
}

TEST_F(Disks, AGuestThatPanicsAndIsPreservedIsItsOwnFault) {
  std::string east = read_file("templates/east.xml");
  east.replace(east.find("<on_crash>destroy"), 17, "<on_crash>preserve");
  write_file("templates/east.xml", east);
  write_test("a-panics", "# a test\n# hosts: east\n\neast# echo c >/proc/sysrq-trigger\n");
  write_test("b-works", "# a test\n# hosts: east\n\neast# true\n");
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_NE(ran.output.find("the guest crashed"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("HOST-FAULT"), std::string::npos) << ran.output;
  EXPECT_EQ(verdicts().at("suite/b-works"), "passed");
}

TEST_F(Disks, WhyAStateCannotBeSavedIsInTheLogAndInTheSummary) {
  write_test("one", "# a test\n# hosts: east\n\neast# true\n");
  // A device that QEMU says cannot be saved.
  in_east("</domain>",
          "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
          "<qemu:arg value='-device'/><qemu:arg value='nvme,serial=x,cmb_size_mb=1'/></qemu:commandline>\n");
  const Result ran = run_kvmtest({"run"});
  const std::string why = prefix_ + "east: its state was not saved: ";
  EXPECT_NE(ran.output.find("; its state was not saved: "), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("  " + why), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("(after 1 boot)"), std::string::npos) << ran.output;
}

TEST_F(Disks, EachPrefixHasANumberOfItsOwn) {
  prefixes_ = "t8. t9.";
  std::string east = read_file("templates/east.xml");
  const std::string name = "kvmtest.host=";
  east.insert(east.find(name), "number=@@PREFIX_NUMBER+20000@@ ");
  write_file("templates/east.xml", east);
  for (const char* each : {"one", "two", "three", "four"})
    write_test(each, "# a test\n# hosts: east\n\neast# grep -o 'number=[0-9]*' /proc/cmdline; sleep 1\n* (glob)\n");
  EXPECT_EQ(run_kvmtest({"run"}).status, 0);
  std::map<std::string, std::string> numbers;
  const auto run = results();
  for (const auto& test : run.at("tests")) {
    const auto& attempt = test.at("attempts").at(0);
    const std::string console = read_file(fs::path(attempt.at("output").get<std::string>()) / "east.console.txt");
    numbers[console.substr(console.find("number=20"), 12)] += attempt.at("prefix").get<std::string>();
  }
  EXPECT_EQ(numbers.size(), 2U);
}

}  // namespace
}  // namespace kvmtest::testing
