#include "libvirt/qemu_user.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pugixml.hpp>

#include "../directory.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

constexpr uid_t user = 1'234'567;

class QemuUserTest : public ::testing::Test {
 protected:
  QemuUserTest() { chmod(directory_.path().c_str(), 0755); }

  /// A file in a directory of that mode.
  [[nodiscard]] std::string file(const std::string& name, mode_t mode, mode_t directory_mode = 0755) const {
    const fs::path path = directory_.path() / ("in-" + name) / name;
    fs::create_directory(path.parent_path());
    std::ofstream(path) << "content";
    chmod(path.c_str(), mode);
    chmod(path.parent_path().c_str(), directory_mode);
    return path;
  }
  static std::string domain(const std::string& os, const std::string& devices, const std::string& rest = {}) {
    return "<domain type='kvm'>" + rest + "<os>" + os + "</os><devices>" + devices + "</devices></domain>";
  }
  [[nodiscard]] Opened opened(const std::string& xml) const {
    QemuUsers users{user, [](const fs::path& path) { return "/shown" / path.filename(); }, {}};
    return open_to(xml, user, users);
  }
  [[nodiscard]] std::string kernel_of(const Opened& opened) const {
    pugi::xml_document document;
    document.load_string(opened.xml.c_str());
    return document.child("domain").child("os").child("kernel").text().get();
  }

  const Directory directory_;
};

TEST_F(QemuUserTest, WhatAllMayReadStaysAsItIs) {
  const std::string kernel = file("kernel", 0644);
  const Opened open = opened(domain("<kernel>" + kernel + "</kernel>", "<rng><backend>/dev/urandom</backend></rng>"));
  EXPECT_EQ(open.user, user) << open.closed;
  EXPECT_EQ(kernel_of(open), kernel);
}

TEST_F(QemuUserTest, WhatLiesBehindAClosedDirectoryIsShown) {
  const std::string kernel = file("kernel", 0644, 0700);
  const std::string image = file("disk.raw", 0644, 0700);
  const Opened open =
      opened(domain("<kernel>" + kernel + "</kernel>", "<disk type='file'><source file='" + image + "'/></disk>"));
  EXPECT_EQ(open.user, user) << open.closed;
  EXPECT_EQ(kernel_of(open), "/shown/kernel");
  EXPECT_NE(open.xml.find("/shown/disk.raw"), std::string::npos) << open.xml;
}

TEST_F(QemuUserTest, WhatOnlyItsOwnerMayReadKeepsTheDaemonsUser) {
  const std::string kernel = file("kernel", 0600);
  const std::string xml = domain("<kernel>" + kernel + "</kernel>", "");
  const Opened open = opened(xml);
  EXPECT_FALSE(open.user);
  EXPECT_EQ(open.closed, kernel + ": only its owner may read it");
  EXPECT_EQ(open.xml, xml);
}

TEST_F(QemuUserTest, AnImageBelowADiskIsFoundByWhatTheImageSays) {
  const std::string below = file("below.raw", 0644, 0700);
  const std::string above = directory_.path() / "above.qcow2";
  ASSERT_EQ(std::system(("qemu-img create -q -f qcow2 -F raw -b " + below + " " + above + " 1M").c_str()), 0);
  chmod(above.c_str(), 0644);
  const Opened open = opened(domain("", "<disk type='file'><source file='" + above + "'/></disk>"));
  EXPECT_FALSE(open.user);
  EXPECT_EQ(open.closed, below + ": an image below a disk's, which only others may read");
}

TEST_F(QemuUserTest, WhatIsSharedToBeWrittenToKeepsTheDaemonsUser) {
  const std::string shared = "<filesystem><source dir='" + directory_.path().string() + "'/>";
  EXPECT_FALSE(opened(domain("", shared + "</filesystem>")).user);
  EXPECT_EQ(opened(domain("", shared + "<readonly/></filesystem>")).user, user);
  chmod(directory_.path().c_str(), 0700);
  EXPECT_FALSE(opened(domain("", shared + "<readonly/></filesystem>")).user);
}

TEST_F(QemuUserTest, SoDoesWhatLibvirtMakesAsItselfAndWhatSaysAsWhom) {
  EXPECT_FALSE(opened(domain("<nvram>/var/lib/x</nvram>", "")).user);
  EXPECT_FALSE(opened(domain("", "<tpm model='tpm-crb'/>")).user);
  EXPECT_FALSE(opened(domain("", "", "<seclabel type='none'/>")).user);
  EXPECT_FALSE(opened(domain("", "", "<qemu:commandline/>")).user);
  const std::string device = file("device", 0660);
  EXPECT_EQ(opened(domain("", "<hostdev><source><char dev='" + device + "'/></source></hostdev>")).closed,
            device + ": only others may use it");
}

// As root alone, who may give files away.
TEST_F(QemuUserTest, AFileThatIsGivenIsReadByItsUserAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const fs::path memory = write(directory_ / "live" / "a.east" / "memory.qcow2", "state");
  chmod(memory.c_str(), 0644);
  chmod(memory.parent_path().c_str(), 0700);
  give(memory, user);
  struct stat status {};
  ASSERT_EQ(stat(memory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_uid, user);
  ASSERT_EQ(stat(memory.parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0711U) << "passed through, and not listed";
  EXPECT_EQ(status.st_uid, 0U) << "ours, so that we can remove what is in it";
}

TEST_F(QemuUserTest, TheLabelNamesTheUserByNumber) {
  pugi::xml_document document;
  document.load_string(run_as(domain("", ""), user, {}).c_str());
  const auto label = document.child("domain").child("seclabel");
  EXPECT_STREQ(label.attribute("relabel").value(), "no");
  EXPECT_STREQ(label.child("label").text().get(), "+1234567:+1234567");
}

TEST_F(QemuUserTest, AnEmulatorIsStartedSoThatItSeesWhatTheDomainNeeds) {
  const std::string emulator = file("qemu", 0755);
  const std::string kernel = file("kernel", 0644);
  const std::string disk = file("disk", 0644);
  QemuFiles asked;
  QemuUsers users;
  users.start = [&](const QemuFiles& files) {
    asked = files;
    return QemuStart{"/start/qemu", "FILES", "value"};
  };
  pugi::xml_document document;
  document.load_string(
      run_as(domain("<kernel>" + kernel + "</kernel>", "<emulator>" + emulator + "</emulator><disk><source file='" +
                                                           disk + "'/></disk><serial><log file='/nosuch'/></serial>"),
             user, users)
          .c_str());
  EXPECT_EQ(asked.emulator, emulator);
  EXPECT_EQ(asked.read, (std::vector<fs::path>{kernel, disk}));
  const auto started = document.child("domain");
  EXPECT_STREQ(started.child("devices").child("emulator").text().get(), "/start/qemu");
  const auto variable = started.child("qemu:commandline").child("qemu:env");
  EXPECT_STREQ(variable.attribute("name").value(), "FILES");
  EXPECT_STREQ(variable.attribute("value").value(), "value");
}

TEST_F(QemuUserTest, QemusOwnArgumentsAreFoundByAnyNameOfTheirNamespace) {
  for (const char* name : {"qemu", "q"}) {
    const std::string tag = std::string(name) + ":commandline";
    const Opened open = opened(domain("", "", "<" + tag + "/>"));
    EXPECT_FALSE(open.user) << tag;
  }
}

}  // namespace
}  // namespace kvmtest::libvirt
