#include "libvirt/live_files.h"

#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "../directory.h"
#include "core/input_error.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using Kind = LiveFile::Kind;

/// A domain's description with files of its own.
struct Changed {
  explicit Changed(const std::string& devices, const std::string& rest = {}, Surroundings surroundings = {"/live"}) {
    document.load_string(
        with_live_files("<domain type='kvm'><name>a.east</name>" + rest + "<devices>" + devices + "</devices></domain>",
                        surroundings, files)
            .c_str());
  }
  [[nodiscard]] pugi::xml_node domain() const { return document.child("domain"); }
  [[nodiscard]] pugi::xml_node devices() const { return domain().child("devices"); }
  [[nodiscard]] pugi::xml_node disk(const std::string& target) const {
    return devices().find_child(
        [&](const pugi::xml_node& node) { return node.child("target").attribute("dev").value() == target; });
  }
  [[nodiscard]] std::string path(const std::string& of) const {
    return document.select_node(of.c_str()).attribute().value();
  }
  pugi::xml_document document;
  std::vector<LiveFile> files;
};

std::string refusal(const std::string& devices, const std::string& rest = {}, Surroundings surroundings = {"/live"}) {
  try {
    const Changed changed(devices, rest, std::move(surroundings));
  } catch (const core::InputError& e) {
    return e.what();
  }
  return "accepted";
}

// ---- disks ----

TEST(Disks, OneThatIsWrittenToGetsAnOverlay) {
  const Changed changed(R"(<disk type='file' device='disk'>
    <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
    <source file='/images/debian.qcow2'/><target dev='vda' bus='virtio'/><serial>S1</serial><boot order='2'/></disk>)");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].kind, Kind::overlay);
  EXPECT_EQ(changed.files[0].file, "/live/vda.qcow2");
  EXPECT_EQ(changed.files[0].base, "/images/debian.qcow2");
  EXPECT_EQ(changed.files[0].base_format, "qcow2");
  const auto disk = changed.disk("vda");
  EXPECT_STREQ(disk.child("source").attribute("file").value(), "/live/vda.qcow2");
  EXPECT_STREQ(disk.child("serial").text().get(), "S1");
  EXPECT_STREQ(disk.child("boot").attribute("order").value(), "2");
  const auto driver = disk.child("driver");
  EXPECT_STREQ(driver.attribute("type").value(), "qcow2");
  EXPECT_STREQ(driver.attribute("cache").value(), "unsafe");
  EXPECT_STREQ(driver.attribute("discard").value(), "unmap");
  EXPECT_FALSE(driver.attribute("io")) << "QEMU refuses native I/O that is cached";
  const auto store = disk.child("backingStore");
  EXPECT_STREQ(store.attribute("type").value(), "file");
  EXPECT_STREQ(store.child("format").attribute("type").value(), "qcow2");
  EXPECT_STREQ(store.child("source").attribute("file").value(), "/images/debian.qcow2");
  EXPECT_FALSE(store.child("backingStore")) << "libvirt finds what is below";
}

TEST(Disks, WithoutATypeItIsAFile) {
  const Changed changed("<disk><source file='/images/raw'/><target dev='sdb'/></disk>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_STREQ(changed.disk("sdb").attribute("type").value(), "file");
}

// A guest may write a qcow2 header into its raw disk that names any file of the host's.
TEST(Disks, WithoutAFormatItIsRawAndNobodyLooksIntoIt) {
  const Changed changed("<disk type='file'><source file='/images/raw'/><target dev='sdb'/></disk>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].base_format, "raw");
  EXPECT_STREQ(changed.disk("sdb").child("backingStore").child("format").attribute("type").value(), "raw");
  EXPECT_STREQ(changed.disk("sdb").child("driver").attribute("name").value(), "qemu");
  EXPECT_STREQ(changed.disk("sdb").child("driver").attribute("type").value(), "qcow2");
}

TEST(Disks, EachHasItsOwnThoughTheirBaseIsOne) {
  const Changed changed(
      "<disk type='file'><source file='/images/one'/><target dev='vda'/></disk>"
      "<disk type='file'><source file='/images/one'/><target dev='vdb'/></disk>");
  ASSERT_EQ(changed.files.size(), 2U);
  EXPECT_EQ(changed.files[0].file, "/live/vda.qcow2");
  EXPECT_EQ(changed.files[1].file, "/live/vdb.qcow2");
}

// As `virsh dumpxml` writes a chain of three images, of a running domain.
TEST(Disks, AChainThatIsDescribedLiesBelowTheOverlay) {
  const Changed changed(R"(<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
    <source file='/images/top' index='3'/>
    <backingStore type='file' index='2'><format type='qcow2'/><source file='/images/middle'/>
      <backingStore type='block' index='1'><format type='raw'/><source dev='/dev/loop0'/><backingStore/></backingStore>
    </backingStore>
    <target dev='vda'/><alias name='virtio-disk0'/></disk>)");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].base, "/images/top");
  const std::string chain = "/domain/devices/disk/backingStore";
  EXPECT_EQ(changed.path(chain + "/source/@file"), "/images/top");
  EXPECT_EQ(changed.path(chain + "/backingStore/source/@file"), "/images/middle");
  EXPECT_EQ(changed.path(chain + "/backingStore/backingStore/source/@dev"), "/dev/loop0");
  EXPECT_TRUE(changed.document.select_node((chain + "/backingStore/backingStore/backingStore[not(*)]").c_str()))
      << "the end of the chain is told as well";
  EXPECT_TRUE(changed.document.select_nodes("//@index").empty());
}

TEST(Disks, AnEmptyBackingStoreEndsTheChain) {
  const Changed changed(
      "<disk type='file'><driver type='qcow2'/><source file='/i'/><backingStore/><target dev='vda'/></disk>");
  EXPECT_TRUE(changed.document.select_node("/domain/devices/disk/backingStore/backingStore[not(@*)]"));
}

TEST(Disks, ABlockDeviceIsABase) {
  const Changed changed(
      "<disk type='block' device='disk'><driver name='qemu' type='raw' io='native'/>"
      "<source dev='/dev/vg/lv'/><target dev='vda'/></disk>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].base, "/dev/vg/lv");
  EXPECT_STREQ(changed.disk("vda").attribute("type").value(), "file");
  EXPECT_EQ(changed.path("//disk/backingStore/@type"), "block");
  EXPECT_EQ(changed.path("//disk/backingStore/source/@dev"), "/dev/vg/lv");
}

TEST(Disks, OverANetworkAreBases) {
  const auto base = [](const std::string& source) {
    const Changed changed("<disk type='network'><source " + source + "<target dev='vda'/></disk>");
    EXPECT_EQ(changed.path("//disk/backingStore/@type"), "network");
    EXPECT_STREQ(changed.disk("vda").attribute("type").value(), "file");
    return changed.files.at(0).base;
  };
  EXPECT_EQ(base("protocol='nbd' name='x'><host name='h' port='10809'/></source>"), "nbd://h:10809/x");
  EXPECT_EQ(base("protocol='nbd' name='x'><host transport='unix' socket='/s'/></source>"), "nbd+unix:///x?socket=/s");
  EXPECT_EQ(base("protocol='https' name='/d/i' query='a=b'><host name='::1' port='443'/></source>"),
            "https://[::1]:443/d/i?a=b");
  EXPECT_EQ(base("protocol='iscsi' name='iqn.x:t/2'><host name='h'/></source>"), "iscsi://h/iqn.x:t/2");
  EXPECT_EQ(base("protocol='iscsi' name='iqn.x:t'><host name='h'/></source>"), "iscsi://h/iqn.x:t/0");
  EXPECT_EQ(base("protocol='rbd' name='p/i'><host name='m' port='1'/><snapshot name='s'/></source>"),
            "rbd:p/i@s:mon_host=m\\:1");
}

TEST(Disks, AVolumeIsWhatItsPoolSays) {
  const std::string disk = "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>";
  const Surroundings pools{
      "/live", [](const std::string& pool, const std::string& volume) { return "/pools/" + pool + "/" + volume; }};
  const Changed changed(disk, {}, pools);
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].base, "/pools/p/v");
  EXPECT_EQ(changed.path("//disk/backingStore/@type"), "file");
  EXPECT_EQ(changed.path("//disk/backingStore/source/@file"), "/pools/p/v");
  EXPECT_EQ(changed.path("//disk/backingStore/source/@pool"), "");
  EXPECT_EQ(refusal(disk),
            "disk vda: volume v of pool p: the embedded libvirt has no storage pools; name the volume's file, or set "
            "hypervisor.uri");
}

TEST(Disks, ATransientOneIsWhatAllAre) {
  const Changed changed("<disk type='file'><source file='/x'/><target dev='sda'/><transient/></disk>");
  EXPECT_EQ(changed.files.size(), 1U);
  EXPECT_FALSE(changed.disk("sda").child("transient"));
}

TEST(Disks, AFloppyIsWrittenToAsWell) {
  const Changed changed("<disk type='file' device='floppy'><source file='/x'/><target dev='fda' bus='fdc'/></disk>");
  EXPECT_EQ(changed.files.size(), 1U);
  EXPECT_FALSE(changed.disk("fda").child("driver").attribute("error_policy")) << "QEMU's floppy drive has none";
}

TEST(Disks, AnErrorOfTheHostStopsTheDomainUnlessTheDescriptionSaysOtherwise) {
  const Changed plain("<disk type='file'><source file='/x'/><target dev='sda'/></disk>");
  EXPECT_STREQ(plain.disk("sda").child("driver").attribute("error_policy").value(), "stop");
  EXPECT_STREQ(plain.disk("sda").child("driver").attribute("rerror_policy").value(), "stop");
  const Changed own("<disk type='file'><driver error_policy='report'/><source file='/x'/><target dev='sda'/></disk>");
  EXPECT_STREQ(own.disk("sda").child("driver").attribute("error_policy").value(), "report");
}

TEST(Disks, WhatIsNeverWrittenToStaysAsItIs) {
  for (const char* disk : {
           "<disk type='file' device='cdrom'><source file='/x.iso'/><target dev='sda'/></disk>",
           "<disk type='file' device='cdrom'><target dev='sda'/></disk>",
           "<disk type='file' device='floppy'><target dev='sda'/></disk>",
           "<disk type='file' device='floppy'><source startupPolicy='optional'/><target dev='sda'/></disk>",
           "<disk type='network' device='cdrom'><source protocol='sheepdog' name='x'/><target dev='sda'/></disk>",
           "<disk type='file'><source file='/x'/><target dev='sda'/><readonly/></disk>",
           "<disk type='file'><source file='/x'/><target dev='sda'/><shareable/><readonly/></disk>",
           "<disk type='dir'><driver type='fat'/><source dir='/x'/><target dev='sda'/><readonly/></disk>",
           "<disk type='block' device='lun'><source dev='/dev/sdz'/><target dev='sda'/><readonly/></disk>",
       }) {
    const Changed changed(disk);
    EXPECT_TRUE(changed.files.empty()) << disk;
    EXPECT_FALSE(changed.disk("sda").child("backingStore")) << disk;
  }
}

TEST(Disks, WhatCanHaveNoOverlayIsRefusedByName) {
  for (const auto& [disk, words] : std::vector<std::pair<std::string, std::string>>{
           {"<disk type='file'><source file='/x'/><target dev='sda'/><shareable/></disk>", "<shareable/>"},
           {"<disk type='block' device='lun'><source dev='/dev/sdz'/><target dev='sda'/></disk>", "a lun passes"},
           {"<disk type='dir'><source dir='/x'/><target dev='sda'/></disk>", "type 'dir'"},
           {"<disk type='nvme'><source type='pci' managed='yes' namespace='1'/><target dev='sda'/></disk>",
            "type 'nvme'"},
           {"<disk type='vhostuser'><source type='unix' path='/s'/><target dev='sda'/></disk>", "type 'vhostuser'"},
           {"<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/><target dev='sda'/></disk>", "type 'vhostvdpa'"},
           {"<disk type='network'><source protocol='sheepdog' name='x'/><target dev='sda'/></disk>", "sheepdog"},
           {"<disk type='network'><source protocol='rbd' name='x'><auth username='u'/></source>"
            "<target dev='sda'/></disk>",
            "<auth>"},
           {"<disk type='network'><auth username='u'/><source protocol='rbd' name='x'/><target dev='sda'/></disk>",
            "<auth>"},
           {"<disk type='network'><source protocol='https' name='x'><cookies/></source><target dev='sda'/></disk>",
            "<cookies>"},
           {"<disk type='network'><source protocol='nbd' name='x' tls='yes'/><target dev='sda'/></disk>", "TLS"},
           {"<disk type='file'><source file='/x'><encryption format='luks'/></source><target dev='sda'/></disk>",
            "encrypted"},
           {"<disk type='file'><source file='/x'><slices><slice type='storage'/></slices></source>"
            "<target dev='sda'/></disk>",
            "slice"},
           {"<disk type='file'><source file='x.img'/><target dev='sda'/></disk>", "'x.img' is no absolute path"},
           {"<disk type='file'><source/><target dev='sda'/></disk>", "its <source> has no file"},
       }) {
    const std::string why = refusal(disk);
    EXPECT_TRUE(why.starts_with("disk sda: ")) << disk << why;
    EXPECT_NE(why.find(words), std::string::npos) << disk << why;
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  }
}

// ---- firmware ----

TEST(Firmware, ItsVariablesAreCopied) {
  const Changed changed({},
                        "<os><loader readonly='yes' type='pflash'>/code.fd</loader>"
                        "<nvram template='/vars.fd'>/mine.fd</nvram></os>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].kind, Kind::copy);
  EXPECT_EQ(changed.files[0].base, "/mine.fd");
  EXPECT_EQ(changed.files[0].file, "/live/nvram.fd");
  EXPECT_STREQ(changed.domain().child("os").child("nvram").text().get(), "/live/nvram.fd");
  EXPECT_STREQ(changed.domain().child("os").child("nvram").attribute("template").value(), "/vars.fd");
}

TEST(Firmware, ThatLibvirtChoosesKeepsItsVariablesThereAsWell) {
  for (const char* os : {"<os firmware='efi'><type>hvm</type></os>", "<os firmware='efi'><loader secure='yes'/></os>",
                         "<os><loader readonly='yes' type='pflash'>/code.fd</loader></os>",
                         "<os><loader readonly='yes' type='pflash'>/code.fd</loader>"
                         "<nvram type='file'><source file='/mine.fd'/></nvram></os>"}) {
    const Changed changed({}, os);
    ASSERT_EQ(changed.files.size(), 1U) << os;
    const auto nvram = changed.domain().child("os").child("nvram");
    const std::string path =
        nvram.child("source") ? nvram.child("source").attribute("file").value() : nvram.text().get();
    EXPECT_EQ(path, "/live/nvram.fd") << os;
  }
}

TEST(Firmware, ThatMayBeWrittenIsCopiedItself) {
  const Changed changed({}, "<os><loader readonly='no' type='pflash'>/all.fd</loader></os>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].base, "/all.fd");
  EXPECT_STREQ(changed.domain().child("os").child("loader").text().get(), "/live/loader.fd");
  EXPECT_FALSE(changed.domain().child("os").child("nvram"));
}

TEST(Firmware, WithoutVariablesStaysAsItIs) {
  for (const char* os : {"<os><loader readonly='yes' type='rom'>/qboot.rom</loader></os>", "<os firmware='bios'/>",
                         "<os><loader readonly='yes' type='pflash' stateless='yes'>/code.fd</loader></os>", "<os/>"})
    EXPECT_TRUE(Changed({}, os).files.empty()) << os;
}

TEST(Firmware, VariablesThatAreNoFileAreRefused) {
  EXPECT_EQ(refusal({}, "<os firmware='efi'><nvram type='network'><source protocol='iscsi' name='x'/></nvram></os>"),
            "nvram: a copy cannot be made of UEFI variables of type 'network'; name a file");
}

// ---- other devices ----

TEST(Devices, LogsAreFilesOfTheDomainsOwn) {
  const Changed changed(
      "<serial type='file'><source path='/l'/></serial><console type='file'><source path='/l'/></console>"
      "<serial type='pty'><log file='/m' append='on'/></serial><audio id='1' type='file' path='/w'/>");
  ASSERT_EQ(changed.files.size(), 3U) << "a console is the first serial port";
  EXPECT_EQ(changed.files[0].kind, Kind::output);
  EXPECT_EQ(changed.path("//serial[1]/source/@path"), "/live/output-1.txt");
  EXPECT_EQ(changed.path("//console/source/@path"), "/live/output-1.txt");
  EXPECT_EQ(changed.path("//log/@file"), "/live/output-2.txt");
  EXPECT_EQ(changed.path("//audio/@path"), "/live/output-3.txt");
}

TEST(Devices, CrashRecordsAreCopied) {
  const Changed changed("<pstore backend='acpi-erst'><path>/p</path><size>64</size></pstore>");
  ASSERT_EQ(changed.files.size(), 1U);
  EXPECT_EQ(changed.files[0].kind, Kind::copy);
  EXPECT_STREQ(changed.devices().child("pstore").child("path").text().get(), "/live/pstore.raw");
}

TEST(Devices, PersistentMemoryIsPrivate) {
  const Changed changed(
      "<memory model='nvdimm' access='shared'><source><path>/n</path><pmem/></source></memory>"
      "<memory model='nvdimm'><source><path>/r</path></source><target><readonly/></target></memory>");
  EXPECT_EQ(changed.path("//memory[1]/@access"), "private");
  EXPECT_FALSE(changed.devices().child("memory").child("source").child("pmem"));
  EXPECT_EQ(changed.path("//memory[2]/@access"), "");
}

TEST(Devices, ATpmsStateIsLibvirts) {
  const Changed changed("<tpm><backend type='emulator' version='2.0' persistent_state='yes'/></tpm>");
  EXPECT_FALSE(changed.devices().child("tpm").child("backend").attribute("persistent_state"));
  EXPECT_TRUE(has_tpm("<domain><devices><tpm/></devices></domain>"));
  EXPECT_FALSE(has_tpm("<domain><devices/></domain>"));
}

TEST(Devices, WhatCanHaveNoCopyIsRefusedByName) {
  for (const auto& [device, words] : std::vector<std::pair<std::string, std::string>>{
           {"<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>", "tpm: "},
           {"<tpm><backend type='external'><source type='unix' mode='connect' path='/s'/></backend></tpm>", "tpm: "},
           {"<tpm><backend type='emulator'><source type='dir' path='/t'/></backend></tpm>", "tpm: "},
           {"<memory model='virtio-pmem'><source><path>/n</path></source></memory>", "memory: virtio-pmem"},
           {"<shmem name='between'><model type='ivshmem-plain'/></shmem>", "shmem between: "},
           {"<hostdev mode='subsystem' type='scsi'><source/></hostdev>", "hostdev of type 'scsi': "},
           {"<hostdev mode='subsystem' type='usb'><source/></hostdev>", "hostdev of type 'usb': "},
           {"<hostdev mode='subsystem' type='pci'><source><address domain='0xffff'/></source></hostdev>",
            "hostdev of type 'pci': "},
       }) {
    const std::string why = refusal(device);
    EXPECT_TRUE(why.starts_with(words)) << device << why;
    EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  }
}

TEST(Devices, WordsForQemuMayNotBringADisk) {
  const auto with = [](const std::string& what) {
    return refusal({},
                   "<qemu:commandline><qemu:arg value='-drive'/><qemu:arg value='" + what + "'/></qemu:commandline>");
  };
  EXPECT_TRUE(with("file=/x,format=raw").starts_with("qemu:arg -drive file=/x,format=raw: ")) << with("file=/x");
  EXPECT_TRUE(refusal({},
                      "<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg value='-hda'/>"
                      "<q:arg value='/x'/></q:commandline>")
                  .starts_with("qemu:arg -hda /x: "))
      << "whatever the namespace is called";
  EXPECT_EQ(with("file=/x,readonly=on"), "accepted");
  EXPECT_EQ(with("file=/x,snapshot=on"), "accepted");
}

// ---- making them ----

class Making : public ::testing::Test {
 protected:
  Directory directory;
  fs::path base = write(directory / "base", std::string(65536, 'x'));
};

TEST_F(Making, AnOverlayTakesThePlaceOfAnOldOne) {
  const LiveFile overlay{Kind::overlay, directory / "live/vda.qcow2", base, "raw"};
  make_live_file(overlay);
  write(overlay.file, std::string(1 << 20, 'y'));
  make_live_file(overlay);
  EXPECT_EQ(read(overlay.file).substr(0, 4), "QFI\xfb");
  EXPECT_LT(fs::file_size(overlay.file), 1U << 20);
  EXPECT_EQ(read(base), std::string(65536, 'x'));
}

TEST_F(Making, ACopyMayBeWrittenThoughItsBaseMayNot) {
  fs::permissions(base, fs::perms::owner_read);
  const LiveFile copy{Kind::copy, directory / "live/nvram.fd", base};
  make_live_file(copy);
  EXPECT_EQ(read(copy.file), std::string(65536, 'x'));
  EXPECT_EQ(fs::status(copy.file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Making, OfWhatIsNotThereLibvirtMakesTheCopy) {
  const LiveFile copy{Kind::copy, directory / "live/nvram.fd", directory / "gone"};
  make_live_file(copy);
  EXPECT_FALSE(fs::exists(copy.file));
  EXPECT_NO_THROW(check_base(copy));
}

TEST_F(Making, WhatQemuMakesHasADirectory) {
  const LiveFile output{Kind::output, directory / "live/output-1.txt"};
  make_live_file(output);
  EXPECT_TRUE(fs::is_directory(output.file.parent_path()));
  EXPECT_FALSE(fs::exists(output.file));
}

TEST_F(Making, AMissingImageIsNamedBeforeAnythingStarts) {
  try {
    check_base({Kind::overlay, directory / "vda.qcow2", directory / "gone", "raw"});
    FAIL() << "accepted";
  } catch (const core::InputError& e) {
    EXPECT_EQ(std::string(e.what()), "disk image " + (directory / "gone").string() + ": No such file or directory");
  }
  EXPECT_NO_THROW(check_base({Kind::overlay, directory / "vda.qcow2", base, "raw"}));
  EXPECT_NO_THROW(check_base({Kind::overlay, directory / "vda.qcow2", "nbd://h/x", "raw"}));
}

}  // namespace
}  // namespace kvmtest::libvirt
