#include "libvirt/images.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "../directory.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;

class Images : public ::testing::Test {
 protected:
  static std::string refusal(const fs::path& file, const std::string& below, const std::string& format) {
    try {
      make_overlay(file, below, format);
    } catch (const engine::HostFault& e) {
      return e.what();
    }
    return "made";
  }
  fs::path image(const std::string& name, const std::string& options) const {
    EXPECT_EQ(std::system(("cd '" + directory.path().string() + "' && qemu-img create -q -f qcow2 " + options + ' ' +
                           name + " 64K")
                              .c_str()),
              0);
    return directory / name;
  }

  Directory directory;
  fs::path base = write(directory / "base", std::string(65536, 'x'));
};

TEST_F(Images, AnOverlayIsMadeAndItsBaseStays) {
  make_overlay(directory / "vda.qcow2", base, "");
  EXPECT_EQ(read(directory / "vda.qcow2").substr(0, 4), "QFI\xfb");
  EXPECT_EQ(read(base), std::string(65536, 'x'));
}

TEST_F(Images, ABaseThatIsNotThereIsNamed) {
  const std::string why = refusal(directory / "vda.qcow2", directory / "gone", "qcow2");
  EXPECT_TRUE(why.starts_with((directory / "gone").string() + ": qemu-img: ")) << why;
  EXPECT_NE(why.find("No such file"), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
}

TEST_F(Images, ABaseOfAnotherFormatIsRefused) {
  const std::string why = refusal(directory / "vda.qcow2", base, "qcow2");
  EXPECT_TRUE(why.starts_with(base.string() + ": qemu-img: ")) << why;
}

TEST_F(Images, APlaceThatCannotBeWrittenIsSaid) { EXPECT_NE(refusal(base / "vda.qcow2", base, "raw"), "made"); }

TEST_F(Images, AMemoryImageIsEmpty) {
  make_memory_image(directory / "memory.qcow2");
  EXPECT_EQ(read(directory / "memory.qcow2").substr(0, 4), "QFI\xfb");
  EXPECT_LT(fs::file_size(directory / "memory.qcow2"), 1U << 20);
  EXPECT_THROW(make_memory_image(directory / "nowhere/memory.qcow2"), engine::HostFault);
}

TEST_F(Images, WhatLiesBelowIsWhatHeadersName) {
  const fs::path middle = image("middle", "-b base -F raw");
  const fs::path top = image("top", "-b " + middle.string() + " -F qcow2");
  EXPECT_EQ(images_below(top), (std::vector<fs::path>{middle, base}));
  const fs::path json =
      image("json", "-u -F raw -b 'json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"/j\"}}'");
  EXPECT_EQ(images_below(json), std::vector<fs::path>{"/j"});
  EXPECT_TRUE(images_below(image("remote", "-u -b nbd://host/export -F raw")).empty());
  EXPECT_TRUE(images_below(base).empty());
  EXPECT_TRUE(images_below(directory / "gone").empty());
}

TEST_F(Images, ExternalDataLiesBelowAsWell) {
  EXPECT_EQ(images_below(image("outside", "-o data_file=data,data_file_raw=on")),
            std::vector<fs::path>{directory / "data"});
}

TEST_F(Images, AChainThatIsARingEnds) {
  image("one", "-u -b two -F qcow2");
  image("two", "-u -b one -F qcow2");
  EXPECT_EQ(images_below(directory / "one").size(), 2U);
}

}  // namespace
}  // namespace kvmtest::libvirt
