#include "engine/freezer.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include <ctime>

#include <fmt/format.h>

#include "base/side_by_side.h"
#include "base/words.h"

namespace kvmtest::engine {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

namespace {

/// From one measurement to the next while groups stand still, which are to go on as soon as there is a processor for
/// them: short against a slice (core::Sharing), and seldom enough to cost next to nothing. Else it need not be so
/// short.
constexpr auto interval = 50ms;
constexpr auto easy_interval = 100ms;
/// One that waits for a QEMU that does not answer must not keep all others waiting.
constexpr unsigned freezing_threads = 4;
/// /proc/stat counts in ticks of 10 ms, which is rough for one interval.
constexpr double newest = 0.3;

nanoseconds own_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

core::Duration in_core(nanoseconds time) { return std::chrono::duration_cast<core::Duration>(time); }

double ratio(nanoseconds of, nanoseconds to) {
  return static_cast<double>(of.count()) / static_cast<double>(to.count());
}

}  // namespace

Freezer::Freezer(Context& context)
    : context_(context),
      pool_("groups that stand still", freezing_threads),
      measuring_(base::start_thread("what tests have of the processors", [this] { measure(); })) {}

Freezer::~Freezer() {
  {
    const base::Lock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  measuring_.join();
  pool_.join();
}

void Freezer::run_is_on(bool on) {
  const base::Lock lock(mutex_);
  run_is_on_ = on;
  changed_.notify_all();
}

void Freezer::join(core::AttemptId attempt, std::vector<core::Domain> domains, std::shared_ptr<GroupClock> clock,
                   bool able) {
  auto group = std::make_shared<Group>();
  group->domains = std::move(domains);
  group->clock = std::move(clock);
  group->able = able && !group->domains.empty();
  const base::Lock lock(mutex_);
  groups_[attempt] = std::move(group);
  changed_.notify_all();
}

void Freezer::leave(core::AttemptId attempt) {
  base::Lock lock(mutex_);
  const auto found = groups_.extract(attempt);
  if (found.empty()) return;
  const GroupPointer group = found.mapped();
  ++group->kept;
  wait_for(group, lock);
  group->left = true;
}

std::shared_ptr<void> Freezer::keep_going(const core::Domain& domain) {
  base::Lock lock(mutex_);
  const auto found = std::find_if(groups_.begin(), groups_.end(), [&](const auto& each) {
    const auto& domains = each.second->domains;
    return std::find(domains.begin(), domains.end(), domain) != domains.end();
  });
  if (found == groups_.end()) return nullptr;
  const GroupPointer group = found->second;
  ++group->kept;
  wait_for(group, lock);
  return {nullptr, [this, group](void*) {
            const base::Lock again(mutex_);
            --group->kept;
            look_after(group);
          }};
}

void Freezer::set(core::AttemptId attempt, bool frozen) {
  const base::Lock lock(mutex_);
  const auto found = groups_.find(attempt);
  if (found == groups_.end()) return;
  found->second->wanted = frozen;
  look_after(found->second);
}

// ---- bringing a group to where it is wanted ----

void Freezer::look_after(const GroupPointer& group) {
  if (group->busy || group->frozen == group->target()) return;
  group->busy = true;
  pool_.post([this, group] { settle(group); });
}

/// Waits until it is where it is wanted.
void Freezer::wait_for(const GroupPointer& group, base::Lock& lock) {
  look_after(group);
  changed_.wait(lock, [&] { return !group->busy; });
}

void Freezer::settle(const GroupPointer& group) {
  base::Lock lock(mutex_);
  while (!group->left && group->frozen != group->target()) {
    const bool frozen = group->target();
    lock.unlock();
    const bool done = bring(*group, frozen);
    lock.lock();
    if (done)
      group->frozen = frozen;
    else
      group->able = false;
  }
  group->busy = false;
  changed_.notify_all();
}

/// All domains at once, as far as there are threads. The group's time stands still a little longer than any of its
/// guests. False: one of them does not stand still, so that all go on.
bool Freezer::bring(Group& group, bool frozen) {
  if (frozen) group.clock->freeze();
  const auto answers =
      base::side_by_side(group.domains, [&](const core::Domain& domain) { return ask(group, domain, frozen); });
  std::vector<core::Domain> done;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i]) done.push_back(group.domains[i]);
  const bool all = !frozen || done.size() == group.domains.size();
  if (!all)
    for (const core::Domain& domain : done) ask(group, domain, false);
  if (!frozen || !all) group.clock->thaw();
  return all;
}

/// False: it failed. A domain that does not go on is lost; one that has ended tells so itself.
bool Freezer::ask(Group& group, const core::Domain& domain, bool frozen) {
  {
    const base::Lock lock(mutex_);
    if (group.left) return false;
  }
  std::string failure;
  try {
    if (frozen)
      context_.hypervisor.freeze(domain);
    else
      context_.hypervisor.thaw(domain);
  } catch (const std::exception& fault) {
    failure = base::words(fault);
  }
  if (failure.empty()) return true;
  const base::Lock lock(mutex_);
  if (frozen)
    context_.record(core::record::Notice{false, fmt::format("{} does not stand still: {}", domain.name(), failure)});
  else if (!group.left)
    context_.post(core::event::DomainLost{domain, core::Fault::host, "it stood still and does not go on: " + failure});
  return false;
}

// ---- measuring ----

void Freezer::measure() {
  base::Lock lock(mutex_);
  while (!ending_) {
    if (groups_.empty() && !run_is_on_) {
      changed_.wait(lock, [&]() REQUIRES(mutex_) { return ending_ || run_is_on_ || !groups_.empty(); });
      last_ = {Clock::now(), process::read_machine(), own_time(), last_.foreign};
    }
    const bool any = std::any_of(groups_.begin(), groups_.end(), [](const auto& each) { return each.second->wanted; });
    if (changed_.wait_until(lock, last_.at + (any ? interval : easy_interval),
                            [&]() REQUIRES(mutex_) { return ending_; }))
      return;
    const auto groups = groups_;
    const auto now = Clock::now();
    lock.unlock();
    context_.post(core::event::LoadMeasured{measured(groups, now)});
    lock.lock();
  }
}

core::Load Freezer::measured(const std::map<core::AttemptId, GroupPointer>& groups, Clock::time_point now) {
  core::Load load;
  const nanoseconds passed = now - last_.at;
  load.interval = in_core(passed);
  nanoseconds ours{};
  for (const auto& [attempt, group] : groups) {
    core::GroupLoad& each = load.groups.emplace_back(core::GroupLoad{attempt});
    bool frozen = false;
    {
      const base::Lock lock(mutex_);
      each.exempt = !group->able || group->kept > 0;
      frozen = group->frozen;
    }
    if (frozen) continue;
    group->clock->look();
    const process::ProcessorTime sum = group->clock->sum();
    each.used = in_core(sum.used - group->measured.used);
    each.starved = in_core(sum.starved - group->measured.starved);
    ours += sum.used - group->measured.used;
    group->measured = sum;
  }
  const Last before = std::exchange(last_, {now, process::read_machine(), own_time(), last_.foreign});
  load.processors = std::max(1U, last_.machine.processors);
  const nanoseconds busy = last_.machine.busy - before.machine.busy;
  load.idle = std::clamp(load.processors - ratio(busy, passed), 0.0, load.processors);
  if (std::array<double, 1> average{}; getloadavg(average.data(), 1) == 1) load.average = average[0];
  const double foreign = ratio(busy - ours - (last_.own - before.own), passed);
  last_.foreign = newest * std::max(0.0, foreign) + (1 - newest) * before.foreign;
  load.foreign = last_.foreign;
  return load;
}

}  // namespace kvmtest::engine
