// What is known of a domain's two QEMUs.

#include "libvirt/twins.h"

#include <chrono>
#include <future>

#include <gtest/gtest.h>

namespace kvmtest::libvirt {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using engine::End;

const core::Domain east{core::Prefix{"a."}, core::Host{"east"}};

TEST(TwinNames, TheSecondHasOneThatNoDomainOfOursCanHave) {
  EXPECT_EQ(name_of(east, Twin::first), "a.east");
  EXPECT_EQ(name_of(east, Twin::second), "a.east+2");
}

TEST(TwinsTest, TheFirstIsOnTheNetworkUntilTheyAreExchanged) {
  Twins twins;
  EXPECT_EQ(twins.on_network(), Twin::first);
  EXPECT_EQ(twins.spare(), Twin::second);
  twins.exchange();
  EXPECT_EQ(twins.on_network(), Twin::second);
  EXPECT_EQ(twins.spare(), Twin::first);
  twins.exchange();
  EXPECT_EQ(twins.on_network(), Twin::first);
}

TEST(TwinsTest, AfterADestructionTheFirstIsOnTheNetworkWhicheverWas) {
  Twins twins;
  twins.first_on_network();
  EXPECT_EQ(twins.on_network(), Twin::first);
  twins.exchange();
  twins.first_on_network();
  EXPECT_EQ(twins.on_network(), Twin::first);
}

TEST(TwinsTest, TheFirstWordOfAnEndCounts) {
  Twins twins;
  twins.starting(Twin::first);
  EXPECT_TRUE(twins.ended(Twin::first, {Fault::guest, "the guest crashed"}));
  EXPECT_FALSE(twins.ended(Twin::first, {Fault::host, "somebody destroyed the domain"}));
  const auto end = twins.wait_for_end(Twin::first, 0ms);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->reason, "the guest crashed");
  EXPECT_FALSE(twins.wait_for_end(Twin::second, 0ms)) << "the other one goes on";
}

TEST(TwinsTest, AStartForgetsTheEndBeforeIt) {
  Twins twins;
  twins.ending(Twin::second, "guest-reset");
  twins.ended(Twin::second, {Fault::guest, "the guest rebooted", true});
  twins.starting(Twin::second);
  EXPECT_FALSE(twins.wait_for_end(Twin::second, 0ms));
  EXPECT_EQ(twins.reason(Twin::second), "");
  EXPECT_TRUE(twins.ended(Twin::second, {Fault::host, "QEMU died"}));
}

TEST(TwinsTest, WhoeverWaitsForAnEndIsTold) {
  Twins twins;
  auto waiting = std::async(std::launch::async, [&] { return twins.wait_for_end(Twin::first, 60s); });
  twins.ended(Twin::second, {Fault::host, "the spare's"});
  twins.ended(Twin::first, {Fault::host, "QEMU died"});
  const auto end = waiting.get();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->reason, "QEMU died");
}

TEST(TwinsTest, QemusFirstReasonCounts) {
  Twins twins;
  EXPECT_EQ(twins.reason(Twin::first), "");
  twins.ending(Twin::first, "guest-reset");
  twins.ending(Twin::first, "host-signal");
  EXPECT_EQ(twins.reason(Twin::first), "guest-reset");
  EXPECT_EQ(twins.reason(Twin::second), "");
}

TEST(TwinsTest, AnEndGivesTheCloserOfTheConsoleThatIsOpen) {
  Twins twins;
  int closed = 0;
  EXPECT_FALSE(twins.started(Twin::first));
  twins.starting(Twin::first);
  EXPECT_FALSE(twins.started(Twin::first)) << "libvirt may refuse it yet";
  twins.opened(Twin::first, [&] { closed = 1; });
  EXPECT_TRUE(twins.started(Twin::first));
  EXPECT_FALSE(twins.started(Twin::second));
  twins.ended(Twin::first, {Fault::host, "QEMU died"});
  twins.starting(Twin::first);
  twins.opened(Twin::first, [&] { closed = 2; });
  const auto closer = twins.ended(Twin::first, {Fault::host, "it stands still"});
  ASSERT_TRUE(closer && *closer);
  (*closer)();
  EXPECT_EQ(closed, 2);
}

TEST(TwinsTest, OneThatWeNeverStartedHasNoConsoleToClose) {
  Twins twins;
  const auto closer = twins.ended(Twin::first, {Fault::host, "somebody destroyed the domain"});
  ASSERT_TRUE(closer);
  EXPECT_FALSE(*closer);
}

TEST(TwinsTest, OneIsHeldFromItsStartUntilItIsLetGo) {
  Twins twins;
  EXPECT_FALSE(twins.held(Twin::first));
  twins.starting(Twin::first);
  EXPECT_TRUE(twins.held(Twin::first));
  EXPECT_FALSE(twins.held(Twin::second));
  twins.let_go(Twin::first);
  EXPECT_FALSE(twins.held(Twin::first));
  twins.hold(Twin::first);
  EXPECT_TRUE(twins.held(Twin::first));
}

TEST(TwinsTest, ADisksErrorIsForgottenWhenTheDomainGoesOn) {
  Twins twins;
  twins.disk_failed(Twin::first, {"/a", "eio"});
  twins.disk_failed(Twin::first, {"/b", "enospc"});
  EXPECT_EQ(twins.disk_error(Twin::first).path, "/b") << "the last one counts";
  EXPECT_EQ(twins.disk_error(Twin::second).path, "");
  twins.let_go(Twin::first);
  EXPECT_EQ(twins.disk_error(Twin::first).path, "");
  EXPECT_EQ(twins.disk_error(Twin::first).reason, "");
}

class SavedOfTwins : public ::testing::Test {
 protected:
  SavedOfTwins() {
    Saved saved;
    saved.id = 7;
    saved.note = "note";
    twins_.set_saved(Twin::second, saved);
  }
  Twins twins_;
};

TEST_F(SavedOfTwins, BelongsToTheQemuThatHoldsIt) {
  ASSERT_TRUE(twins_.saved(Twin::second, 7));
  EXPECT_EQ(twins_.saved(Twin::second, 7)->note, "note");
  EXPECT_FALSE(twins_.saved(Twin::second, 8)) << "it was started again";
  EXPECT_FALSE(twins_.saved(Twin::second, -1)) << "it is off";
  EXPECT_FALSE(twins_.saved(Twin::first, 7));
}

TEST_F(SavedOfTwins, StaysWithItsTwinWhenTheyAreExchanged) {
  twins_.exchange();
  EXPECT_TRUE(twins_.saved(Twin::second, 7));
}

TEST_F(SavedOfTwins, OneThatIsOffHoldsNothingEvenIfItWasSavedSo) {
  Saved saved;
  twins_.set_saved(Twin::first, saved);
  EXPECT_FALSE(twins_.saved(Twin::first, -1));
}

TEST_F(SavedOfTwins, TellsWhetherItMustBeToldToGoOn) {
  EXPECT_FALSE(twins_.saved(Twin::second, 7)->halted);
  twins_.set_halted(Twin::second, true);
  EXPECT_TRUE(twins_.saved(Twin::second, 7)->halted);
  twins_.set_halted(Twin::second, false);
  EXPECT_FALSE(twins_.saved(Twin::second, 7)->halted);
  twins_.set_halted(Twin::first, true);
  EXPECT_FALSE(twins_.saved(Twin::first, 7)) << "it holds nothing";
}

TEST_F(SavedOfTwins, CanBeForgotten) {
  twins_.forget_saved(Twin::first);
  EXPECT_TRUE(twins_.saved(Twin::second, 7));
  twins_.forget_saved(Twin::second);
  EXPECT_FALSE(twins_.saved(Twin::second, 7));
}

}  // namespace
}  // namespace kvmtest::libvirt
