// The scheduler's part in spares (docs/adr/0012-spares.md): while a test runs, its domains' spares are made ready for
// the next one. Nothing depends on them: whatever goes wrong with a spare, the domain goes back by itself.

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/scheduler.h"

namespace kvmtest::core {
namespace {

// A domain whose spare failed so often gets none any more in the run.
constexpr unsigned most_failures = 2;

/// Whether it is made ready without another QEMU being started.
bool goes_back_in_place(const SpareState& spare) {
  const auto* left = std::get_if<spare_state::Left>(&spare);
  return left != nullptr && left->in_place;
}

}  // namespace

/// The answer to a spare's ticket.
template <class State>
std::optional<Scheduler::Found> Scheduler::spare_answered(Ticket ticket, Instant now) {
  auto found = find(ticket, now);
  if (!found || !is<State>(found->entry.spare)) return std::nullopt;
  if (std::get<State>(found->entry.spare).ticket != ticket) return std::nullopt;
  tickets_.redeem(ticket);
  return found;
}

void Scheduler::on(const event::SpareStarted& e, Instant now) {
  const auto found = find(e.ticket, now);
  if (!found) return;
  if (auto* preparing = std::get_if<spare_state::Preparing>(&found->entry.spare);
      preparing && preparing->ticket == e.ticket)
    preparing->started = true;
}

void Scheduler::on(const event::SpareReady& e, Instant now) {
  const auto found = spare_answered<spare_state::Preparing>(e.ticket, now);
  if (!found) return;
  set_spare(found->entry, spare_state::Ready{std::get<spare_state::Preparing>(found->entry.spare).state});
}

void Scheduler::on(const event::SpareFailed& e, Instant now) {
  const auto found = spare_answered<spare_state::Preparing>(e.ticket, now);
  if (!found) return;
  set_spare(found->entry, spare_state::None{});
  count_spare_failure(found->domain(), found->entry, e.reason);
}

void Scheduler::on(const event::SpareDiscarded& e, Instant now) {
  const auto found = spare_answered<spare_state::Ending>(e.ticket, now);
  if (found) set_spare(found->entry, spare_state::None{});
}

/// Where domains are being started, they have more need of the processor. To start another QEMU takes it for as long as
/// to start a domain.
void Scheduler::start_spares() {
  if (!run_ || run_->stopping() || one_alone()) return;
  auto& queue = run_->without_spare;
  const unsigned slots = std::max(1U, run_->plan.spare_slots);
  for (auto next = queue.begin(); next != queue.end() && !pool_.any_start() && spares_.preparing < slots;) {
    PrefixEntry& prefix = entry_of(next->prefix);
    DomainEntry& entry = prefix.domains[next->host];
    const auto* running = std::get_if<prefix_state::Running>(&prefix.state);
    const bool wanted = running != nullptr && needs(running->test, next->host);
    const bool waits = modest() || (run_->plan.admission.starts && !goes_back_in_place(entry.spare));
    if (wanted && waits && !admission_.has_room()) {
      ++next;
      continue;
    }
    const Domain domain = std::move(*next);
    next = queue.erase(next);
    if (wanted) prepare_spare(domain, entry);
  }
}

void Scheduler::want_spares(const Prefix& prefix, const PlannedTest& test) {
  auto& queue = run_->without_spare;
  for (const Host& host : test.hosts)
    if (const Domain domain{prefix, host}; std::find(queue.begin(), queue.end(), domain) == queue.end())
      queue.push_back(domain);
}

void Scheduler::prepare_spare(const Domain& domain, DomainEntry& entry) {
  const auto state = state_of(domain, entry);
  if (!state || !states_.kept(*state) || entry.spare_failures >= most_failures) return;
  if (is<spare_state::Preparing>(entry.spare) || is<spare_state::Ending>(entry.spare)) return;
  if (const auto* ready = std::get_if<spare_state::Ready>(&entry.spare); ready && ready->state == *state) return;
  if (is<spare_state::None>(entry.spare) && spares_.up >= run_->plan.spares) return;
  const bool in_place = goes_back_in_place(entry.spare);
  if (!in_place) admission_.reserve();
  const Ticket ticket = tickets_.issue(domain);
  out_.push_back(action::PrepareSpare{ticket, domain, *state, in_place});
  set_spare(entry, spare_state::Preparing{.ticket = ticket, .state = *state, .started = in_place});
}

void Scheduler::discard_spare(const Domain& domain, DomainEntry& entry) {
  if (is<spare_state::None>(entry.spare) || is<spare_state::Ending>(entry.spare)) return;
  if (const auto* preparing = std::get_if<spare_state::Preparing>(&entry.spare)) tickets_.redeem(preparing->ticket);
  const Ticket ticket = tickets_.issue(domain);
  out_.push_back(action::DiscardSpare{ticket, domain});
  set_spare(entry, spare_state::Ending{ticket});
}

void Scheduler::set_spare(DomainEntry& entry, SpareState spare) {
  if (!is<spare_state::None>(entry.spare)) --spares_.up;
  if (is<spare_state::Preparing>(entry.spare)) --spares_.preparing;
  entry.spare = std::move(spare);
  if (!is<spare_state::None>(entry.spare)) ++spares_.up;
  if (is<spare_state::Preparing>(entry.spare)) ++spares_.preparing;
  assert(spares_.preparing <= spares_.up);
}

void Scheduler::count_spare_failure(const Domain& domain, DomainEntry& entry, const std::string& reason) {
  if (++entry.spare_failures != most_failures) return;
  out_.push_back(action::Tell{record::Notice{false, domain.name() + ": no spare is made ready any more: " + reason}});
}

}  // namespace kvmtest::core
