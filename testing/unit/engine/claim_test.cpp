#include "engine/claim.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/errors.h"

namespace kvmtest::engine {
namespace {

const core::Prefix a{"a."};
const core::Prefix b{"b."};
const core::Prefix empty{""};

class ClaimTest : public ::testing::Test {
 public:
  ClaimTest() {
    std::string pattern = "/tmp/kvmtest-claim.XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~ClaimTest() override { std::filesystem::remove_all(directory_); }

 protected:
  std::filesystem::path directory_;
};

TEST_F(ClaimTest, OneHolderAtATimeAndItIsNamed) {
  Claims first(directory_, "/one");
  Claims second(directory_, "/two");
  first.claim({a});
  first.claim({a});  // held already
  try {
    second.claim({a});
    FAIL() << "claimed twice";
  } catch (const ClaimRefused& e) {
    EXPECT_EQ(std::string(e.what()), "prefix 'a.' is in use by pid " + std::to_string(getpid()) + " (/one)");
  }
  first.release(a);
  second.claim({a});
  EXPECT_THROW(first.claim({a}), ClaimRefused);
}

TEST_F(ClaimTest, AllOrNone) {
  Claims first(directory_, "/one");
  Claims second(directory_, "/two");
  first.claim({b});
  EXPECT_THROW(second.claim({a, b}), ClaimRefused);
  first.claim({a});  // the second gave it back
  second.claim({empty});
  EXPECT_THROW(first.claim({empty}), ClaimRefused);
}

TEST_F(ClaimTest, AClaimDiesWithItsHolder) {
  {
    Claims first(directory_, "/one");
    first.claim({a});
  }
  Claims second(directory_, "/two");
  second.claim({a});
}

TEST_F(ClaimTest, RemoteHypervisorsMeetElsewhere) {
  EXPECT_EQ(Claims::default_directory(""), Claims::default_directory("qemu:///system"));
  EXPECT_NE(Claims::default_directory(""), Claims::default_directory("qemu+ssh://far/system"));
}

}  // namespace
}  // namespace kvmtest::engine
