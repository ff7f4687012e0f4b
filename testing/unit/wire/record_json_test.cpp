#include "wire/record_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace kvmtest::wire {
namespace {

using namespace core::record;
using namespace std::string_literals;
using core::Domain;
using core::Duration;
using core::Host;
using core::Prefix;
using core::Ticket;
using nlohmann::json;

struct Example {
  Body body;
  std::string json;
};

Domain east() { return {Prefix("a."), Host("east")}; }

/// Each alternative with no member at its default, and what clients read of it.
std::vector<Example> examples() {
  const std::string domain = R"("domain": {"prefix": "a.", "host": "east"})";
  const auto with_domain = [&](const std::string& rest) { return "{" + domain + ", " + rest + "}"; };
  return {
      {RunStarted{{"a.", ""}, 2, {"netlab/gre", "netlab/dhcp"}, "qemu:///embed", "kvm", R"({"x":1})", {"0a1b", ""}},
       R"({"prefixes": ["a.", ""], "workers": 2, "tests": ["netlab/gre", "netlab/dhcp"], "uri": "qemu:///embed",
           "accelerator": "kvm", "settings": "{\"x\":1}", "inputs": ["0a1b", ""]})"},
      {RunResumed{7, 2}, R"({"done": 7, "abandoned": 2})"},
      {ResetQueued{east(), Ticket(9), 1, 7, 3, 2, "load", "netlab/gre"},
       with_domain(R"("ticket": 9, "ahead": 1, "submitted": 7, "pending": 3, "workers": 2, "method": "load",
                      "test": "netlab/gre")")},
      {ResetStarted{east(), Ticket(9), Duration(1'200'000), "load", core::AttemptId(12)},
       with_domain(R"("ticket": 9, "waited": 1.2, "method": "load", "attempt": 12)")},
      {ResetFinished{east(), Ticket(9), "restore", Duration(3'210'000), Duration(2'800'000), Duration(310'000),
                     Duration(1), Duration(2), Duration(3), Duration(4), core::AttemptId(12), "no room"},
       with_domain(R"("ticket": 9, "method": "restore", "total": 3.21, "boot": 2.8, "login": 0.31, "waited": 0.000001,
                      "save": 0.000002, "load": 0.000003, "verify": 0.000004, "attempt": 12, "note": "no room")")},
      {ResetFailed{east(), Ticket(9), true, "no memory", Duration(5), true, Duration(6), "load", core::AttemptId(12)},
       with_domain(R"("ticket": 9, "host_fault": true, "reason": "no memory", "total": 0.000005, "again": true,
                      "waited": 0.000006, "method": "load", "attempt": 12)")},
      {SnapshotsGivenUp{east(), "no room"}, with_domain(R"("reason": "no room")")},
      {DomainDestroyed{east(), Duration(250'000)}, with_domain(R"("total": 0.25)")},
      {DomainLost{east(), true, "QEMU was killed"}, with_domain(R"("host_fault": true, "reason": "QEMU was killed")")},
      {TestStarted{core::AttemptId(12), "netlab/gre", Prefix("a."), 2, Duration(6'100'000)},
       R"({"attempt": 12, "test": "netlab/gre", "prefix": "a.", "number": 2, "ready_after": 6.1})"},
      {CommandFinished{core::AttemptId(12), "east", 3, "ip link", Duration(10), Duration(20), -1, 1'000'000'000'000},
       R"({"attempt": 12, "host": "east", "index": 3, "command": "ip link", "at": 0.00001, "took": 0.00002,
           "status": -1, "output_bytes": 1000000000000})"},
      {PointsJudged{core::AttemptId(12), {{1, "a link", "ok", ""}, {2, "a disk", "skip", "none", 1, "a: b\n", "c\n"}}},
       R"({"attempt": 12, "points": [{"number": 1, "description": "a link", "result": "ok", "reason": "", "level": 0,
                                      "details": "", "notes": ""},
                                     {"number": 2, "description": "a disk", "result": "skip", "reason": "none",
                                      "level": 1, "details": "a: b\n", "notes": "c\n"}]})"},
      {AttemptJudged{core::AttemptId(12),
                     "netlab/gre",
                     Prefix("a."),
                     2,
                     core::Verdict::failed,
                     {{"east", "TIMEOUT", "ping"}, {"", "EOF", ""}},
                     {Duration(1), Duration(2), Duration(3), Duration(4)},
                     "/out/gre",
                     false,
                     core::Verdict::unresolved,
                     {{"east", Duration(1'500'000), Duration(5)}},
                     Duration(250'000)},
       R"({"attempt": 12, "test": "netlab/gre", "prefix": "a.", "number": 2, "verdict": "failed",
           "issues": [{"host": "east", "name": "TIMEOUT", "detail": "ping"}, {"host": "", "name": "EOF", "detail": ""}],
           "split": {"waiting": 0.000001, "reset": 0.000002, "test": 0.000003, "judging": 0.000004},
           "use": [{"host": "east", "used": 1.5, "starved": 0.000005}],
           "output": "/out/gre", "final": false, "test_verdict": "unresolved",
           "frozen": 0.25})"},
      {TestUntested{"netlab/gre", "stopped"}, R"({"test": "netlab/gre", "reason": "stopped", "verdict": "untested"})"},
      {PrefixQuarantined{Prefix("b."), "bridge gone"}, R"({"prefix": "b.", "reason": "bridge gone"})"},
      {StopRequested{"SIGINT"}, R"({"by": "SIGINT"})"},
      {Notice{true, "low on disk"}, R"({"warning": true, "text": "low on disk"})"},
      {Sample{1.5, 0.25, 1'000'000, 2'000'000, 1, 2, 0.5, 0.125, 0.75},
       R"({"load": 1.5, "cpu": 0.25, "memory_available": 1000000, "daemon_rss": 2000000, "resetting": 1, "testing": 2,
           "cpu_pressure": 0.5, "memory_pressure": 0.125, "io_pressure": 0.75})"},
      {RunFinished{Outcome::stopped, 1, 2, 3, 4, 5, 6, Duration(192'400'000), 130},
       R"({"outcome": "stopped", "passed": 1, "failed": 2, "unresolved": 3, "untested": 4, "unsupported": 5, "flaky": 6,
           "makespan": 192.4, "exit_status": 130})"},
  };
}

core::WallTime some_time() { return core::WallTime(Duration(1'785'412'496'123'456)); }

std::string refusal(const json& text) {
  try {
    record_from(text);
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
  return "taken";
}

json notice() { return to_json({.run = 1, .sequence = 2, .time = some_time(), .body = Notice{false, "x"}}); }

json with(json object, const char* name, const json& value) {
  object[name] = value;
  return object;
}

TEST(RecordJson, EveryAlternativeHasItsExample) {
  std::set<std::size_t> seen;
  for (const Example& example : examples()) seen.insert(example.body.index());
  EXPECT_EQ(seen.size(), std::variant_size_v<Body>);
}

TEST(RecordJson, EveryAlternativeIsWrittenAsDocumentedAndReadBack) {
  for (const Example& example : examples()) {
    SCOPED_TRACE(kind(example.body));
    const Record record{.run = 3, .sequence = 44, .time = some_time(), .body = example.body};
    json expected = json::parse(example.json);
    EXPECT_EQ(body_to_json(example.body), expected);
    expected.update(
        {{"run", 3}, {"sequence", 44}, {"time", "2026-07-30T11:54:56.123456Z"}, {"kind", kind(example.body)}});
    const json written = json::parse(dump(to_json(record)));
    EXPECT_EQ(written, expected);

    const Record read = record_from(written);
    EXPECT_EQ(read.run, 3);
    EXPECT_EQ(read.sequence, 44);
    EXPECT_EQ(read.time, some_time());
    ASSERT_EQ(read.body.index(), record.body.index());
    EXPECT_EQ(to_json(read), written);
  }
}

TEST(RecordJson, KindIsTheTypeInKebabCase) {
  EXPECT_EQ(kind(RunStarted{}), "run-started");
  EXPECT_EQ(kind(AttemptJudged{}), "attempt-judged");
  EXPECT_EQ(kind(PrefixQuarantined{}), "prefix-quarantined");
  EXPECT_EQ(kind(SnapshotsGivenUp{}), "snapshots-given-up");
}

TEST(RecordJson, DurationsSurviveToTheMicrosecond) {
  for (const Duration::rep microseconds :
       {0LL, 1LL, -1LL, 999'999LL, 1'000'001LL, 86'400'000'001LL, 31'536'000'000'003LL, 4'503'599'627'370'497LL}) {
    const Body body = DomainDestroyed{east(), Duration(microseconds)};
    const Body read = body_from("domain-destroyed", json::parse(dump(body_to_json(body))));
    EXPECT_EQ(std::get<DomainDestroyed>(read).total.count(), microseconds);
  }
}

TEST(RecordJson, BytesThatAreNotUtf8AreReplacedWhenWritten) {
  const std::string bytes = "\xff\xfe ok \x1b[31m \0 \xc3"s;
  const Record record{.run = 1, .sequence = 1, .time = some_time(), .body = Notice{false, bytes}};
  std::string text;
  ASSERT_NO_THROW(text = dump(to_json(record)));
  EXPECT_EQ(std::get<Notice>(record_from(json::parse(text)).body).text.substr(0, 6), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(RecordJson, MissingFieldsKeepTheirDefaultsAndUnknownOnesAreIgnored) {
  const Body body = body_from("attempt-judged", json::parse(R"({"attempt": 5, "invented": [1]})"));
  EXPECT_EQ(std::get<AttemptJudged>(body).attempt.value, 5U);
  EXPECT_TRUE(std::get<AttemptJudged>(body).final);
  // As written before there was anything but boots.
  const Body reset = body_from("reset-failed", json::parse(R"({"reason": "no memory"})"));
  EXPECT_EQ(std::get<ResetFailed>(reset).method, "boot");
  EXPECT_EQ(std::get<ResetFailed>(reset).attempt, core::AttemptId{});
}

TEST(RecordJson, MalformedRecordsAreRefusedByFieldName) {
  EXPECT_EQ(refusal(json::array()), "malformed record: \"record\" is not an object");
  EXPECT_EQ(refusal(json::object()), "malformed record: \"run\" is not there");
  EXPECT_EQ(refusal(with(notice(), "kind", "nonsense\n")), "malformed record: unknown kind \"nonsense\\n\"");
  EXPECT_EQ(refusal(with(notice(), "run", 1.5)), "malformed record: \"run\" is not a whole number");
  EXPECT_EQ(refusal(with(notice(), "sequence", std::numeric_limits<std::uint64_t>::max())),
            "malformed record: \"sequence\" is not a number in range");
  EXPECT_EQ(refusal(with(notice(), "text", 7)), "malformed record: \"text\" is not a string");
  EXPECT_EQ(refusal(with(notice(), "warning", 1)), "malformed record: \"warning\" is not true or false");
  EXPECT_EQ(refusal(with(notice(), "time", "yesterday")),
            "\"yesterday\" is not a time like 2026-01-31T23:59:59.000001Z");
}

TEST(RecordJson, ValuesOutOfRangeAreRefused) {
  const auto refused = [](const char* word, const char* text) {
    EXPECT_THROW(body_from(word, json::parse(text)), std::runtime_error) << text;
  };
  refused("run-resumed", R"({"done": -1})");
  refused("run-resumed", R"({"done": 4294967296})");
  refused("attempt-judged", R"({"verdict": "splendid"})");
  refused("attempt-judged", R"({"verdict": 1})");
  refused("attempt-judged", R"({"issues": {}})");
  refused("attempt-judged", R"({"split": []})");
  refused("domain-destroyed", R"({"total": "1"})");
  refused("domain-destroyed", R"({"total": 1e300})");
  refused("run-finished", R"({"outcome": "sort of"})");
}

TEST(WallTime, IsIsoInUtcWithMicroseconds) {
  EXPECT_EQ(iso8601(core::WallTime{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso8601(some_time()), "2026-07-30T11:54:56.123456Z");
  EXPECT_EQ(wall_time_from("2026-07-30T11:54:56.123456Z"), some_time());
  EXPECT_EQ(iso8601(wall_time_from("2024-02-29T23:59:59.999999Z")), "2024-02-29T23:59:59.999999Z");
}

TEST(WallTime, OtherFormsAreRefused) {
  for (const char* text : {"", "2026-07-30", "2026-07-30T11:54:56Z", "2026-07-30 11:54:56.123456Z",
                           "2026-02-30T00:00:00.000000Z", "2026-07-30T24:00:00.000000Z", "2026-07-30T11:60:00.000000Z",
                           "+026-07-30T11:54:56.123456Z", "2026-07-30T11:54:56.123456+"}) {
    EXPECT_THROW(wall_time_from(text), std::runtime_error) << text;
  }
}

// A terminal shows it, and whoever parses it gets the same text.
TEST(Dump, HoldsNothingThatATerminalActsUpon) {
  const std::string text =
      "a\x1b\x7f\xc2\x85\xd8\x9c\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\xef\xbf\xbf\xe2\x82\xac\xc3\xa4";
  const std::string written = dump(json{{"name", text}});
  EXPECT_EQ(written, "{\"name\":\"a\\u001b\\u007f\\u0085\\u061c\\u2028\\u202e\\u2066\\uffff\xe2\x82\xac\xc3\xa4\"}");
  EXPECT_EQ(json::parse(written).at("name"), text);
  EXPECT_EQ(dump(json("plain")), "\"plain\"");
}

}  // namespace
}  // namespace kvmtest::wire
