#include "domains/templates.h"

#include <fstream>

#include <gtest/gtest.h>

#include "../directory.h"
#include "core/input_error.h"

namespace kvmtest::domains {
namespace {

// The words are libvirt's own (formatdomain.html, memory).
TEST(Memory, IsReadInEveryUnit) {
  const auto memory = [](const std::string& attribute, const std::string& number) {
    return memory_of("<domain><memory" + attribute + ">" + number + "</memory></domain>");
  };
  EXPECT_EQ(memory("", "196608"), 192ULL << 20) << "KiB, when nothing is said";
  EXPECT_EQ(memory(" unit='b'", "7"), 7U);
  EXPECT_EQ(memory(" unit='bytes'", "7"), 7U);
  EXPECT_EQ(memory(" unit='KB'", "7"), 7'000U);
  EXPECT_EQ(memory(" unit='k'", "7"), 7ULL << 10);
  EXPECT_EQ(memory(" unit='KiB'", "7"), 7ULL << 10);
  EXPECT_EQ(memory(" unit='MB'", "7"), 7'000'000U);
  EXPECT_EQ(memory(" unit='M'", "7"), 7ULL << 20);
  EXPECT_EQ(memory(" unit='MiB'", "7"), 7ULL << 20);
  EXPECT_EQ(memory(" unit='GB'", "7"), 7'000'000'000ULL);
  EXPECT_EQ(memory(" unit='G'", "7"), 7ULL << 30);
  EXPECT_EQ(memory(" unit='GiB'", "7"), 7ULL << 30);
  EXPECT_EQ(memory(" unit='TB'", "7"), 7'000'000'000'000ULL);
  EXPECT_EQ(memory(" unit='T'", "7"), 7ULL << 40);
  EXPECT_EQ(memory(" unit='TiB'", "7"), 7ULL << 40);
  EXPECT_EQ(memory_of("<domain/>"), 0U);
}

TEST(Kernel, IsLeftOutOfADomainThatGoesBack) {
  const std::string booted =
      "<domain><os><type>hvm</type><kernel>/k</kernel><initrd>/i</initrd><cmdline>quiet</cmdline></os></domain>";
  EXPECT_TRUE(has_kernel(booted));
  const std::string restored = Templates::without_kernel(booted);
  EXPECT_FALSE(has_kernel(restored));
  EXPECT_NE(restored.find("<type>hvm</type>"), std::string::npos) << restored;
  EXPECT_EQ(restored.find("/i<"), std::string::npos) << restored;
  EXPECT_EQ(restored.find("quiet"), std::string::npos)
      << "libvirt refuses a command line without a kernel: " << restored;
}

std::string with_devices(const std::string& devices) { return "<domain><devices>" + devices + "</devices></domain>"; }

TEST(SocketConsole, TakesThePlaceOfAPseudoTerminal) {
  const std::string serial = "<serial type='pty'><source path='/dev/pts/1'/><target port='0'/></serial>";
  const std::string second = "<serial type='pty'><target port='1'/></serial>";
  const std::string console = "<console type='pty'><target type='serial' port='0'/></console>";
  const std::string moved = Templates::with_socket_console(with_devices(serial + second + console), "/run/a.console");
  EXPECT_EQ(Templates::console_socket(moved), "/run/a.console") << moved;
  EXPECT_EQ(moved.find("/dev/pts"), std::string::npos) << moved;
  EXPECT_NE(moved.find("<serial type=\"unix\">"), std::string::npos) << moved;
  EXPECT_NE(moved.find("<serial type=\"pty\">"), std::string::npos) << "the second port: " << moved;
}

TEST(SocketConsole, OfAnotherKindStaysWhatItIs) {
  const std::string virtio =
      "<serial type='pty'><target port='0'/></serial><console type='pty'><target type='virtio'/></console>";
  const std::string moved = Templates::with_socket_console(with_devices(virtio), "/run/a.console");
  EXPECT_EQ(Templates::console_socket(moved), "/run/a.console") << moved;
  EXPECT_NE(moved.find("<serial type=\"pty\">"), std::string::npos) << "which is another port: " << moved;

  const std::string network = "<serial type='tcp'><source mode='bind' host='127.0.0.1' service='2'/></serial>";
  EXPECT_EQ(Templates::console_socket(Templates::with_socket_console(with_devices(network), "/run/a.console")), "");
  EXPECT_EQ(
      Templates::console_socket(with_devices("<console type='unix'><source mode='connect' path='/c'/></console>")), "")
      << "where QEMU does not listen";
}

constexpr const char* east_on_a_bridge =
    "<domain><name>a.east</name><uuid>1</uuid><devices><interface type='bridge'><source bridge='a.net'/>"
    "<mac address='52:54:00:00:00:01'/><model type='virtio'/></interface></devices></domain>";

TEST(Unconnected, TheSameCardsAreOnNoBridge) {
  const auto xml = Templates::unconnected(east_on_a_bridge, "a.east+2", "");
  ASSERT_TRUE(xml);
  EXPECT_NE(xml->find("<name>a.east+2</name>"), std::string::npos) << *xml;
  EXPECT_NE(xml->find("type=\"ethernet\""), std::string::npos) << *xml;
  EXPECT_NE(xml->find("52:54:00:00:00:01"), std::string::npos) << *xml;
  EXPECT_TRUE(bridges_of(*xml).empty()) << *xml;
  EXPECT_EQ(xml->find("uuid"), std::string::npos) << "libvirt chooses one: " << *xml;
  EXPECT_NE(Templates::unconnected(east_on_a_bridge, "a.east", "2")->find("<uuid>2</uuid>"), std::string::npos);
}

TEST(Unconnected, CardsThatNeedMoreOfLibvirtThanABridgeCannotBe) {
  const std::string xml = east_on_a_bridge;
  const auto with = [&](const std::string& element) {
    std::string changed = xml;
    return changed.insert(changed.find("<mac"), element);
  };
  EXPECT_TRUE(Templates::unconnected(with("<mtu size='9000'/>"), "a.east+2", ""));
  for (const char* element : {"<vlan><tag id='5'/></vlan>", "<target dev='east0'/>", "<filterref filter='clean'/>"})
    EXPECT_FALSE(Templates::unconnected(with(element), "a.east+2", "")) << element;
  EXPECT_FALSE(Templates::unconnected("<domain><name>n</name><devices><interface type='network'/></devices></domain>",
                                      "n+2", ""));
}

class Image : public ::testing::Test {
 protected:
  std::string rendered(const std::string& disk) {
    std::ofstream(directory_.path() / "east.xml")
        << "<domain type='@@TYPE@@'><devices>" << disk << "<serial type='pty'/></devices></domain>";
    Substitutions with;
    with.type = "qemu";
    with.image = image_;
    return Templates(directory_.path()).render({core::Prefix{"a."}, core::Host{"east"}}, with, {});
  }

  Directory directory_;
  const std::filesystem::path image_ = directory_.path() / "disk";
};

TEST_F(Image, IsTheFirstDiskWhereNoTemplatePlacesIt) {
  std::ofstream(image_) << "QFI\xfb and more";
  const std::string xml = rendered("");
  EXPECT_NE(xml.find("<source file=\"" + image_.string() + "\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("<target dev=\"vda\" bus=\"virtio\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("type=\"qcow2\""), std::string::npos) << xml;
}

TEST_F(Image, IsRawUnlessItsFirstBytesSayOtherwise) {
  std::ofstream(image_) << "";
  EXPECT_NE(rendered("").find("type=\"raw\""), std::string::npos);
}

TEST_F(Image, IsWhereTheTemplatePlacesIt) {
  const std::string xml = rendered("<disk type='file'><source file='@@IMAGE@@'/><target dev='sda'/></disk>");
  EXPECT_NE(xml.find(image_.string()), std::string::npos) << xml;
  EXPECT_EQ(xml.find("vda"), std::string::npos) << "and nowhere else: " << xml;
}

// ---- the prefix's number ----

class PrefixNumber : public ::testing::Test {
 protected:
  std::string rendered(const std::string& placeholder, unsigned number) {
    std::ofstream(directory_.path() / "east.xml")
        << "<domain><title>" << placeholder << "</title><devices><serial type='pty'/></devices></domain>";
    Substitutions with;
    with.prefix_number = [&](const core::Prefix& prefix) { return prefix.value == "a." ? number : 0; };
    const std::string xml = Templates(directory_.path()).render({core::Prefix{"a."}, core::Host{"east"}}, with, {});
    const auto start = xml.find("<title>") + 7;
    return xml.substr(start, xml.find("</title>") - start);
  }
  std::string refusal(const std::string& placeholder) {
    try {
      return rendered(placeholder, 1);
    } catch (const core::InputError& e) {
      return e.what();
    }
  }

  Directory directory_;
};

TEST_F(PrefixNumber, ItsShareIsPutInToo) {
  std::ofstream(directory_.path() / "east.xml")
      << "<domain><title>@@SHARE@@</title><devices><serial type='pty'/></devices></domain>";
  Substitutions with;
  with.share = [](const core::Prefix& prefix) { return "/state/" + prefix.value + "share"; };
  const std::string xml = Templates(directory_.path()).render({core::Prefix{"a."}, core::Host{"east"}}, with, {});
  EXPECT_NE(xml.find("<title>/state/a.share</title>"), std::string::npos) << xml;
}

TEST_F(PrefixNumber, IsPutInWithWhatIsToBeMadeOfIt) {
  EXPECT_EQ(rendered("@@PREFIX_NUMBER@@", 7), "7");
  EXPECT_EQ(rendered("@@PREFIX_NUMBER+20000@@", 7), "20007");
  EXPECT_EQ(rendered("@@PREFIX_NUMBER*10@@", 7), "70");
  EXPECT_EQ(rendered("@@PREFIX_NUMBER*10+20000@@", 250), "22500");
  EXPECT_EQ(rendered("52:54:00:00:00:@@PREFIX_NUMBER_HEX@@", 7), "52:54:00:00:00:07");
  EXPECT_EQ(rendered("@@PREFIX_NUMBER_HEX@@", 250), "fa");
}

TEST_F(PrefixNumber, WithAnythingElseIsRefusedWithItsPlace) {
  for (const char* wrong : {"@@PREFIX_NUMBER+@@", "@@PREFIX_NUMBER-1@@", "@@PREFIX_NUMBER+1*2@@", "@@PREFIX_NUMBERS@@",
                            "@@PREFIX_NUMBER+1234567890@@", "@@PREFIX_NUMBER + 1@@", "@@PREFIX_NUMBER_HEX+1@@"}) {
    const std::string why = refusal(wrong);
    EXPECT_NE(why.find("east.xml:1:16: placeholder "), std::string::npos) << why;
    EXPECT_NE(why.find("write @@PREFIX_NUMBER@@, @@PREFIX_NUMBER+20000@@"), std::string::npos) << why;
  }
}

TEST(Unconnected, NorCanADomainThatHasWhatOnlyOneCanHave) {
  for (const char* device :
       {"<vsock><cid auto='no' address='3'/></vsock>", "<vsock><cid address='3'/></vsock>",
        "<graphics type='vnc' port='5901'/>", "<serial type='tcp'><source mode='bind' host='h' service='1'/></serial>",
        "<channel type='unix'><source mode='bind' path='/s'/></channel>",
        "<disk type='file'><source file='/o'/><backingStore type='network'><source protocol='nbd' "
        "name='x'/></backingStore></disk>"}) {
    std::string xml = east_on_a_bridge;
    EXPECT_FALSE(Templates::unconnected(xml.insert(xml.find("<interface"), device), "a.east+2", "")) << device;
  }
  for (const char* device : {"<vsock><cid auto='yes'/></vsock>", "<graphics type='vnc' port='-1' autoport='yes'/>",
                             "<serial type='tcp'><source mode='connect' host='h' service='1'/></serial>"}) {
    std::string xml = east_on_a_bridge;
    EXPECT_TRUE(Templates::unconnected(xml.insert(xml.find("<interface"), device), "a.east+2", "")) << device;
  }
  std::string xml = east_on_a_bridge;
  xml.insert(xml.find("<devices>"),
             "<qemu:commandline><qemu:arg value='user,id=n,hostfwd=tcp::2201-:22'/></qemu:commandline>");
  EXPECT_FALSE(Templates::unconnected(xml, "a.east+2", ""));
}

// What scripts/libreswan-domains makes of a checkout (docs/libreswan.md), as a template and in libvirt's words.
TEST(LibreswanDomains, AreTheCheckoutsNetworkOnOurGuest) {
  const Directory directory;
  const std::filesystem::path testing = directory.path() / "check out/testing";
  std::filesystem::create_directories(testing / "kvm/vm");
  std::filesystem::create_directories(testing / "kvm/systemd/network");
  std::ofstream(testing / "kvm/vm/east.xml")
      << "<domain><devices><!-- eth0 --><interface type='bridge'>\n<mac address='12:00:00:DC:BC:FF'/>\n"
         "<source bridge='@@DOMAIN_PREFIX@@192_0_2'/></interface>\n<interface type='bridge'>\n"
         "<!-- <source bridge='@@DOMAIN_PREFIX@@198_18_?' /> -->\n<source "
         "bridge='@@DOMAIN_PREFIX@@192_1_2'/></interface>\n"
         "<!--bsd?--> <interface type='bridge'><source bridge='swandefault'/></interface>\n</devices></domain>\n";
  std::ofstream(testing / "kvm/systemd/network/east.eth0.network") << "[Network]\nAddress=192.0.2.254/24\n";
  std::ofstream(testing / "kvm/systemd/network/east.eth1.network")
      << "[Network]\nAddress=192.1.2.23/24\nGateway=192.1.2.254\nGateway=2001:db8:1:2::254\n\n"
         "[Route]\nGateway=2001:db8:1:2::45\nDestination=2001:db8:0:1::7/64\nGatewayOnlink=yes\n";
  const std::string script = KVMTEST_SOURCE "/scripts/libreswan-domains '" + (directory.path() / "check out").string() +
                             "' '" + (directory.path() / "out").string() + "' >'" +
                             (directory.path() / "said").string() + "'";
  ASSERT_EQ(std::system(script.c_str()), 0);

  Substitutions with;
  with.type = "qemu";
  const Templates templates(directory.path() / "out/domains");
  ASSERT_EQ(templates.hosts(), std::set<std::string>{"east"});
  const std::string domain = templates.render({core::Prefix{"a."}, core::Host{"east"}}, with, {});
  for (const char* part :
       {"<name>a.east</name>", "<source bridge=\"a.192_0_2\"", "<mac address=\"12:00:00:dc:bc:ff\"",
        "<source bridge=\"a.192_1_2\"", "kvmtest.host=east", "kvmtest.address=eth0:192.0.2.254/24",
        "kvmtest.route=default:192.1.2.254", "kvmtest.route=[::]/0:2001:db8:1:2::254",
        "kvmtest.route=[2001:db8:0:1::]/64:2001:db8:1:2::45", "kvmtest.hosts=192.1.2.23,east", "check out/testing"})
    EXPECT_NE(domain.find(part), std::string::npos) << part << " in\n" << domain;
  for (const char* part : {"198_18", "swandefault", "52:54:00"})
    EXPECT_EQ(domain.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace kvmtest::domains
