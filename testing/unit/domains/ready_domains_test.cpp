#include "domains/ready_domains.h"

#include <gtest/gtest.h>

#include "../directory.h"
#include "core/input_error.h"
#include "domains/templates.h"

namespace kvmtest::domains {
namespace {

std::string xml(const std::string& name, const std::string& devices = "<serial type='pty'/>") {
  return "<domain type='kvm'><name>" + name + "</name><memory>1024</memory><cpu mode='host-passthrough'/><devices>" +
         devices + "</devices></domain>";
}

std::string error_of(const Directory& directory) {
  try {
    (void)read_ready_domains(directory.path());
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "no error";
}

core::Domain domain(const std::string& prefix, const std::string& host) {
  return {core::Prefix{prefix}, core::Host{host}};
}

TEST(ReadyDomains, TheFilesNameHasThePlatformBetweenPrefixAndHost) {
  EXPECT_EQ(ready_domain("a.linuxeast", "a.east"), domain("a.", "east"));
  EXPECT_EQ(ready_domain("a.netbsdnorth", "a.north"), domain("a.", "netbsdnorth"));
  EXPECT_EQ(ready_domain("linuxeast", "east"), domain("", "east"));
  EXPECT_EQ(ready_domain("netbsdrise", "rise"), domain("", "netbsdrise"));
  EXPECT_EQ(ready_domain("m1.nic", "m1.nic"), domain("m1.", "nic"));
}

TEST(ReadyDomains, AreTakenAsTheyAreBesideImagesAndNotes) {
  const Directory directory;
  const std::string devices =
      "<interface type='network'><source network='a.192_1_2' bridge='virbr7'/></interface><filesystem type='mount'>"
      "<source dir='/src/testing'/><target dir='testing'/></filesystem><serial type='pty'/>";
  write(directory / "a.linuxeast", xml("a.east", devices));
  write(directory / "a.netbsdeast", xml("a.east"));
  write(directory / "a.linuxeast.qcow2", std::string("QFI\xfb", 4));
  write(directory / "README", "<p>no domain</p>");
  const Templates templates({}, directory.path());
  EXPECT_EQ(templates.hosts(), (std::set<std::string>{"east", "netbsdeast"}));
  EXPECT_EQ(templates.networks_of(core::Prefix{"a."}), std::vector<std::string>{"a.192_1_2"});
  Substitutions emulated;
  emulated.type = "qemu";
  const std::string text = templates.render(domain("a.", "netbsdeast"), emulated, {});
  EXPECT_NE(text.find("<name>a.netbsdeast</name>"), std::string::npos) << text;
  EXPECT_NE(text.find("<domain type=\"qemu\">"), std::string::npos) << text;
  EXPECT_EQ(text.find("host-passthrough"), std::string::npos) << text;
  const std::string east = templates.render(domain("a.", "east"), {}, {});
  EXPECT_NE(east.find("<source bridge=\"a.192_1_2\""), std::string::npos) << east;
  EXPECT_NE(east.find("<source dir=\"/src/testing\""), std::string::npos) << east;
  EXPECT_NE(Templates::on_networks(east).find("<source network=\"a.192_1_2\""), std::string::npos);
}

TEST(ReadyDomains, WhatIsWrongIsSaid) {
  const Directory directory;
  EXPECT_NE(error_of(directory).find("no domain is described here"), std::string::npos);
  write(directory / "a.linuxeast", xml("a.east", ""));
  EXPECT_NE(error_of(directory).find("a.linuxeast: this domain has no console"), std::string::npos);
  write(directory / "a.linuxeast", xml("a.east"));
  write(directory / "b.linuxeast", xml("b.east"));
  write(directory / "b.linuxwest", xml("b.west"));
  EXPECT_NE(error_of(directory).find("prefix 'a.' has no domain for west, and prefix 'b.' has one"), std::string::npos)
      << error_of(directory);
  write(directory / "a.linuxwest", xml("a.west"));
  const Templates templates({}, directory.path());
  templates.check_prefixes({"a.", "b."});
  EXPECT_THROW(templates.check_prefixes({"c."}), core::InputError);
}

}  // namespace
}  // namespace kvmtest::domains
