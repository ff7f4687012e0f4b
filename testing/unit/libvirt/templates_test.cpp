#include "libvirt/templates.h"

#include <gtest/gtest.h>

namespace kvmtest::libvirt {
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

}  // namespace
}  // namespace kvmtest::libvirt
