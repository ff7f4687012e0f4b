// Groups that stand still: what is done with their domains, and what of their clock. Whether a guest noticed.

#include "engine/freezer.h"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/unaware.h"
#include "fixture.h"

namespace kvmtest::engine {
namespace {

using core::AttemptId;

class FreezerTest : public ::testing::Test {
 protected:
  FreezerTest() {
    hypervisor_.on_freeze = [this](const core::Domain& domain, bool frozen) {
      const std::lock_guard lock(mutex_);
      done_.push_back((frozen ? "freeze " : "thaw ") + domain.name());
      changed_.notify_all();
      if (frozen && fails_.contains(domain)) throw HostFault("it does not");
      if (!frozen && lost_.contains(domain)) throw HostFault("it does not");
    };
  }

  std::shared_ptr<GroupClock> join(AttemptId attempt, std::vector<core::Domain> domains, bool able = true) {
    auto clock = std::make_shared<GroupClock>(hypervisor_, domains, 10U);
    freezer_.join(attempt, std::move(domains), clock, able);
    return clock;
  }
  /// Waits until so much was done. Domains of a group are asked side by side, and told here in order.
  std::vector<std::string> done(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 60s, [&] { return done_.size() >= count; });
    auto all = done_;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2)
      if (all[i + 1] < all[i]) std::swap(all[i], all[i + 1]);
    return all;
  }
  /// Waits for one that `matches`.
  template <class Event>
  Event event(const std::function<bool(const Event&)>& matches) {
    std::unique_lock lock(mutex_);
    std::optional<Event> found;
    changed_.wait_for(lock, 60s, [&] {
      for (const core::Event& each : events_)
        if (const auto* event = std::get_if<Event>(&each); event && matches(*event)) found = *event;
      return found.has_value();
    });
    return found.value();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> done_;
  std::vector<core::Event> events_;
  std::set<core::Domain> fails_;
  std::set<core::Domain> lost_;
  FakeHypervisor hypervisor_;
  FakeSnapshots snapshots_{hypervisor_};
  Memory memory_;
  Recorder recorder_{memory_, {[](const std::string&) {}, [](const core::record::Record&, const std::string&) {}}};
  Context context_{.config = {},
                   .hypervisor = hypervisor_,
                   .snapshots = snapshots_,
                   .recorder = recorder_,
                   .post = [this](core::Event event) {
                     const std::lock_guard lock(mutex_);
                     events_.push_back(std::move(event));
                     changed_.notify_all();
                   }};
  Freezer freezer_{context_};
};

using Done = std::vector<std::string>;

TEST_F(FreezerTest, AGroupStandsStillAndGoesOnWhole) {
  join(AttemptId{1}, {east, west});
  freezer_.set(AttemptId{1}, true);
  EXPECT_EQ(done(2), (Done{"freeze a.east", "freeze a.west"}));
  freezer_.set(AttemptId{1}, false);
  EXPECT_EQ(done(4), (Done{"freeze a.east", "freeze a.west", "thaw a.east", "thaw a.west"}));
}

TEST_F(FreezerTest, NoTimePassesForItMeanwhile) {
  const auto clock = join(AttemptId{1}, {east});
  freezer_.set(AttemptId{1}, true);
  done(1);
  const auto before = clock->now();
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < start + 50ms) EXPECT_EQ(clock->now(), before);
  EXPECT_GE(clock->had().frozen, 50ms);
  freezer_.leave(AttemptId{1});
  while (clock->now() == before) std::this_thread::yield();
}

TEST_F(FreezerTest, AtItsEndATestDoesNotStandStill) {
  join(AttemptId{1}, {east, west});
  freezer_.set(AttemptId{1}, true);
  done(2);
  freezer_.leave(AttemptId{1});
  EXPECT_EQ(done(4), (Done{"freeze a.east", "freeze a.west", "thaw a.east", "thaw a.west"}));
  freezer_.set(AttemptId{1}, true);
  EXPECT_EQ(done_.size(), 4U) << "and nothing is done with it any more";
}

TEST_F(FreezerTest, OneThatMayNotStandStillDoesNotAndIsToldOfSo) {
  join(AttemptId{1}, {east}, false);
  freezer_.set(AttemptId{1}, true);
  const auto measured = event<core::event::LoadMeasured>([](const auto& e) { return !e.load.groups.empty(); });
  EXPECT_TRUE(measured.load.groups.at(0).exempt);
  EXPECT_TRUE(done_.empty());
}

TEST_F(FreezerTest, WhoRestartsADomainKeepsItsGroupGoing) {
  join(AttemptId{1}, {east, west});
  freezer_.set(AttemptId{1}, true);
  done(2);
  auto going = freezer_.keep_going(west);
  EXPECT_EQ(done_.size(), 4U) << "when this is told, it goes on";
  freezer_.set(AttemptId{1}, true);
  EXPECT_EQ(done_.size(), 4U);
  going.reset();
  EXPECT_EQ(done(6).at(4), "freeze a.east");
  EXPECT_EQ(freezer_.keep_going({b, core::Host{"east"}}), nullptr) << "of no test";
}

TEST_F(FreezerTest, WhereOneDoesNotStandStillAllGoOn) {
  fails_ = {west};
  const auto clock = join(AttemptId{1}, {east, west});
  freezer_.set(AttemptId{1}, true);
  EXPECT_EQ(done(3), (Done{"freeze a.east", "freeze a.west", "thaw a.east"}));
  event<core::event::LoadMeasured>([](const auto& e) { return !e.load.groups.empty() && e.load.groups.at(0).exempt; });
  const auto before = clock->now();
  while (clock->now() == before) std::this_thread::yield();
}

TEST_F(FreezerTest, OneThatDoesNotGoOnIsLostByTheHostsFault) {
  lost_ = {east};
  join(AttemptId{1}, {east, west});
  freezer_.set(AttemptId{1}, true);
  done(2);
  freezer_.set(AttemptId{1}, false);
  const auto lost = event<core::event::DomainLost>([](const auto&) { return true; });
  EXPECT_EQ(lost.domain, east);
  EXPECT_EQ(lost.fault, core::Fault::host);
  EXPECT_EQ(lost.reason, "it stood still and does not go on: it does not");
  EXPECT_EQ(done(4).at(3), "thaw a.west") << "the others do";
}

TEST_F(FreezerTest, WhatGroupsHaveIsMeasured) {
  hypervisor_.processors = [start = std::chrono::steady_clock::now()](const core::Domain& domain) {
    const auto at = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(at - start);
    const int shares = domain == east ? 4 : 2;
    return process::ProcessorReading{7, at, passed / shares, {{7, passed / shares}}, 0ms};
  };
  join(AttemptId{1}, {east, west});
  const auto measured = event<core::event::LoadMeasured>(
      [](const auto& e) { return !e.load.groups.empty() && e.load.groups.at(0).used > 0us; });
  const core::GroupLoad& group = measured.load.groups.at(0);
  EXPECT_EQ(group.attempt, AttemptId{1});
  EXPECT_NEAR(core::seconds(group.used), core::seconds(group.starved), 0.001);
  EXPECT_GT(measured.load.processors, 0);
}

Glance glance(std::chrono::milliseconds from, std::chrono::milliseconds to, std::chrono::milliseconds guest) {
  using Time = std::chrono::steady_clock::time_point;
  return {Time(from), Time(to), guest};
}

TEST(Unaware, AGuestWhoseClockWentOnWhileItStoodStillHasNoticed) {
  EXPECT_EQ(stood_still(glance(0ms, 20ms, 5000ms), glance(300ms, 310ms, 5300ms), 200ms), false);
  EXPECT_EQ(stood_still(glance(0ms, 20ms, 5000ms), glance(300ms, 310ms, 5100ms), 200ms), true);
  EXPECT_EQ(stood_still(glance(0ms, 20ms, 5000ms), glance(300ms, 310ms, 5090ms), 200ms), true) << "rounded down";
}

TEST(Unaware, WhereItsAnswersTookTooLongItCannotBeTold) {
  EXPECT_EQ(stood_still(glance(0ms, 300ms, 5000ms), glance(500ms, 900ms, 5350ms), 200ms), std::nullopt);
}

}  // namespace
}  // namespace kvmtest::engine
