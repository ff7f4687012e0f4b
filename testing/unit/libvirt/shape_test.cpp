#include "libvirt/shape.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "../directory.h"
#include "domains/templates.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

std::string with_disks(const std::string& disks) {
  return "<domain type='kvm'><name>a.east</name><devices>" + disks + "</devices></domain>";
}

class Shape : public ::testing::Test {
 protected:
  std::string of(const std::string& prefix, const std::string& host = "east", unsigned memory = 192) {
    return shape_of(templates.render({core::Prefix{prefix}, core::Host{host}},
                                     {"kvm", kernel, initrd, {}, "/state", memory}, prefix + "uuid"),
                    {});
  }
  std::string with_image() {
    return shape_of(with_disks("<disk type='file'><source file='" + image.string() + "'/><target dev='vda'/></disk>"),
                    {});
  }
  std::string with_base(const fs::path& base) {
    return shape_of(with_disks({}), {{LiveFile::Kind::overlay, "/live/vda.qcow2", base, "qcow2"}});
  }

  Directory directory;
  fs::path kernel = write(directory / "kernel", "kernel");
  fs::path initrd = write(directory / "initrd", "initrd");
  fs::path image = write(directory / "image", "image");
  domains::Templates templates{fs::path(KVMTEST_SOURCE) / "config/domains"};
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
  const std::string before = shape_of(disks, {}, true);
  fs::permissions(image, fs::perms::owner_read);
  EXPECT_EQ(shape_of(disks, {}, true), before);
  set_written(image, 1'700'000'000);
  EXPECT_NE(shape_of(disks, {}, true), before);
}

TEST_F(Shape, SaysThatAFileIsMissing) {
  fs::remove(image);
  EXPECT_NE(with_image().find(image.string() + " missing\n"), std::string::npos);
}

TEST_F(Shape, DiffersWithAnImageFarBelowTheBase) {
  set_written(image, 1'700'000'000);
  const fs::path top = directory / "top";
  ASSERT_EQ(
      std::system(("qemu-img create -q -f qcow2 -b '" + image.string() + "' -F raw '" + top.string() + "'").c_str()),
      0);
  const std::string before = with_base(top);
  EXPECT_EQ(with_base(top), before);
  set_written(image, 1'700'000'001);
  EXPECT_NE(with_base(top), before);
}

TEST_F(Shape, OfADeviceCountsWhatWasWrittenToIt) {
  for (const auto& entry : fs::directory_iterator("/dev")) {
    if (!entry.is_block_file()) continue;
    const std::string shape = with_base(entry.path());
    EXPECT_NE(shape.find(" sectors, "), std::string::npos) << shape;
    EXPECT_NE(shape.find(" written since boot "), std::string::npos) << shape;
    return;
  }
  GTEST_SKIP() << "this machine has no block device";
}

TEST_F(Shape, WhatIsBehindAnAddressIsKnownToThisProcessAlone) {
  EXPECT_NE(with_base("nbd://host/export").find("nbd://host/export known to process "), std::string::npos);
  EXPECT_EQ(with_base("nbd://host/export"), with_base("nbd://host/export"));
}

TEST_F(Shape, HasTheFirmwareThatLibvirtMayChoose) {
  const std::string shape = shape_of("<domain><os firmware='efi'/></domain>", {});
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/share/qemu/firmware", none))
    EXPECT_NE(shape.find(entry.path().string() + ' '), std::string::npos) << shape;
}

}  // namespace
}  // namespace kvmtest::libvirt
