#include "report/progress.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <queue>
#include <utility>

namespace kvmtest::report {

using core::Duration;
using core::Verdict;
using namespace core::record;

namespace {

void add_sorted(std::vector<Duration>& values, Duration value) {
  values.insert(std::upper_bound(values.begin(), values.end(), value), value);
}

std::optional<Duration> middle(const std::vector<Duration>& sorted) {
  if (sorted.empty()) return std::nullopt;
  return sorted[(sorted.size() - 1) / 2];
}

void count(Counts& counts, Verdict verdict) {
  switch (verdict) {
    case Verdict::passed: ++counts.passed; break;
    case Verdict::failed: ++counts.failed; break;
    case Verdict::unresolved: ++counts.unresolved; break;
    case Verdict::untested: ++counts.untested; break;
    case Verdict::unsupported: ++counts.unsupported; break;
  }
}

/// Whether the run takes prefixes into use as the load bears. `settings` is what the client asked for.
bool prefixes_are_automatic(const std::string& settings) {
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  return json.is_object() && json.contains("automatic_prefixes") && json.at("automatic_prefixes") == true;
}

/// How often each test is run; 0: without end. `settings` is what the client asked for.
unsigned repetitions(const std::string& settings) {
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  if (!json.is_object() || !json.contains("selection") || !json.at("selection").is_object()) return 1;
  const auto& selection = json.at("selection");
  return selection.contains("repeat") && selection.at("repeat").is_number_unsigned()
             ? selection.at("repeat").get<unsigned>()
             : 1;
}

}  // namespace

void Progress::take(const Record& record) {
  std::visit([&](const auto& body) { on(record, body); }, record.body);
}

void Progress::on(const Record& record, const RunStarted& run) {
  started_ = record.time;
  for (const std::string& prefix : run.prefixes) lanes_.push_back({prefix});
  if (prefixes_are_automatic(run.settings))
    for (Lane& lane : lanes_) lane.in_reserve = true;
  const unsigned attempts = repetitions(run.settings);
  endless_ = attempts == 0;
  for (const std::string& name : run.tests) {
    test_by_name_.emplace(name, tests_.size());
    tests_.push_back({name, std::max(1U, attempts)});
  }
}

void Progress::on(const Record&, const RunResumed&) {
  for (Lane& lane : lanes_) lane.state = Waiting{};
}

void Progress::on(const Record& record, const ResetQueued& queued) {
  Lane* lane = this->lane(queued.domain.prefix);
  if (lane == nullptr) return;
  lane->in_reserve = false;
  if (!std::holds_alternative<Resetting>(lane->state)) lane->state = Resetting{record.time};
  std::get<Resetting>(lane->state).test = queued.test;
  if (reset(queued.domain) == nullptr) std::get<Resetting>(lane->state).domains.push_back({queued.domain.host.value});
  *reset(queued.domain) = {queued.domain.host.value, Reset::Phase::queued, queued.method};
}

void Progress::on(const Record&, const ResetStarted& started) {
  Reset* domain = reset(started.domain);
  if (domain != nullptr) *domain = {domain->host, Reset::Phase::under_way, started.method, started.attempt};
}

void Progress::on(const Record&, const ResetFinished& finished) {
  Reset* domain = reset(finished.domain);
  if (domain != nullptr) *domain = {domain->host, Reset::Phase::done, finished.method, finished.attempt};
}

void Progress::on(const Record&, const ResetFailed& failed) {
  Reset* domain = reset(failed.domain);
  if (domain == nullptr) return;
  if (failed.again)
    domain->phase = Reset::Phase::queued;
  else
    lane(failed.domain.prefix)->state = Waiting{};
}

void Progress::on(const Record& record, const TestStarted& started) {
  if (Lane* lane = this->lane(started.prefix)) {
    lane->in_reserve = false;
    lane->state = Running{record.time, started.attempt, started.test, started.number};
  }
}

void Progress::on(const Record&, const AttemptJudged& judged) {
  if (Lane* lane = this->lane(judged.prefix)) {
    // By now the prefix may be busy with its next test: judging does not keep it.
    const auto* running = std::get_if<Running>(&lane->state);
    const auto* resetting = std::get_if<Resetting>(&lane->state);
    const bool its_own =
        resetting != nullptr && std::any_of(resetting->domains.begin(), resetting->domains.end(),
                                            [&](const Reset& reset) { return reset.attempt == judged.attempt; });
    if (its_own || (running != nullptr && running->attempt == judged.attempt)) lane->state = Waiting{};
  }
  add_sorted(overheads_, judged.split.waiting + judged.split.reset);
  if (judged.verdict == Verdict::passed || judged.verdict == Verdict::failed) add_sorted(took_, judged.split.test);
  Test* test = this->test(judged.test);
  if (test == nullptr || test->decided) return;
  if (!judged.final) {
    test->failed_before |= judged.verdict != Verdict::passed;
    test->attempts_left = std::max(1U, test->attempts_left - 1);
    return;
  }
  const Verdict verdict = judged.test_verdict.value_or(judged.verdict);
  decide(*test, verdict);
  if (verdict == Verdict::passed && test->failed_before) ++counts_.flaky;
}

void Progress::on(const Record&, const TestUntested& untested) {
  Test* test = this->test(untested.test);
  if (test != nullptr && !test->decided) decide(*test, untested.verdict);
}

void Progress::on(const Record&, const PrefixQuarantined& quarantined) {
  if (Lane* lane = this->lane(quarantined.prefix)) lane->state = GivenUp{quarantined.reason};
}

void Progress::on(const Record&, const StopRequested& stop) { stopped_by_ = stop.by; }
void Progress::on(const Record&, const Sample& sample) { sample_ = sample; }
void Progress::on(const Record&, const RunFinished&) { finished_ = true; }

Progress::Lane* Progress::lane(const core::Prefix& prefix) {
  const auto found =
      std::find_if(lanes_.begin(), lanes_.end(), [&](const Lane& lane) { return lane.prefix == prefix.value; });
  return found == lanes_.end() ? nullptr : &*found;
}

Progress::Reset* Progress::reset(const core::Domain& domain) {
  Lane* lane = this->lane(domain.prefix);
  auto* resetting = lane == nullptr ? nullptr : std::get_if<Resetting>(&lane->state);
  if (resetting == nullptr) return nullptr;
  const auto found = std::find_if(resetting->domains.begin(), resetting->domains.end(),
                                  [&](const Reset& reset) { return reset.host == domain.host.value; });
  return found == resetting->domains.end() ? nullptr : &*found;
}

Progress::Test* Progress::test(const std::string& name) {
  const auto found = test_by_name_.find(name);
  return found == test_by_name_.end() ? nullptr : &tests_[found->second];
}

void Progress::decide(Test& test, Verdict verdict) {
  test.decided = true;
  test.attempts_left = 0;
  count(counts_, verdict);
}

std::optional<Duration> Progress::usual(const std::string& test) const {
  const auto found = expected_.tests.find(test);
  if (found != expected_.tests.end()) return found->second;
  return std::nullopt;
}

std::optional<Duration> Progress::overhead() const {
  const auto measured = middle(overheads_);
  return measured ? measured : expected_.overhead;
}

bool Progress::anything_to_begin() const {
  const auto busy = std::count_if(lanes_.begin(), lanes_.end(), [](const Lane& lane) {
    return std::holds_alternative<Resetting>(lane.state) || std::holds_alternative<Running>(lane.state);
  });
  return tests_.size() - decided() > static_cast<std::size_t>(busy) && stopped_by_.empty();
}

std::optional<Duration> Progress::ordinary() const {
  if (!took_.empty()) return middle(took_);
  std::vector<Duration> known;
  for (const auto& [name, duration] : expected_.tests) known.push_back(duration);
  std::sort(known.begin(), known.end());
  return middle(known);
}

std::optional<Duration> Progress::time_left(core::WallTime now) const {
  const auto other = ordinary();
  if (endless_ || !started_ || finished_ || !other) return std::nullopt;
  const Duration besides = overhead().value_or(Duration{});

  // When each prefix is free, from now; a prefix that is being reset for a test has part of that behind it.
  std::priority_queue<Duration, std::vector<Duration>, std::greater<>> free;
  std::map<std::string, Duration> under_way;  // for how long; a test runs on one prefix at a time
  for (const Lane& lane : lanes_) {
    if (const auto* running = std::get_if<Running>(&lane.state)) {
      const Duration elapsed = now - running->since;
      free.push(std::max(Duration{}, usual(running->test).value_or(*other) - elapsed));
      under_way[running->test] = elapsed;
    } else if (const auto* resetting = std::get_if<Resetting>(&lane.state)) {
      free.push(-std::clamp<Duration>(now - resetting->since, Duration{}, besides));
    } else if (std::holds_alternative<Waiting>(lane.state)) {
      free.push(Duration{});
    }
  }
  if (free.empty()) return std::nullopt;
  Duration end{};
  const auto give = [&](Duration cost) {
    const Duration until = free.top() + cost;
    free.pop();
    free.push(until);
    end = std::max(end, until);
  };
  for (auto copy = free; !copy.empty(); copy.pop()) end = std::max(end, copy.top());
  for (const Test& test : tests_) {
    if (test.decided) continue;
    const auto running = under_way.find(test.name);
    const bool begun = running != under_way.end();
    const Duration once = usual(test.name).value_or(*other);
    const Duration cost = besides + (begun ? std::max(once, running->second) : once);
    for (unsigned left = test.attempts_left; left > (begun ? 1 : 0); --left) give(cost);
  }
  // What takes longer than usual may take any time.
  if (end <= Duration{}) return std::nullopt;
  return end;
}

}  // namespace kvmtest::report
