#include "core/memory_ledger.h"

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

const Prefix a{"a."};
const Prefix b{"b."};
const Prefix c{"c."};

TEST(MemoryLedger, AddsUpWhatTheLastClaimsSay) {
  MemoryLedger ledger;
  ledger.set(a, {.needed = 4, .idle = 2});
  ledger.set(b, {.needed = 1, .idle = 8});
  EXPECT_EQ(ledger.total(), 15U);
  EXPECT_EQ(ledger.idle(), 10U);
  ledger.set(b, {.needed = 1});
  EXPECT_EQ(ledger.total(), 7U);
  EXPECT_EQ(ledger.idle(), 2U);
}

TEST(MemoryLedger, WhatClientsHaveCannotBeHad) {
  MemoryLedger ledger;
  ledger.set(a, {.needed = 4, .idle = 2, .busy = true});
  ledger.set(b, {.needed = 1, .idle = 8, .clients = true});
  EXPECT_EQ(ledger.total(), 15U);
  EXPECT_EQ(ledger.idle(), 2U);
  EXPECT_EQ(ledger.needed_by_others(a), 9U);
  EXPECT_EQ(ledger.needed_by_others(b), 4U);
  EXPECT_EQ(ledger.needed_by_others(c), 13U);
}

TEST(MemoryLedger, TellsWhetherAnotherPrefixWillBeDone) {
  MemoryLedger ledger;
  ledger.set(a, {.needed = 4, .busy = true});
  EXPECT_FALSE(ledger.others_busy(a));
  EXPECT_TRUE(ledger.others_busy(b));
  ledger.set(a, {.needed = 4});
  EXPECT_FALSE(ledger.others_busy(b));
}

TEST(MemoryLedger, ItIsWorthAskingAgainWhenAClaimHasChangedSinceARefusal) {
  MemoryLedger ledger;
  ledger.set(a, {.needed = 4});
  EXPECT_FALSE(ledger.take_changed()) << "nobody was refused";
  ledger.refuse();
  EXPECT_FALSE(ledger.take_changed());
  ledger.set(a, {.needed = 4});
  EXPECT_FALSE(ledger.take_changed()) << "the same claim";
  ledger.set(a, {.needed = 3});
  EXPECT_TRUE(ledger.take_changed());
  EXPECT_FALSE(ledger.take_changed());
}

}  // namespace
}  // namespace kvmtest::core
