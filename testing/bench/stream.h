#pragma once
// Records like those of a real run, for what reads and writes them.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/record.h"

namespace kvmtest::bench {

inline std::string test_name(std::uint64_t number) { return "bench/t" + std::to_string(number); }

/// All that is told of one test on two hosts, with eight commands, that passes. Each test of a run has its number, and
/// so has each attempt of a database.
inline std::vector<core::record::Record> records_of_test(core::RunId run, std::uint64_t test, std::uint64_t attempt) {
  using namespace core::record;
  using namespace std::chrono_literals;
  std::vector<Record> records;
  core::WallTime time{core::Duration(1'785'412'800'000'000)};
  const auto add = [&](Body body) {
    Record& record = records.emplace_back();
    record.run = run.value;
    record.time = time += 125'403us;
    record.body = std::move(body);
  };
  const core::Prefix prefix{"a."};
  const core::Domain domains[] = {{prefix, core::Host{"east"}}, {prefix, core::Host{"west"}}};

  std::uint64_t ticket = attempt * 10;
  for (const core::Domain& domain : domains) {
    ResetQueued queued;
    queued.domain = domain;
    queued.ticket = core::Ticket{++ticket};
    add(queued);
    ResetStarted started;
    started.domain = domain;
    started.ticket = core::Ticket{ticket};
    add(started);
    ResetFinished finished;
    finished.domain = domain;
    finished.ticket = core::Ticket{ticket};
    finished.method = "boot";
    finished.total = 3'712'004us;
    finished.boot = 3'401'876us;
    finished.login = 310'128us;
    add(finished);
  }
  TestStarted started;
  started.attempt = core::AttemptId{attempt};
  started.test = test_name(test);
  started.prefix = prefix;
  started.ready_after = 3'941'310us;
  add(started);
  for (unsigned i = 0; i < 8; ++i) {
    CommandFinished command;
    command.attempt = core::AttemptId{attempt};
    command.host = domains[i % 2].host.value;
    command.index = i;
    command.command = "ip tunnel add gre1 mode gre local 192.1.2.23 remote 192.1.2.45 ttl 64 key 42";
    command.at = i * 12'007us;
    command.took = 9'313us;
    command.output_bytes = 412;
    add(command);
  }
  AttemptJudged judged;
  judged.attempt = core::AttemptId{attempt};
  judged.test = test_name(test);
  judged.prefix = prefix;
  judged.verdict = core::Verdict::passed;
  judged.split.reset = 3'941'310us;
  judged.split.test = 96'117us;
  judged.split.judging = 1'204us;
  judged.output = "/var/lib/kvmtest/runs/17/" + judged.test + "/1";
  add(judged);
  for (const core::Domain& domain : domains) {
    DomainDestroyed destroyed;
    destroyed.domain = domain;
    destroyed.total = 203'411us;
    add(destroyed);
  }
  return records;
}

}  // namespace kvmtest::bench
