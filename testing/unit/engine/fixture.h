#pragma once
// The engine's threads around the scheduler, on fake domains.

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/errors.h"
#include "engine/event_sink.h"
#include "fake_hypervisor.h"
#include "fake_snapshots.h"

namespace kvmtest::engine {

namespace record = core::record;
using namespace std::chrono_literals;

inline const core::Prefix a{"a."};
inline const core::Prefix b{"b."};
inline const core::Domain east{a, core::Host{"east"}};
inline const core::Domain west{a, core::Host{"west"}};

/// Keeps the records; fails as often as it is told.
class Memory final : public EventSink {
 public:
  void append(std::span<record::Record> records) override {
    const std::lock_guard lock(mutex_);
    if (failures_ > 0) {
      --failures_;
      throw std::runtime_error("disk full");
    }
    for (auto& record : records) record.sequence = ++last_;
  }
  void told(std::span<const record::Record> records) override {
    {
      const std::lock_guard lock(mutex_);
      records_.insert(records_.end(), records.begin(), records.end());
      changed_.notify_all();
    }
    if (at_end && std::holds_alternative<record::RunFinished>(records.back().body)) at_end();
  }
  void fail(unsigned times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }

  /// Waits for a record of this type that `matches`.
  template <class Body>
  Body wait_for(const std::function<bool(const Body&)>& matches = [](const Body&) { return true; }) {
    std::unique_lock lock(mutex_);
    std::optional<Body> found;
    const bool came = changed_.wait_for(lock, 60s, [&] {
      for (const auto& entry : records_)
        if (const auto* body = std::get_if<Body>(&entry.body); body && matches(*body)) found = *body;
      return found.has_value();
    });
    if (!came) throw std::runtime_error("the record did not come");
    return *found;
  }
  template <class Body>
  std::vector<Body> all() {
    const std::lock_guard lock(mutex_);
    std::vector<Body> out;
    for (const auto& entry : records_)
      if (const auto* body = std::get_if<Body>(&entry.body)) out.push_back(*body);
    return out;
  }

  /// Called when a run's end is told, before it counts as written.
  std::function<void()> at_end;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<record::Record> records_;
  std::int64_t last_ = 0;
  unsigned failures_ = 0;
};

/// Judges by how the script ended.
class EndingJudge final : public suite::Judge {
 public:
  [[nodiscard]] judge::Judgement judge(const suite::Execution& execution, judge::Effort&) const override {
    judge::Judgement judgement;
    switch (execution.ending.why) {
      case suite::Ending::Why::completed: judgement.verdict = core::Verdict::passed; break;
      case suite::Ending::Why::shell_ended:
      case suite::Ending::Why::not_back:
      case suite::Ending::Why::timeout: judgement.verdict = core::Verdict::failed; break;
      case suite::Ending::Why::restarted:
      case suite::Ending::Why::unprepared:
      case suite::Ending::Why::console_closed: judgement.verdict = core::Verdict::unresolved; break;
      case suite::Ending::Why::unsupported: judgement.verdict = core::Verdict::unsupported; break;
    }
    for (const auto& result : execution.results) judgement.transcript += result.output;
    if (!execution.ending.detail.empty())
      judgement.issues.push_back({execution.ending.host, "ending", execution.ending.detail});
    return judgement;
  }
};

class EngineTest : public ::testing::Test {
 public:
  EngineTest() {
    std::string pattern = "/tmp/kvmtest-engine.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    hypervisor_.lost = [this](const core::Domain& domain, const End& end) { engine_.domain_lost(domain, end); };
  }
  ~EngineTest() override {
    engine_.stop_run("the test's end");
    EXPECT_TRUE(engine_.wait_for_no_run(60s));
    std::filesystem::remove_all(directory_);
  }

 protected:
  /// A test of one command a host, in order.
  static suite::LoadedTest script(const std::string& name,
                                  const std::vector<std::pair<std::string, std::string>>& lines) {
    suite::LoadedTest loaded;
    loaded.test.name = name;
    for (const auto& [host, command] : lines) {
      if (std::find(loaded.test.hosts.begin(), loaded.test.hosts.end(), host) == loaded.test.hosts.end())
        loaded.test.hosts.push_back(host);
      loaded.test.steps.push_back({host, suite::StepKind::run, {}, command, {}, 0});
    }
    loaded.judge = std::make_shared<EndingJudge>();
    return loaded;
  }

  RunOrder order(std::vector<suite::LoadedTest> tests, std::vector<core::Prefix> prefixes = {a},
                 unsigned slots = 2) const {
    RunOrder order;
    order.plan.run = core::RunId{1};
    order.plan.slots = slots;
    order.plan.prefixes = std::move(prefixes);
    order.plan.policy.cool_down = 1ms;
    order.tests = std::move(tests);
    for (std::size_t i = 0; i < order.tests.size(); ++i) {
      core::PlannedTest planned{core::TestIndex{static_cast<std::uint32_t>(i)}, order.tests.name(i), {}, 0};
      for (const auto& host : order.tests.hosts(i)) planned.hosts.emplace_back(host);
      order.plan.tests.push_back(planned);
    }
    order.limits = {60s, 120s};
    order.output = directory_;
    return order;
  }

  std::vector<std::pair<std::string, core::Verdict>> verdicts() {
    std::vector<std::pair<std::string, core::Verdict>> out;
    for (const auto& judged : memory_.all<record::AttemptJudged>()) out.emplace_back(judged.test, judged.verdict);
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Of a test's first attempt.
  [[nodiscard]] std::string transcript(const std::string& test) const {
    std::ifstream in(directory_ / test / "1/transcript.txt", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  std::filesystem::path directory_;
  FakeHypervisor hypervisor_;
  FakeSnapshots snapshots_{hypervisor_};
  Memory memory_;
  Recorder recorder_{memory_, {[](const std::string&) {}, [](const core::record::Record&, const std::string&) {}}};
  Engine engine_{{{"root", "swan"}, 60s, 65536, 2, "kvmsh", ".", 2},
                 hypervisor_,
                 snapshots_,
                 snapshots_,
                 recorder_,
                 core::AttemptId{1}};
};

using Verdicts = std::vector<std::pair<std::string, core::Verdict>>;

}  // namespace kvmtest::engine
