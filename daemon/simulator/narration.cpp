#include "simulator/narration.h"

#include <cstdio>

namespace kvmtest::simulator {

namespace happened = core::event;
namespace wanted = core::action;

namespace {

std::string shown(const core::Prefix& prefix) { return prefix.value.empty() ? "''" : prefix.value; }

std::string blamed(core::Fault fault) { return fault == core::Fault::host ? "host: " : "guest: "; }

std::string number(core::RequestId request) { return "request " + std::to_string(request.value); }

}  // namespace

std::string Narrator::line(const Entry& entry) {
  if (const auto* e = std::get_if<core::Event>(&entry.what))
    return std::visit([this](const auto& x) { return event(x); }, *e);
  return std::visit([this](const auto& x) { return action(x); }, std::get<core::Action>(entry.what));
}

std::string Narrator::domain(core::Ticket ticket) const {
  const auto found = domains_.find(ticket);
  return found == domains_.end() ? "ticket " + std::to_string(ticket.value) : found->second;
}

std::string Narrator::attempt(core::AttemptId attempt) const {
  const auto found = attempts_.find(attempt);
  return found == attempts_.end() ? "attempt " + std::to_string(attempt.value) : found->second;
}

std::string Narrator::test(core::TestIndex index) const {
  const auto found = tests_.find(index);
  return found == tests_.end() ? "test " + std::to_string(index.value) : found->second;
}

// ---- events ----

std::string Narrator::event(const happened::RunSubmitted& e) {
  for (const core::PlannedTest& test : e.plan.tests) tests_[test.index] = test.name;
  return "run submitted";
}
std::string Narrator::event(const happened::StopRequested& e) {
  if (e.stays_open) return "interrupted";
  return e.release ? "stop requested" : "stop requested, but for what is held";
}
std::string Narrator::event(const happened::DomainReset& e) { return domain(e.ticket) + " was reset"; }
std::string Narrator::event(const happened::DomainResetFailed& e) {
  return domain(e.ticket) + " failed to reset, " + blamed(e.fault) + e.reason;
}
std::string Narrator::event(const happened::DomainPaused& e) { return domain(e.ticket) + " was paused"; }
std::string Narrator::event(const happened::DomainPauseFailed& e) {
  return domain(e.ticket) + " could not be paused: " + e.reason;
}
std::string Narrator::event(const happened::DomainDestroyed& e) { return domain(e.ticket) + " was destroyed"; }
std::string Narrator::event(const happened::DomainDestroyFailed& e) {
  return domain(e.ticket) + " could not be destroyed: " + e.reason;
}
std::string Narrator::event(const happened::DomainLost& e) {
  return e.domain.name() + " was lost, " + blamed(e.fault) + e.reason;
}
std::string Narrator::event(const happened::SpareStarted& e) {
  return "the spare of " + domain(e.ticket) + " was started";
}
std::string Narrator::event(const happened::SpareReady& e) { return "the spare of " + domain(e.ticket) + " is ready"; }
std::string Narrator::event(const happened::SpareFailed& e) {
  return "the spare of " + domain(e.ticket) + " failed: " + e.reason;
}
std::string Narrator::event(const happened::SpareDiscarded& e) {
  return "the spare of " + domain(e.ticket) + " was discarded";
}
std::string Narrator::event(const happened::TestRan& e) { return attempt(e.attempt) + " ran"; }
std::string Narrator::event(const happened::TestAborted& e) {
  return attempt(e.attempt) + " was aborted: " + (e.host.empty() ? "" : e.host + ": ") + e.reason;
}
std::string Narrator::event(const happened::AttemptJudged& e) { return attempt(e.attempt) + " was judged"; }
std::string Narrator::event(const happened::LoadMeasured&) { return "the load was measured"; }
std::string Narrator::event(const happened::DomainRequested& e) {
  return e.domain.name() + " was requested" + (e.fresh ? " fresh" : "") + ", " + number(e.request);
}
std::string Narrator::event(const happened::DestroyRequested& e) {
  return "an end of " + e.domain.name() + " was requested, " + number(e.request);
}
std::string Narrator::event(const happened::DeadlinePassed&) { return "a deadline passed"; }

// ---- actions ----

std::string Narrator::action(const wanted::ResetDomain& a) {
  domains_[a.ticket] = a.domain.name();
  switch (a.method) {
    case core::Method::boot: return "reset " + a.domain.name();
    case core::Method::boot_and_save: return "reset and save " + a.domain.name();
    case core::Method::restore: return "restore " + a.domain.name();
    case core::Method::load: return "load " + a.domain.name();
    case core::Method::swap: return "swap " + a.domain.name();
  }
  return {};
}
std::string Narrator::action(const wanted::CancelReset& a) { return "cancel the reset of " + domain(a.ticket); }
std::string Narrator::action(const wanted::PauseDomain& a) {
  domains_[a.ticket] = a.domain.name();
  return "pause " + a.domain.name();
}
std::string Narrator::action(const wanted::DestroyDomain& a) {
  domains_[a.ticket] = a.domain.name();
  return "destroy " + a.domain.name();
}
std::string Narrator::action(const wanted::PrepareSpare& a) {
  domains_[a.ticket] = a.domain.name();
  return std::string(a.in_place ? "load" : "start") + " the spare of " + a.domain.name();
}
std::string Narrator::action(const wanted::HurrySpare& a) { return "hurry the spare of " + a.domain.name(); }
std::string Narrator::action(const wanted::DiscardSpare& a) {
  domains_[a.ticket] = a.domain.name();
  return "discard the spare of " + a.domain.name();
}
std::string Narrator::action(const wanted::RunTest& a) {
  attempts_[a.attempt] = test(a.test) + "#" + std::to_string(a.number);
  return "run " + attempt(a.attempt) + " on " + shown(a.prefix);
}
std::string Narrator::action(const wanted::FreezeGroup& a) { return "freeze " + attempt(a.attempt); }
std::string Narrator::action(const wanted::ThawGroup& a) { return "thaw " + attempt(a.attempt); }
std::string Narrator::action(const wanted::CancelTest& a) { return "cancel " + attempt(a.attempt); }
std::string Narrator::action(const wanted::JudgeTest& a) { return "judge " + attempt(a.attempt); }
std::string Narrator::action(const wanted::ReportVerdict& a) {
  std::string text = "report " + test(a.test) + "#" + std::to_string(a.number) + " ";
  text += core::to_string(a.verdict);
  for (const core::Issue& issue : a.issues) text += " " + (issue.host.empty() ? "" : issue.host + ":") + issue.name;
  if (!a.final) return text + ", to be tried again";
  if (a.test_verdict != a.verdict) text += ", the test " + std::string(core::to_string(a.test_verdict));
  return text;
}
std::string Narrator::action(const wanted::ReportUntested& a) {
  return "report " + test(a.test) + " " + std::string(core::to_string(a.verdict)) + ": " + a.reason;
}
std::string Narrator::action(const wanted::ReportHeld& a) {
  return "report that " + shown(a.prefix) + " holds " + test(a.test);
}
std::string Narrator::action(const wanted::Tell& a) {
  namespace record = core::record;
  if (const auto* queued = std::get_if<record::ResetQueued>(&a.record)) {
    domains_[queued->ticket] = queued->domain.name();
    return "report " + queued->domain.name() + " queued: " + std::to_string(queued->ahead) + " ahead, " +
           std::to_string(queued->pending) + " pending, " + std::to_string(queued->submitted) + " submitted";
  }
  if (const auto* failed = std::get_if<record::ResetFailed>(&a.record))
    return "report failed reset of " + failed->domain.name() + (failed->again ? ", to be tried again" : "");
  if (const auto* given_up = std::get_if<record::SnapshotsGivenUp>(&a.record))
    return "report " + given_up->domain.name() + " only booted from now on: " + given_up->reason;
  if (const auto* quarantined = std::get_if<record::PrefixQuarantined>(&a.record))
    return "report " + shown(quarantined->prefix) + " out of use: " + quarantined->reason;
  if (const auto* notice = std::get_if<record::Notice>(&a.record)) return "report " + notice->text;
  return "report something else";
}
std::string Narrator::action(const wanted::AnswerRequest& a) {
  return "answer " + number(a.request) + ": " + a.error.value_or("done");
}
std::string Narrator::action(const wanted::FinishRun& a) {
  return a.outcome ? "finish the run: " + std::string(core::record::to_string(*a.outcome)) : "leave the run open";
}

std::string narrate(const std::vector<Entry>& log) {
  Narrator narrator;
  std::string text;
  for (const Entry& entry : log) {
    char time[32];
    std::snprintf(time, sizeof time, "%g ", core::seconds(entry.at.time_since_epoch()));
    text += time + narrator.line(entry) + "\n";
  }
  return text;
}

}  // namespace kvmtest::simulator
