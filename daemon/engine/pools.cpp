// The engine's work on the threads of the test pool, on destroyers and on judges: pauses, tests, destructions, judging.

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "core/input_error.h"
#include "engine/active_run.h"
#include "engine/engine.h"
#include "engine/kernel_talk.h"
#include "suite/kernel.h"

namespace kvmtest::engine {

namespace record = core::record;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

namespace {

core::Duration since(steady_clock::time_point start) {
  return duration_cast<core::Duration>(steady_clock::now() - start);
}

/// What an attempt that a host fault ended had printed: evidence, but nothing to judge.
void keep_consoles(const std::filesystem::path& directory, const std::map<std::string, std::string>& raw) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  try {
    for (const auto& [host, bytes] : raw) write_file(directory / (host + ".console.raw"), bytes);
  } catch (const HostFault&) {
    // The disk is full: the fault that is reported anyhow matters more.
  }
}

// To read what a kernel logged takes some milliseconds; a guest that is busy may take longer.

/// Adds the kernels' warnings to what is said of the attempt.
void judge_kernel(judge::Judgement& judgement, const suite::Execution& execution, core::KernelWarnings meaning) {
  if (meaning == core::KernelWarnings::ignore) return;
  for (core::Issue& issue : suite::kernel_issues(execution)) {
    judgement.issues.push_back(std::move(issue));
    if (meaning == core::KernelWarnings::fail)
      judgement.verdict = core::worse(judgement.verdict, core::Verdict::failed);
  }
}

}  // namespace

void Engine::destroy(const core::action::DestroyDomain& a, std::int64_t run) {
  std::shared_ptr<console::Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(a.domain); found != sessions_.end()) {
      session = std::move(found->second);
      sessions_.erase(found);
    }
  }
  if (session) session->interrupt();  // whoever borrowed it
  try {
    const auto start = steady_clock::now();
    spare_pool_.forget(a.domain);
    hypervisor_.destroy(a.domain);
    session.reset();
    const auto took = since(start);
    {
      const std::lock_guard lock(mutex_);
      last_destroy_[a.domain] = took;
    }
    recorder_.put(run, record::DomainDestroyed{a.domain, took});
    post(core::event::DomainDestroyed{a.ticket});
  } catch (const std::exception& e) {
    post(core::event::DomainDestroyFailed{a.ticket, e.what()});
  }
}

void Engine::pause(const core::action::PauseDomain& a) {
  try {
    snapshots_.pause(a.domain);
    post(core::event::DomainPaused{a.ticket});
  } catch (const std::exception& e) {
    post(core::event::DomainPauseFailed{a.ticket, e.what()});
  }
}

/// The test's hosts whose console does not wait at its prompt.
std::vector<core::Host> Engine::stuck(const suite::Test& test, const Sessions& sessions) {
  std::vector<core::Host> hosts;
  for (const std::string& host : test.hosts)
    if (const auto found = sessions.find(host); found == sessions.end() || !found->second->at_prompt())
      hosts.emplace_back(host);
  return hosts;
}

void Engine::run_test(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run) {
  const suite::LoadedTest& loaded = run->order.tests.at(a.test.value);
  const suite::Test& test = loaded.test;
  Sessions sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions = testing_.at(a.attempt).sessions;
  }
  std::optional<core::event::TestAborted> aborted;
  const auto start = steady_clock::now();
  ActiveRun::Ran ran;
  ran.prefix = a.prefix;
  ran.number = a.number;
  const auto begin = std::chrono::system_clock::now();
  suite::Times times{run->began, begin, begin, a.ready_after, {}};
  std::string problem = loaded.own_output ? loaded.own_output->begin(times) : std::string();
  if (sessions.size() != test.hosts.size()) {
    aborted = core::event::TestAborted{a.attempt, {}, "a domain of its group was lost before the test began"};
  } else if (test.program) {
    try {
      ran.execution = run_program(a, *run, sessions);
    } catch (const HostFault& fault) {
      aborted = core::event::TestAborted{a.attempt, {}, fault.what()};
    } catch (const console::Interrupted&) {
      aborted = core::event::TestAborted{a.attempt, {}, "interrupted"};
    }
  } else {
    ScriptRunner script(test, sessions, run->order.limits, [&](const std::string& host) {
      return hypervisor_.end_of({a.prefix, core::Host{host}});
    });
    script.on_step = [&](const suite::Step& step, const suite::StepResult& result, std::uint64_t output_bytes) {
      recorder_.put(run->order.plan.run.value,
                    record::CommandFinished{a.attempt, step.host, static_cast<unsigned>(result.step), step.command,
                                            result.at, result.took, result.status.value_or(-1), output_bytes});
    };
    script.on_reboot = [&](const std::string& host, console::Session& session, const std::string& command,
                           std::optional<std::chrono::milliseconds> limit, console::Deadline deadline) {
      return reboot({a.prefix, core::Host{host}}, session, command, limit, deadline);
    };
    try {
      if (problem.empty())
        ran.execution = script.run();
      else
        ran.execution.ending = {suite::Ending::Why::unprepared, {}, std::move(problem)};
    } catch (const ScriptRunner::Fault& fault) {
      aborted = core::event::TestAborted{a.attempt, fault.host, fault.reason};
    } catch (const console::Interrupted&) {
      aborted = core::event::TestAborted{a.attempt, {}, "interrupted"};
    }
  }
  ran.test_time = since(start);
  times.end = std::chrono::system_clock::now();
  times.script = ran.test_time;
  ran.execution.times = times;
  for (const auto& [host, session] : sessions) {
    session->show_to(nullptr);
    ran.raw[host] = session->take_raw();
  }
  if (!aborted) aborted = collect_kernel(a, sessions, start, test, ran.execution);
  std::vector<core::Host> unusable = stuck(test, sessions);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [host, live] : testing_.at(a.attempt).live) live->close();
    testing_.erase(a.attempt);
  }
  if (aborted) {
    keep_consoles(attempt_directory(run->order.output, test.name, a.number), ran.raw);
    aborted->stuck = std::move(unusable);
    post(*aborted);
    return;
  }
  {
    const std::lock_guard lock(run->mutex);
    run->ran.emplace(a.attempt, std::move(ran));
  }
  post(core::event::TestRan{a.attempt, std::move(unusable)});
}

/// What the kernels of a test's hosts said. A console that does not answer tells what it has heard so far.
std::optional<core::event::TestAborted> Engine::collect_kernel(const core::action::RunTest& a, const Sessions& sessions,
                                                               steady_clock::time_point start, const suite::Test& test,
                                                               suite::Execution& execution) {
  std::map<std::string, std::vector<KernelTalk>> talks;
  {
    const std::lock_guard lock(mutex_);
    talks.swap(testing_.at(a.attempt).earlier_boots);
  }
  for (const auto& [host, session] : sessions) {
    std::vector<KernelTalk>& boots = talks[host];
    try {
      boots.push_back(hear_kernel(*session));
      session->take_raw();  // the question
    } catch (const console::Interrupted&) {
      return core::event::TestAborted{a.attempt, {}, "interrupted"};
    }
    std::vector<suite::KernelLine> lines;
    for (const KernelTalk& talk : boots)
      for (suite::KernelLine& line : kernel_lines(talk, start)) lines.push_back(std::move(line));
    if (!lines.empty()) execution.kernel[host] = std::move(lines);
    std::size_t boot = 0;
    for (suite::StepResult& result : execution.results) {
      const suite::Step& step = test.steps[result.step];
      if (step.host != host) continue;
      // What comes during a restart is of two boots.
      if (step.kind == suite::StepKind::reboot)
        ++boot;
      else if (boot < boots.size() && boots[boot].log)
        restore_output(result, *boots[boot].log);
    }
  }
  return std::nullopt;
}

void Engine::record_points(core::AttemptId attempt, std::span<const core::Point> points) {
  constexpr std::size_t at_once = 1000;  // keeps a record small, whatever a program prints
  for (; !points.empty(); points = points.subspan(std::min(at_once, points.size()))) {
    const auto some = points.first(std::min(at_once, points.size()));
    recorder_.put(run_number(), core::record::PointsJudged{attempt, {some.begin(), some.end()}});
  }
}

void Engine::judge(const core::action::JudgeTest& a, const std::shared_ptr<ActiveRun>& run) {
  ActiveRun::Ran ran;
  {
    const std::lock_guard lock(run->mutex);
    ran = std::move(run->ran.at(a.attempt));
    run->ran.erase(a.attempt);
  }
  const suite::LoadedTest& loaded = run->order.tests.at(a.test.value);
  judge::Judgement judgement = loaded.judge->judge(ran.execution);
  judge_kernel(judgement, ran.execution, loaded.test.kernel_warnings.value_or(run->order.kernel_warnings));
  try {
    write_attempt(attempt_directory(run->order.output, loaded.test.name, ran.number),
                  {loaded.test, ran.execution, judgement, ran.raw, a.attempt, ran.prefix, ran.number, ran.test_time});
  } catch (const std::exception& e) {
    // The verdict stands by itself; that its evidence is missing must be said with it.
    judgement.verdict = core::worse(judgement.verdict, core::Verdict::unresolved);
    judgement.issues.push_back({"", "output-missing", e.what()});
  }
  record_points(a.attempt, judgement.points);
  post(core::event::AttemptJudged{a.attempt, judgement.verdict, std::move(judgement.issues)});
}

}  // namespace kvmtest::engine
