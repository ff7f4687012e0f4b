#include "engine/claim.h"

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

/// Each test has a scope of its own.
class ClaimTest : public ::testing::Test {
 protected:
  static Claims::Holder holder(const char* state_dir) { return {getpid(), state_dir}; }
  const std::string scope_ = "test-" + std::to_string(getpid());
};

TEST_F(ClaimTest, OneHolderAtATimeAndItIsNamed) {
  Claims first(scope_, holder("/one"));
  Claims second(scope_, holder("/two"));
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
  Claims first(scope_, holder("/one"));
  Claims second(scope_, holder("/two"));
  first.claim({b});
  EXPECT_THROW(second.claim({a, b}), ClaimRefused);
  first.claim({a});  // the second gave it back
  second.claim({empty});
  EXPECT_THROW(first.claim({empty}), ClaimRefused);
}

TEST_F(ClaimTest, AClaimDiesWithItsHolder) {
  {
    Claims first(scope_, holder("/one"));
    first.claim({a});
  }
  Claims second(scope_, holder("/two"));
  second.claim({a});
}

TEST_F(ClaimTest, RemoteHypervisorsMeetElsewhere) {
  EXPECT_EQ(Claims::default_scope(""), Claims::default_scope("qemu:///system"));
  EXPECT_NE(Claims::default_scope(""), Claims::default_scope("qemu+ssh://far/system"));
}

TEST_F(ClaimTest, EachHasANumberOfItsOwn) {
  Claims claims(scope_, holder("/one"));
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
    Claims claims(scope_, holder("/one"));
    claims.claim({other, b, a});
    EXPECT_EQ(claims.number_of(a), 1U);
    EXPECT_EQ(claims.number_of(b), 2U);
    number = claims.number_of(other);
  }
  Claims claims(scope_, holder("/one"));
  EXPECT_EQ(claims.number_of(other), number) << "of one that is not claimed, the one that it wants";
  claims.claim({a, other});
  EXPECT_EQ(claims.number_of(other), number);
}

// Two that want the same number; of two daemons, too.
TEST_F(ClaimTest, OneThatIsTakenIsNotGivenAgainWhileItIsHeld) {
  Claims first(scope_, holder("/one"));
  Claims second(scope_, holder("/two"));
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
}

TEST_F(ClaimTest, AReleasedPrefixKeepsItsNumberAndAnEndedDaemonGivesItUp) {
  unsigned number = 0;
  {
    Claims first(scope_, holder("/one"));
    Claims second(scope_, holder("/two"));
    first.claim({a});
    number = first.number_of(a);
    first.release(a);
    second.claim({a});
    EXPECT_NE(second.number_of(a), number);
  }
  Claims third(scope_, holder("/three"));
  third.claim({a});
  EXPECT_EQ(third.number_of(a), number) << "free again";
}

// What another user could have put in the way of a file is not looked at; a name of any length is claimed.
TEST_F(ClaimTest, LongPrefixesAreClaimedAndALongDirectoryIsCutShort) {
  const core::Prefix tall{std::string(300, 'x')};
  const std::string deep = "/" + std::string(500, 'd');
  Claims first(scope_, {getpid(), deep});
  Claims second(scope_, holder("/two"));
  first.claim({tall, a});
  EXPECT_THROW(second.claim({tall}), ClaimRefused);
  try {
    second.claim({a});
    FAIL() << "claimed twice";
  } catch (const ClaimRefused& e) {
    EXPECT_NE(std::string(e.what()).find("in use by pid " + std::to_string(getpid()) + " (/ddd"), std::string::npos)
        << e.what();
  }
}

TEST_F(ClaimTest, NumbersAreTakenOnSocketsOfTheMachineWhereThereAreAny) {
  int asked = 0;
  Claims claims(scope_, holder("/one"), [&asked] {
    ++asked;
    return -1;
  });
  claims.claim({a, b});
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(claims.number_of(b), 2U);
}

}  // namespace
}  // namespace kvmtest::engine
