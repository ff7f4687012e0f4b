#include "core/reboot_pool.h"

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

RebootPool::Job job(std::uint64_t ticket, Method method = Method::boot) {
  return {Ticket{ticket}, {Prefix{"a."}, Host{"east"}}, Instant{}, method};
}

TEST(RebootPool, StartsNoMoreThanItsSlots) {
  RebootPool pool;
  pool.set_slots(2, 1);
  for (std::uint64_t i = 1; i <= 3; ++i) pool.submit(job(i));
  EXPECT_EQ(pool.start_next()->ticket, Ticket{1});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{2});
  EXPECT_FALSE(pool.start_next());
  EXPECT_EQ(pool.busy(), 2U);
  EXPECT_EQ(pool.queued(), 1U);
  pool.finished(Ticket{2});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{3});
  EXPECT_FALSE(pool.start_next());
}

TEST(RebootPool, TellsHowManyStandBefore) {
  RebootPool pool;
  EXPECT_EQ(pool.submit(job(1)), 0U);
  EXPECT_EQ(pool.submit(job(2)), 1U);
  pool.start_next();
  EXPECT_EQ(pool.submit(job(3)), 1U) << "one that has started stands before nobody";
  EXPECT_EQ(pool.submitted(), 3U);
  pool.begin_count();
  EXPECT_EQ(pool.submitted(), 0U);
}

TEST(RebootPool, WithdrawsOnlyWhatHasNotStarted) {
  RebootPool pool;
  for (std::uint64_t i = 1; i <= 3; ++i) pool.submit(job(i));
  pool.start_next();
  EXPECT_FALSE(pool.withdraw(Ticket{1}));
  EXPECT_TRUE(pool.withdraw(Ticket{2}));
  EXPECT_FALSE(pool.withdraw(Ticket{2}));
  EXPECT_EQ(pool.busy(), 1U);
  pool.finished(Ticket{1});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{3});
}

TEST(RebootPool, AFinishNobodyWaitsForFreesNothing) {
  RebootPool pool;
  pool.submit(job(1));
  pool.submit(job(2));
  pool.start_next();
  pool.finished(Ticket{2});
  pool.finished(Ticket{9});
  EXPECT_FALSE(pool.start_next());
  EXPECT_EQ(pool.busy(), 1U);
}

TEST(RebootPool, TellsWhetherAnythingIsBeingStarted) {
  RebootPool pool;
  pool.set_slots(1, 1);
  pool.submit(job(1, Method::load));
  EXPECT_FALSE(pool.any_start());
  pool.submit(job(2, Method::restore));
  EXPECT_TRUE(pool.any_start()) << "queued behind the other";
  pool.start_next();
  pool.finished(Ticket{1});
  pool.start_next();
  EXPECT_TRUE(pool.any_start()) << "under way";
  pool.finished(Ticket{2});
  EXPECT_FALSE(pool.any_start());
}

TEST(RebootPool, GoingBackNeverQueuesBehindBoots) {
  RebootPool pool;
  pool.set_slots(1, 2);
  for (std::uint64_t i = 1; i <= 3; ++i) pool.submit(job(i));
  EXPECT_EQ(pool.submit(job(4, Method::load)), 0U);
  EXPECT_EQ(pool.submit(job(5, Method::restore)), 1U);
  EXPECT_EQ(pool.submit(job(6, Method::load)), 2U);
  EXPECT_EQ(pool.start_next()->ticket, Ticket{1});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{4});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{5});
  EXPECT_FALSE(pool.start_next());
  EXPECT_EQ(pool.busy(true), 1U);
  EXPECT_EQ(pool.busy(false), 2U);
  EXPECT_EQ(pool.queued(true), 2U);
  pool.finished(Ticket{4});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{6});
  EXPECT_FALSE(pool.start_next());
}

// A run with fewer slots may begin while a client's resets are under way.
TEST(RebootPool, FewerSlotsThanBusyStartNothing) {
  RebootPool pool;
  pool.set_slots(3, 1);
  for (std::uint64_t i = 1; i <= 4; ++i) pool.submit(job(i));
  while (pool.start_next()) {
  }
  pool.set_slots(1, 1);
  pool.finished(Ticket{1});
  pool.finished(Ticket{2});
  EXPECT_FALSE(pool.start_next());
  pool.finished(Ticket{3});
  EXPECT_EQ(pool.start_next()->ticket, Ticket{4});
}

}  // namespace
}  // namespace kvmtest::core
