#pragma once
// The fields of every body, once, for reading and for writing. Each list takes the struct apart completely: a new
// member without a line here does not compile, nor does a new alternative of record::Body without a kind and a list.

#include <concepts>
#include <string_view>
#include <type_traits>

#include "core/record.h"

namespace kvmtest::wire {

/// T, const or not.
template <class Self, class T>
concept Is = std::same_as<std::remove_const_t<Self>, T>;

template <class Body>
inline constexpr std::string_view kind_of;
template <>
inline constexpr std::string_view kind_of<core::record::RunStarted> = "run-started";
template <>
inline constexpr std::string_view kind_of<core::record::RunResumed> = "run-resumed";
template <>
inline constexpr std::string_view kind_of<core::record::ResetQueued> = "reset-queued";
template <>
inline constexpr std::string_view kind_of<core::record::ResetStarted> = "reset-started";
template <>
inline constexpr std::string_view kind_of<core::record::ResetFinished> = "reset-finished";
template <>
inline constexpr std::string_view kind_of<core::record::ResetFailed> = "reset-failed";
template <>
inline constexpr std::string_view kind_of<core::record::SnapshotsGivenUp> = "snapshots-given-up";
template <>
inline constexpr std::string_view kind_of<core::record::DomainDestroyed> = "domain-destroyed";
template <>
inline constexpr std::string_view kind_of<core::record::DomainLost> = "domain-lost";
template <>
inline constexpr std::string_view kind_of<core::record::TestStarted> = "test-started";
template <>
inline constexpr std::string_view kind_of<core::record::CommandFinished> = "command-finished";
template <>
inline constexpr std::string_view kind_of<core::record::PointsJudged> = "points-judged";
template <>
inline constexpr std::string_view kind_of<core::record::AttemptJudged> = "attempt-judged";
template <>
inline constexpr std::string_view kind_of<core::record::TestUntested> = "test-untested";
template <>
inline constexpr std::string_view kind_of<core::record::PrefixQuarantined> = "prefix-quarantined";
template <>
inline constexpr std::string_view kind_of<core::record::StopRequested> = "stop-requested";
template <>
inline constexpr std::string_view kind_of<core::record::Notice> = "notice";
template <>
inline constexpr std::string_view kind_of<core::record::Sample> = "sample";
template <>
inline constexpr std::string_view kind_of<core::record::RunFinished> = "run-finished";

// fields(value, field) calls field(name, member) for each member.

template <class Field>
void fields(Is<core::Domain> auto& value, Field field) {
  auto& [prefix, host] = value;
  field("prefix", prefix), field("host", host);
}
template <class Field>
void fields(Is<core::Issue> auto& value, Field field) {
  auto& [host, name, detail] = value;
  field("host", host), field("name", name), field("detail", detail);
}
template <class Field>
void fields(Is<core::Point> auto& value, Field field) {
  auto& [number, description, result, reason, level, details, notes] = value;
  field("number", number), field("description", description), field("result", result), field("reason", reason);
  field("level", level), field("details", details), field("notes", notes);
}
template <class Field>
void fields(Is<core::record::Split> auto& value, Field field) {
  auto& [waiting, reset, test, judging] = value;
  field("waiting", waiting), field("reset", reset), field("test", test), field("judging", judging);
}
template <class Field>
void fields(Is<core::record::HostUse> auto& value, Field field) {
  auto& [host, used, starved] = value;
  field("host", host), field("used", used), field("starved", starved);
}
template <class Field>
void fields(Is<core::record::RunStarted> auto& value, Field field) {
  auto& [prefixes, workers, tests, uri, accelerator, settings, inputs] = value;
  field("prefixes", prefixes), field("workers", workers), field("tests", tests), field("uri", uri);
  field("accelerator", accelerator), field("settings", settings), field("inputs", inputs);
}
template <class Field>
void fields(Is<core::record::RunResumed> auto& value, Field field) {
  auto& [done, abandoned] = value;
  field("done", done), field("abandoned", abandoned);
}
template <class Field>
void fields(Is<core::record::ResetQueued> auto& value, Field field) {
  auto& [domain, ticket, ahead, submitted, pending, workers, method, test] = value;
  field("domain", domain), field("ticket", ticket), field("ahead", ahead), field("submitted", submitted);
  field("pending", pending), field("workers", workers), field("method", method), field("test", test);
}
template <class Field>
void fields(Is<core::record::ResetStarted> auto& value, Field field) {
  auto& [domain, ticket, waited, method, attempt] = value;
  field("domain", domain), field("ticket", ticket), field("waited", waited), field("method", method);
  field("attempt", attempt);
}
template <class Field>
void fields(Is<core::record::ResetFinished> auto& value, Field field) {
  auto& [domain, ticket, method, total, boot, login, waited, save, load, verify, attempt, note] = value;
  field("domain", domain), field("ticket", ticket), field("method", method), field("total", total);
  field("boot", boot), field("login", login), field("save", save), field("load", load), field("verify", verify);
  field("waited", waited), field("attempt", attempt), field("note", note);
}
template <class Field>
void fields(Is<core::record::ResetFailed> auto& value, Field field) {
  auto& [domain, ticket, host_fault, reason, total, again, waited, method, attempt] = value;
  field("domain", domain), field("ticket", ticket), field("host_fault", host_fault), field("reason", reason);
  field("total", total), field("again", again), field("waited", waited), field("method", method);
  field("attempt", attempt);
}
template <class Field>
void fields(Is<core::record::SnapshotsGivenUp> auto& value, Field field) {
  auto& [domain, reason] = value;
  field("domain", domain), field("reason", reason);
}
template <class Field>
void fields(Is<core::record::DomainDestroyed> auto& value, Field field) {
  auto& [domain, total] = value;
  field("domain", domain), field("total", total);
}
template <class Field>
void fields(Is<core::record::DomainLost> auto& value, Field field) {
  auto& [domain, host_fault, reason] = value;
  field("domain", domain), field("host_fault", host_fault), field("reason", reason);
}
template <class Field>
void fields(Is<core::record::TestStarted> auto& value, Field field) {
  auto& [attempt, test, prefix, number, ready_after] = value;
  field("attempt", attempt), field("test", test), field("prefix", prefix), field("number", number);
  field("ready_after", ready_after);
}
template <class Field>
void fields(Is<core::record::CommandFinished> auto& value, Field field) {
  auto& [attempt, host, index, command, at, took, status, output_bytes] = value;
  field("attempt", attempt), field("host", host), field("index", index), field("command", command), field("at", at);
  field("took", took), field("status", status), field("output_bytes", output_bytes);
}
template <class Field>
void fields(Is<core::record::PointsJudged> auto& value, Field field) {
  auto& [attempt, points] = value;
  field("attempt", attempt), field("points", points);
}
template <class Field>
void fields(Is<core::record::AttemptJudged> auto& value, Field field) {
  auto& [attempt, test, prefix, number, verdict, issues, split, output, final_, test_verdict, use, frozen] = value;
  field("attempt", attempt), field("test", test), field("prefix", prefix), field("number", number);
  field("verdict", verdict), field("issues", issues), field("split", split), field("output", output);
  field("final", final_), field("test_verdict", test_verdict), field("use", use), field("frozen", frozen);
}
template <class Field>
void fields(Is<core::record::TestUntested> auto& value, Field field) {
  auto& [test, reason, verdict] = value;
  field("test", test), field("reason", reason), field("verdict", verdict);
}
template <class Field>
void fields(Is<core::record::PrefixQuarantined> auto& value, Field field) {
  auto& [prefix, reason] = value;
  field("prefix", prefix), field("reason", reason);
}
template <class Field>
void fields(Is<core::record::StopRequested> auto& value, Field field) {
  auto& [by] = value;
  field("by", by);
}
template <class Field>
void fields(Is<core::record::Notice> auto& value, Field field) {
  auto& [warning, text] = value;
  field("warning", warning), field("text", text);
}
template <class Field>
void fields(Is<core::record::Sample> auto& value, Field field) {
  auto& [load, cpu, memory_available, daemon_rss, resetting, testing, cpu_pressure, memory_pressure, io_pressure] =
      value;
  field("load", load), field("cpu", cpu), field("memory_available", memory_available);
  field("daemon_rss", daemon_rss), field("resetting", resetting), field("testing", testing);
  field("cpu_pressure", cpu_pressure), field("memory_pressure", memory_pressure), field("io_pressure", io_pressure);
}
template <class Field>
void fields(Is<core::record::RunFinished> auto& value, Field field) {
  auto& [outcome, passed, failed, unresolved, untested, unsupported, flaky, makespan, exit_status] = value;
  field("outcome", outcome), field("passed", passed), field("failed", failed), field("unresolved", unresolved);
  field("untested", untested), field("unsupported", unsupported), field("flaky", flaky);
  field("makespan", makespan), field("exit_status", exit_status);
}

}  // namespace kvmtest::wire
