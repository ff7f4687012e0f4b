// The engine's threads around the scheduler, on fake domains. Run under the thread sanitizer by `make tsan`.

#include "engine/engine.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/errors.h"
#include "fake_hypervisor.h"

namespace kvmtest::engine {
namespace {

namespace record = core::record;
using namespace std::chrono_literals;

const core::Prefix a{"a."};
const core::Prefix b{"b."};
const core::Domain east{a, core::Host{"east"}};
const core::Domain west{a, core::Host{"west"}};

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
    const std::lock_guard lock(mutex_);
    records_.insert(records_.end(), records.begin(), records.end());
    changed_.notify_all();
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

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<record::Record> records_;
  std::int64_t last_ = 0;
  unsigned failures_ = 0;
};

/// Nothing can be saved.
class NoSnapshots final : public Snapshots {
 public:
  core::StateId state_of(const core::Domain&) override { return {}; }
  bool kept(const core::StateId&) override { return false; }
  void save(const core::Domain&, const core::StateId&, const std::string&) override { throw HostFault("no snapshots"); }
  std::string load(const core::Domain&) override { throw HostFault("no snapshots"); }
  Restored restore(const core::Domain&, const core::StateId&) override { throw HostFault("no snapshots"); }
  void pause(const core::Domain&) override { throw HostFault("no snapshots"); }
};

/// Judges by how the script ended.
class EndingJudge final : public suite::Judge {
 public:
  [[nodiscard]] judge::Judgement judge(const suite::Execution& execution) const override {
    judge::Judgement judgement;
    switch (execution.ending.why) {
      case suite::Ending::Why::completed: judgement.verdict = core::Verdict::passed; break;
      case suite::Ending::Why::timeout: judgement.verdict = core::Verdict::failed; break;
      case suite::Ending::Why::console_closed: judgement.verdict = core::Verdict::unresolved; break;
      case suite::Ending::Why::unsupported: judgement.verdict = core::Verdict::unsupported; break;
    }
    for (const auto& result : execution.results) judgement.transcript += result.output;
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
      core::PlannedTest planned{core::TestIndex{static_cast<std::uint32_t>(i)}, order.tests[i].test.name, {}, 0};
      for (const auto& host : order.tests[i].test.hosts) planned.hosts.emplace_back(host);
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

  std::filesystem::path directory_;
  FakeHypervisor hypervisor_;
  NoSnapshots snapshots_;
  Memory memory_;
  Recorder recorder_{memory_, [](const std::string&) {}};
  Engine engine_{{{"root", "swan"}, 60s, 65536, 2}, hypervisor_, snapshots_, recorder_, core::AttemptId{1}};
};

using Verdicts = std::vector<std::pair<std::string, core::Verdict>>;

TEST_F(EngineTest, RunsASuiteOnTwoPrefixesWithOneVerdictATest) {
  std::vector<suite::LoadedTest> tests;
  Verdicts expected;
  for (int i = 10; i < 50; ++i) {
    const std::string name = "t" + std::to_string(i);
    tests.push_back(script(name, {{"east", "echo hello"}, {"west", "echo there"}}));
    expected.emplace_back(name, core::Verdict::passed);
  }
  engine_.start_run(order(std::move(tests), {a, b}));
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.passed, 40U);
  EXPECT_EQ(finished.exit_status, 0);
  EXPECT_EQ(verdicts(), expected);
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_TRUE(std::filesystem::exists(directory_ / "t10/1/east.console.raw"));
}

TEST_F(EngineTest, AHangingCommandEndsAtItsLimit) {
  auto hanging = script("hangs", {{"east", "hang"}});
  hanging.test.command_limit = 10ms;
  engine_.start_run(order({hanging, script("next", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().exit_status, 1);
  EXPECT_EQ(verdicts(), (Verdicts{{"hangs", core::Verdict::failed}, {"next", core::Verdict::passed}}));
}

TEST_F(EngineTest, StoppingEndsAHangingTestAndEveryDomain) {
  engine_.start_run(order({script("hangs", {{"east", "hang"}, {"west", "true"}}), script("next", {{"east", "true"}})}));
  memory_.wait_for<record::TestStarted>();
  engine_.stop_run("somebody");
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.outcome, record::Outcome::stopped);
  EXPECT_EQ(finished.exit_status, 130);
  EXPECT_EQ(finished.untested, 2U);
  EXPECT_TRUE(hypervisor_.running().empty());
  EXPECT_TRUE(verdicts().empty());
}

TEST_F(EngineTest, StoppingEndsABootThatHangs) {
  hypervisor_.plan(east, {.silent_boots = 9});
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  memory_.wait_for<record::ResetStarted>();
  engine_.stop_run("somebody");
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().outcome, record::Outcome::stopped);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(EngineTest, AFaultAtTheStartOfADomainIsRetried) {
  hypervisor_.plan(west, {.starts_that_fail = 1});
  engine_.start_run(order({script("t", {{"east", "true"}, {"west", "true"}})}));
  const auto finished = memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(finished.passed, 1U);
  EXPECT_EQ(finished.flaky, 1U);
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::passed}, {"t", core::Verdict::unresolved}}));
  const auto failed = memory_.wait_for<record::ResetFailed>();
  EXPECT_TRUE(failed.host_fault);
  EXPECT_EQ(failed.reason, "start a.west: no memory");
}

TEST_F(EngineTest, ADomainLostUnderATestIsAHostFaultEvenWhileItsScriptIsElsewhere) {
  engine_.start_run(order({script("t", {{"east", "hang"}, {"west", "true"}})}));
  memory_.wait_for<record::TestStarted>();
  hypervisor_.kill(west);
  memory_.wait_for<record::TestStarted>([](const auto& started) { return started.number == 2; });
  hypervisor_.kill(west);
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().unresolved, 1U);
  const auto judged = memory_.all<record::AttemptJudged>();
  ASSERT_EQ(judged.size(), 2U);
  EXPECT_FALSE(judged[0].final);
  EXPECT_EQ(judged[1].issues, (std::vector<core::Issue>{{"west", "HOST-FAULT", "QEMU died"}}));
}

TEST_F(EngineTest, AGuestThatLeavesIsItsTestsResult) {
  engine_.start_run(order({script("t", {{"east", "die"}, {"east", "true"}}), script("u", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().exit_status, 1);
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::unresolved}, {"u", core::Verdict::passed}}));
}

TEST_F(EngineTest, ADomainThatCannotBeDestroyedDoesNotKeepTheRunFromEnding) {
  hypervisor_.plan(east, {.destroys_that_fail = 99});
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  EXPECT_EQ(memory_.wait_for<record::RunFinished>().passed, 1U);
  EXPECT_TRUE(memory_.wait_for<record::Notice>().warning);
}

TEST_F(EngineTest, RecordsWaitForADiskThatIsFull) {
  memory_.fail(2);
  engine_.start_run(order({script("t", {{"east", "true"}})}));
  memory_.wait_for<record::RunFinished>();
  EXPECT_EQ(verdicts(), (Verdicts{{"t", core::Verdict::passed}}));
}

TEST_F(EngineTest, ClientsBorrowDomainsOutsideRuns) {
  engine_.request_domain(east, {});
  {
    const auto session = engine_.borrow(east);
    EXPECT_EQ(session->run("echo hi", 60s).output, "hi\n");
    EXPECT_THROW(engine_.borrow(east), Busy);
    EXPECT_THROW(engine_.start_run(order({script("t", {{"east", "true"}})})), Busy);
  }
  EXPECT_THROW(engine_.borrow(west), Busy);
  engine_.give_up(east);
  engine_.request_domain(east, {});
  EXPECT_EQ(engine_.borrow(east)->run("echo new", 60s).output, "new\n");
  engine_.destroy_domain(east);
  EXPECT_TRUE(hypervisor_.running().empty());
}

TEST_F(EngineTest, ARunKeepsItsPrefixesForItself) {
  engine_.start_run(order({script("t", {{"east", "hang"}})}));
  memory_.wait_for<record::TestStarted>();
  EXPECT_THROW(engine_.request_domain(east, {}), Busy);
  EXPECT_THROW(engine_.start_run(order({})), Busy);
  EXPECT_THROW(engine_.borrow(east), Busy);
  engine_.request_domain({b, core::Host{"east"}}, {});
  EXPECT_EQ(engine_.status().run, core::RunId{1});
  engine_.stop_run("somebody");
  memory_.wait_for<record::RunFinished>();
  engine_.destroy_domain({b, core::Host{"east"}});
}

}  // namespace
}  // namespace kvmtest::engine
