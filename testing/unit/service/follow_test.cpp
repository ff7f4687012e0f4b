#include "service/follow.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace kvmtest::service {
namespace {

using core::record::Record;

/// A run that goes on, or ends, at a chosen question of its follower's.
class GrowingRun final : public RecordSource {
 public:
  bool complete() override {
    ask();
    return complete_;
  }
  std::vector<Record> read(std::int64_t sequence) override {
    ask();
    std::vector<Record> out;
    for (const Record& record : records_)
      if (record.sequence > sequence && out.size() < 2) out.push_back(record);
    return out;
  }
  std::int64_t wait_beyond(std::int64_t sequence) override {
    ask();
    last_wait_ = sequence;
    neighbours_ += of_neighbours;
    const auto own = records_.empty() ? 0 : records_.back().sequence;
    return std::max({sequence, own, neighbours_});
  }

  void write(core::record::Body body) {
    Record record;
    record.sequence = static_cast<std::int64_t>(records_.size()) + 1;
    record.body = std::move(body);
    records_.push_back(std::move(record));
  }
  /// Another run has come to that number.
  void write_elsewhere(std::int64_t sequence) { neighbours_ = sequence; }
  /// What its follower knew of when it waited last.
  [[nodiscard]] std::int64_t last_wait() const { return last_wait_; }
  void finish() {
    write(core::record::RunFinished{});
    complete_ = true;
  }
  void die() { complete_ = true; }

  int ends_at = 0;  ///< before which question, from 1
  bool dies = false;
  int of_neighbours = 0;  ///< records of other runs, whenever one waits

 private:
  void ask() {
    if (++asked_ == ends_at) dies ? die() : finish();
  }

  std::vector<Record> records_;
  bool complete_ = false;
  int asked_ = 0;
  std::int64_t neighbours_ = 0;
  std::int64_t last_wait_ = 0;
};

struct Follower {
  std::vector<std::int64_t> taken;
  int quiet = 0;

  void follow(GrowingRun& run, std::int64_t after = 0, std::size_t most = 99, int patience = 99) {
    service::follow(
        run, after,
        [&](const Record& record) {
          taken.push_back(record.sequence);
          return taken.size() < most;
        },
        [&] { return ++quiet < patience; });
  }
};

// A run that ended while its follower looked whether anybody still drove it once had no end for that follower, and a
// daemon in good health was called dead.
TEST(FollowTest, ARunsEndIsNeverMissed) {
  for (int question = 1; question < 12; ++question) {
    GrowingRun run;
    run.write(core::record::Notice{});
    run.ends_at = question;
    Follower follower;
    follower.follow(run);
    EXPECT_EQ(follower.taken, (std::vector<std::int64_t>{1, 2})) << "ended at question " << question;
  }
}

TEST(FollowTest, ARunThatNobodyDrivesIsReadToItsLastRecord) {
  for (int question = 1; question < 12; ++question) {
    GrowingRun run;
    for (int i = 0; i < 5; ++i) run.write(core::record::Notice{});
    run.ends_at = question;
    run.dies = true;
    Follower follower;
    follower.follow(run, 1);
    EXPECT_EQ(follower.taken, (std::vector<std::int64_t>{2, 3, 4, 5})) << "died at question " << question;
  }
}

TEST(FollowTest, WhoeverHasEnoughIsLeftAlone) {
  GrowingRun run;
  for (int i = 0; i < 5; ++i) run.write(core::record::Notice{});
  Follower enough;
  enough.follow(run, 0, 3);
  EXPECT_EQ(enough.taken.size(), 3U);
  Follower gone;
  gone.follow(run, 0, 99, 4);
  EXPECT_EQ(gone.taken.size(), 5U);
  EXPECT_EQ(gone.quiet, 4);
}

// A record of another run once kept a follower busy with that one for ever, and it never looked after its client.
TEST(FollowTest, WhatComesOfOtherRunsIsWaitedForOnce) {
  GrowingRun run;
  run.write(core::record::Notice{});
  run.write_elsewhere(7);
  run.ends_at = 12;
  Follower follower;
  follower.follow(run);
  EXPECT_EQ(follower.taken, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(run.last_wait(), 7);
}

TEST(FollowTest, AClientThatLeftIsNoticedWhileOnlyOtherRunsGoOn) {
  GrowingRun run;
  run.write(core::record::Notice{});
  run.of_neighbours = 3;
  Follower gone;
  gone.follow(run, 0, 99, 4);
  EXPECT_EQ(gone.taken, std::vector<std::int64_t>{1});
  EXPECT_EQ(gone.quiet, 4);
}

}  // namespace
}  // namespace kvmtest::service
