#include "engine/claim.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

TEST_F(ClaimTest, EachHasANumberOfItsOwn) {
  Claims claims(directory_, "/one");
  std::vector<core::Prefix> prefixes{empty};
  for (int i = 0; i < 200; ++i) prefixes.push_back(core::Prefix{"t" + std::to_string(i) + "."});
  claims.claim(prefixes);
  std::set<unsigned> numbers;
  for (const core::Prefix& prefix : prefixes) {
    const unsigned number = claims.number_of(prefix);
    EXPECT_GE(number, 1U) << prefix.value;
    EXPECT_LE(number, Claims::most_numbers) << prefix.value;
    EXPECT_TRUE(numbers.insert(number).second) << prefix.value << number;
  }
}

TEST_F(ClaimTest, TheNumberIsTheSameAgainAndThatOfALetterIsItsPlace) {
  const core::Prefix other{"test7."};
  unsigned number = 0;
  {
    Claims claims(directory_, "/one");
    claims.claim({other, b, a});
    EXPECT_EQ(claims.number_of(a), 1U);
    EXPECT_EQ(claims.number_of(b), 2U);
    number = claims.number_of(other);
  }
  Claims claims(directory_, "/one");
  EXPECT_EQ(claims.number_of(other), number) << "of one that is not claimed, the one that it wants";
  claims.claim({a, other});
  EXPECT_EQ(claims.number_of(other), number);
}

// Two that want the same number; of two daemons, too.
TEST_F(ClaimTest, OneThatIsTakenIsNotGivenAgainWhileItIsHeld) {
  Claims first(directory_, "/one");
  Claims second(directory_, "/two");
  std::map<unsigned, core::Prefix> wanted;
  std::pair<core::Prefix, core::Prefix> alike;
  for (int i = 0; alike.first.value.empty(); ++i) {
    const core::Prefix prefix{"p" + std::to_string(i) + "."};
    const auto [found, added] = wanted.emplace(first.number_of(prefix), prefix);
    if (!added) alike = {found->second, prefix};
  }
  first.claim({alike.first});
  second.claim({alike.second});
  EXPECT_NE(first.number_of(alike.first), second.number_of(alike.second));
  first.release(alike.first);
  second.release(alike.second);
  second.claim({alike.second});
  EXPECT_EQ(second.number_of(alike.second), first.number_of(alike.second)) << "free again";
}

}  // namespace
}  // namespace kvmtest::engine
