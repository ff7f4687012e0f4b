#include "engine/file_system.h"

#include <string>

#include <gtest/gtest.h>

namespace kvmtest::engine {
namespace {

TEST(FileSystem, IsNamedByWhereItIsMounted) {
  const std::string shared = file_system_of("/dev/shm/no/such/file");
  EXPECT_TRUE(shared.starts_with("the file system on /dev/shm (")) << shared;
  EXPECT_TRUE(shared.ends_with(" free")) << shared;
  EXPECT_TRUE(file_system_of("/proc/self").starts_with("the file system on /proc (proc) has 0 KiB free"));
  EXPECT_TRUE(file_system_of("/nowhere/at/all").starts_with("the file system on / "));
}

}  // namespace
}  // namespace kvmtest::engine
