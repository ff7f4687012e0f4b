// The recorder before a sink that fails.

#include "engine/recorder.h"

#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtest::engine {
namespace {

using core::record::Notice;
using core::record::Record;
using namespace std::chrono_literals;

std::string text_of(const Record& record) { return std::get<Notice>(record.body).text; }

/// Keeps what it is given, but for what a test forbids.
class Kept final : public EventSink {
 public:
  void append(std::span<Record> records) override {
    for (const Record& record : records)
      if (text_of(record) == "never") throw Unwritable("a constraint");
    if (full) {
      full = false;
      throw std::runtime_error("the disk is full");
    }
    for (Record& record : records) record.sequence = ++last_;
  }
  void told(std::span<const Record> records) override {
    for (const Record& record : records) texts.push_back(text_of(record));
  }

  std::vector<std::string> texts;  ///< of the recorder's thread
  bool full = false;               ///< once

 private:
  std::int64_t last_ = 0;
};

class RecorderTest : public ::testing::Test {
 protected:
  /// All of them as one batch, which a record before them holds up.
  void put(const std::vector<std::pair<std::int64_t, std::string>>& records) {
    std::promise<void> go;
    struct Gate final : EventSink {
      Gate(EventSink& to, std::shared_future<void> until) : sink(to), open(std::move(until)) {}
      void append(std::span<Record> some) override {
        open.wait();
        sink.append(some);
      }
      void told(std::span<const Record> some) override { sink.told(some); }
      EventSink& sink;
      std::shared_future<void> open;
    } gate(kept_, go.get_future().share());
    Recorder recorder(gate, {[&](const std::string& why) { failures_.push_back(why); },
                             [&](const Record& record, const std::string& why) {
                               left_out_.push_back(std::to_string(record.run) + " " + text_of(record) + ": " + why);
                             }});
    recorder.put(0, Notice{false, "first"});
    for (const auto& [run, text] : records) recorder.put(run, Notice{false, text});
    go.set_value();
    EXPECT_TRUE(recorder.flush(60s));
    newest_ = recorder.wait_beyond(0, 0ms);
  }

  Kept kept_;
  std::vector<std::string> failures_;
  std::vector<std::string> left_out_;
  std::int64_t newest_ = 0;
};

TEST_F(RecorderTest, WhatCanNeverBeWrittenHoldsUpNothingElse) {
  put({{1, "a"}, {1, "never"}, {1, "b"}, {2, "c"}, {1, "d"}});
  EXPECT_EQ(kept_.texts, (std::vector<std::string>{"first", "a", "b", "c", "d"}));
  EXPECT_EQ(left_out_, std::vector<std::string>{"1 never: a constraint"});
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(newest_, 5);
}

TEST_F(RecorderTest, OneRunsLossesAreToldOnce) {
  put({{1, "never"}, {1, "never"}, {2, "never"}, {2, "a"}});
  EXPECT_EQ(kept_.texts, (std::vector<std::string>{"first", "a"}));
  EXPECT_EQ(left_out_, (std::vector<std::string>{"1 never: a constraint", "2 never: a constraint"}));
}

TEST_F(RecorderTest, WhatCanBeWrittenLaterIs) {
  kept_.full = true;
  put({{1, "a"}, {1, "never"}});
  EXPECT_EQ(kept_.texts, (std::vector<std::string>{"first", "a"}));
  EXPECT_EQ(failures_, std::vector<std::string>{"the disk is full"});
  EXPECT_EQ(left_out_.size(), 1U);
}

}  // namespace
}  // namespace kvmtest::engine
