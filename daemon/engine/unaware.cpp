#include "engine/unaware.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include <fmt/format.h>

namespace kvmtest::engine {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// So long is the guest asked at most what time it is.
constexpr auto answer_limit = 5s;
/// A guest's answer takes some milliseconds: against these, that is little.
constexpr auto moment = 200ms;

/// Nothing: it does not know. Source: proc(5), "/proc/uptime".
std::optional<Glance> glance(console::Session& session) {
  Glance glance;
  glance.from = Clock::now();
  const auto answer = session.run("cat /proc/uptime", answer_limit);
  glance.to = Clock::now();
  char* end = nullptr;
  const double seconds = std::strtod(answer.output.c_str(), &end);
  if (answer.status != 0 || end == answer.output.c_str()) return std::nullopt;
  glance.guest = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
  return glance;
}

}  // namespace

std::optional<bool> stood_still(const Glance& before, const Glance& after, Clock::duration still) {
  // The guest told its time at some moment of either glance: what passed for it lies within these two.
  const auto least = after.from - before.to;
  const auto most = after.to - before.from;
  const auto passed = after.guest - before.guest;
  constexpr auto tick = 10ms;  // the guest's figures are rounded down to that
  if (passed + tick < least) return true;
  if (passed - tick > most - still) return false;
  return std::nullopt;
}

bool Unaware::all(const std::vector<Guest>& guests) {
  const base::Lock lock(mutex_);
  return std::all_of(guests.begin(), guests.end(), [&](const Guest& guest) REQUIRES(mutex_) {
    const auto found = known_.find(guest.name);
    return found != known_.end() && found->second == Answer::unaware;
  });
}

void Unaware::find_out(const Guest& guest, console::Session& session) {
  {
    const base::Lock lock(mutex_);
    if (known_.contains(guest.name) || !asked_.insert(guest.name).second) return;
  }
  const std::shared_ptr<void> forget(nullptr, [&](void*) {
    const base::Lock lock(mutex_);
    asked_.erase(guest.name);
  });
  const auto answer = ask(guest, session);
  if (!answer) return;
  if (*answer == Answer::aware)
    context_.record(core::record::Notice{
        false, fmt::format("{}: its guest notices when it stands still, so its tests never do", guest.domain.name())});
  const base::Lock lock(mutex_);
  known_.emplace(guest.name, *answer);
}

std::optional<Unaware::Answer> Unaware::ask(const Guest& guest, console::Session& session) {
  const auto before = glance(session);
  if (!before) return session.at_prompt() ? std::optional(Answer::aware) : std::nullopt;
  Clock::duration still{};
  try {
    context_.hypervisor.freeze(guest.domain);
    const auto start = Clock::now();
    // What is tried is just this, that time passes for this machine alone.
    std::this_thread::sleep_for(std::max<Clock::duration>(moment, 3 * (before->to - before->from)));
    still = Clock::now() - start;
    context_.hypervisor.thaw(guest.domain);
  } catch (const HostFault&) {
    return std::nullopt;  // it has ended, or does not answer: that is told on its own
  }
  const auto after = glance(session);
  const auto stood = after ? stood_still(*before, *after, still) : std::nullopt;
  if (!stood) return std::nullopt;
  return *stood ? Answer::unaware : Answer::aware;
}

}  // namespace kvmtest::engine
