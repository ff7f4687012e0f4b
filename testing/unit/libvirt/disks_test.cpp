#include "libvirt/disks.h"

#include <gtest/gtest.h>

#include <pugixml.hpp>
#include <set>

#include "directory.h"
#include "engine/hypervisor.h"
#include "libvirt/templates.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

std::string with_disks(const std::string& disks) {
  return "<domain type='kvm'><name>a.east</name><devices>" + disks + "</devices></domain>";
}

/// The disk at that target, out of what with_overlays made of the XML.
struct Changed {
  explicit Changed(const std::string& disks) {
    document.load_string(with_overlays(with_disks(disks), "/live/a.east", overlays).c_str());
  }
  [[nodiscard]] pugi::xml_node disk(const std::string& target) const {
    return document.child("domain").child("devices").find_child(
        [&](const pugi::xml_node& node) { return node.child("target").attribute("dev").value() == target; });
  }
  pugi::xml_document document;
  std::vector<Overlay> overlays;
};

TEST(WithOverlays, ADiskThatIsWrittenToGetsOne) {
  const Changed changed(R"(<disk type='file' device='disk'>
    <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>
    <source file='/images/debian.qcow2'/><target dev='vda' bus='virtio'/></disk>)");
  ASSERT_EQ(changed.overlays.size(), 1U);
  EXPECT_EQ(changed.overlays[0].file, "/live/a.east/vda.qcow2");
  EXPECT_EQ(changed.overlays[0].base, "/images/debian.qcow2");
  EXPECT_EQ(changed.overlays[0].base_format, "qcow2");
  const auto disk = changed.disk("vda");
  EXPECT_STREQ(disk.child("source").attribute("file").value(), "/live/a.east/vda.qcow2");
  const auto driver = disk.child("driver");
  EXPECT_STREQ(driver.attribute("type").value(), "qcow2");
  EXPECT_STREQ(driver.attribute("cache").value(), "unsafe");
  EXPECT_STREQ(driver.attribute("discard").value(), "unmap");
  EXPECT_FALSE(driver.attribute("io")) << "QEMU refuses native I/O that is cached";
}

TEST(WithOverlays, WithoutADriverTheBaseIsRaw) {
  const Changed changed("<disk type='file'><source file='/images/raw'/><target dev='sdb'/></disk>");
  ASSERT_EQ(changed.overlays.size(), 1U);
  EXPECT_EQ(changed.overlays[0].base_format, "raw");
  EXPECT_STREQ(changed.disk("sdb").child("driver").attribute("name").value(), "qemu");
  EXPECT_STREQ(changed.disk("sdb").child("driver").attribute("type").value(), "qcow2");
}

TEST(WithOverlays, EachDiskHasItsOwn) {
  const Changed changed(
      "<disk type='file'><source file='/images/one'/><target dev='vda'/></disk>"
      "<disk type='file'><source file='/images/one'/><target dev='vdb'/></disk>");
  ASSERT_EQ(changed.overlays.size(), 2U);
  EXPECT_EQ(changed.overlays[0].file, "/live/a.east/vda.qcow2");
  EXPECT_EQ(changed.overlays[1].file, "/live/a.east/vdb.qcow2");
}

TEST(WithOverlays, WhatIsNotWrittenToOrNoFileStaysAsItIs) {
  for (const char* disk : {
           "<disk type='file' device='cdrom'><source file='/x.iso'/><target dev='sda'/></disk>",
           "<disk type='file' device='floppy'><source file='/x'/><target dev='sda'/></disk>",
           "<disk type='file'><source file='/x'/><target dev='sda'/><readonly/></disk>",
           "<disk type='file'><source file='/x'/><target dev='sda'/><transient/></disk>",
           "<disk type='file'><source file='/x'/><target dev='sda'/><shareable/></disk>",
           "<disk type='file'><target dev='sda'/></disk>",
           "<disk type='block'><source dev='/dev/sdz'/><target dev='sda'/></disk>",
           "<disk type='network'><source protocol='nbd' name='x'/><target dev='sda'/></disk>",
       }) {
    const Changed changed(disk);
    EXPECT_TRUE(changed.overlays.empty()) << disk;
    EXPECT_FALSE(changed.disk("sda").child("driver")) << disk;
  }
}

// ---- images ----

class Images : public ::testing::Test {
 protected:
  std::string refusal(const Overlay& overlay) {
    try {
      make_overlay(overlay);
    } catch (const engine::HostFault& e) {
      return e.what();
    }
    return "made";
  }

  Directory directory;
  fs::path base = write(directory / "base", std::string(65536, 'x'));
};

TEST_F(Images, AnOverlayIsMadeWithItsDirectory) {
  const Overlay overlay{directory / "live/a.east/vda.qcow2", base, "raw"};
  make_overlay(overlay);
  EXPECT_EQ(read(overlay.file).substr(0, 4), "QFI\xfb");
  EXPECT_EQ(read(base), std::string(65536, 'x'));
}

TEST_F(Images, AnOverlayTakesThePlaceOfAnOldOne) {
  const Overlay overlay{directory / "vda.qcow2", base, ""};
  write(overlay.file, std::string(1 << 20, 'y'));
  make_overlay(overlay);
  EXPECT_EQ(read(overlay.file).substr(0, 4), "QFI\xfb");
  EXPECT_LT(fs::file_size(overlay.file), 1U << 20);
}

TEST_F(Images, ABaseThatIsNotThereIsNamed) {
  const std::string why = refusal({directory / "vda.qcow2", directory / "gone", "qcow2"});
  EXPECT_TRUE(why.starts_with((directory / "gone").string() + ": qemu-img: ")) << why;
  EXPECT_NE(why.find("No such file"), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
}

TEST_F(Images, ABaseOfAnotherFormatIsRefused) {
  const std::string why = refusal({directory / "vda.qcow2", base, "qcow2"});
  EXPECT_TRUE(why.starts_with(base.string() + ": qemu-img: ")) << why;
}

TEST_F(Images, APlaceThatCannotBeWrittenIsSaid) { EXPECT_NE(refusal({base / "vda.qcow2", base, "raw"}), "made"); }

TEST_F(Images, AMemoryImageIsEmpty) {
  make_memory_image(directory / "memory.qcow2");
  EXPECT_EQ(read(directory / "memory.qcow2").substr(0, 4), "QFI\xfb");
  EXPECT_LT(fs::file_size(directory / "memory.qcow2"), 1U << 20);
  EXPECT_THROW(make_memory_image(directory / "nowhere/memory.qcow2"), engine::HostFault);
}

// ---- what decides about a guest ----

class Shape : public ::testing::Test {
 protected:
  std::string of(const std::string& prefix, const std::string& host = "east", unsigned memory = 192) {
    return shape_of(templates.render({core::Prefix{prefix}, core::Host{host}},
                                     {"kvm", kernel, initrd, {}, "/state", memory}, prefix + "uuid"));
  }
  std::string with_image() {
    return shape_of(with_disks("<disk type='file'><source file='" + image.string() + "'/><target dev='vda'/></disk>"));
  }

  Directory directory;
  fs::path kernel = write(directory / "kernel", "kernel");
  fs::path initrd = write(directory / "initrd", "initrd");
  fs::path image = write(directory / "image", "image");
  Templates templates{fs::path(KVMTEST_SOURCE) / "config/domains"};
};

TEST_F(Shape, IsTheSameForAllPrefixes) {
  for (const char* host : {"east", "west", "nic", "north"}) {
    EXPECT_EQ(of("a.", host), of("b.", host)) << host;
    EXPECT_EQ(of("a.", host), of("", host)) << host;
  }
}

TEST_F(Shape, DiffersBetweenHosts) { EXPECT_NE(of("a.", "east"), of("a.", "west")); }

TEST_F(Shape, DiffersWithTheDefinition) { EXPECT_NE(of("a.", "east", 192), of("a.", "east", 256)); }

TEST_F(Shape, DiffersWithTheKernelsAndInitrdsDates) {
  set_written(kernel, 1'700'000'000);
  set_written(initrd, 1'700'000'000);
  const std::string before = of("a.");
  EXPECT_EQ(of("a."), before);
  set_written(kernel, 1'700'000'001);
  const std::string touched = of("a.");
  EXPECT_NE(touched, before);
  set_written(initrd, 1'700'000'001);
  EXPECT_NE(of("a."), touched);
}

TEST_F(Shape, DiffersWithAnImageOfTheSameSizeAndDate) {
  set_written(image, 1'700'000'000);
  const std::string before = with_image();
  EXPECT_EQ(with_image(), before);
  set_written(write(directory / "other", "imagf"), 1'700'000'000);
  fs::rename(directory / "other", image);
  EXPECT_NE(with_image(), before) << "another inode";
}

// A copy onto it leaves the inode, and a tool may put the date back; it cannot do that to the change time.
TEST_F(Shape, DiffersWithAnImageWrittenInPlace) {
  set_written(image, 1'700'000'000);
  const std::string before = with_image();
  const auto changed = [&] {
    struct stat status {};
    stat(image.c_str(), &status);
    return std::pair(status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  };
  for (const auto then = changed(); changed() == then;) {  // the kernel's clock for files ticks some 100 times a second
    write(image, "imagf");
    set_written(image, 1'700'000'000);
  }
  EXPECT_NE(with_image(), before);
}

// libvirtd gives a domain's files to its QEMU's user and takes them back.
TEST_F(Shape, IsTheSameWithAnotherOwnerWhereLibvirtGivesIt) {
  const std::string disks = with_disks("<disk type='file'><source file='" + image.string() + "'/></disk>");
  const std::string before = shape_of(disks, true);
  fs::permissions(image, fs::perms::owner_read);
  EXPECT_EQ(shape_of(disks, true), before);
  set_written(image, 1'700'000'000);
  EXPECT_NE(shape_of(disks, true), before);
}

TEST_F(Shape, SaysThatAFileIsMissing) {
  fs::remove(image);
  EXPECT_NE(with_image().find(image.string() + " missing\n"), std::string::npos);
}

}  // namespace
}  // namespace kvmtest::libvirt
