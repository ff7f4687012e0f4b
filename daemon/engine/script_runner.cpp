#include "engine/script_runner.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace kvmtest::engine {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using suite::Ending;
using suite::Step;
using suite::StepKind;

namespace {
// Between two tries of an `until` step: long enough not to keep a guest busy, short against what is waited for.
constexpr auto until_pause = 50ms;
// For a try that the deadline cut off to give the prompt back after control-C.
constexpr auto recovery_limit = 2s;
}  // namespace

std::string typed(const Step& step) {
  switch (step.kind) {
    case StepKind::background:
      // The outer redirection keeps a shell from announcing the job; the variable makes it addressable: kill $name.
      return fmt::format("{{ {{\n{}\n}} </dev/null >/tmp/.kvmtest-{} 2>&1 & }} 2>/dev/null; {}=$!", step.command,
                         step.name, step.name);
    case StepKind::collect:
      return fmt::format("wait ${0} 2>/dev/null; __kvmtest_status=$?; cat /tmp/.kvmtest-{0}; (exit $__kvmtest_status)",
                         step.name);
    default: return step.command;
  }
}

ScriptRunner::ScriptRunner(const suite::Test& test, const Sessions& sessions, ScriptLimits limits,
                           std::function<End(const std::string&)> end_of)
    : test_(test),
      sessions_(sessions),
      command_limit_(test.command_limit.value_or(limits.command)),
      test_limit_(test.limit.value_or(limits.test)),
      end_of_(std::move(end_of)) {}

std::chrono::milliseconds ScriptRunner::limit_of(const Step& step) const { return step.limit.value_or(command_limit_); }

suite::Execution ScriptRunner::run() {
  suite::Execution execution;
  start_ = Clock::now();
  for (std::size_t i = 0; i < test_.steps.size(); ++i) {
    const Step& step = test_.steps[i];
    bool closed = false;
    execution.results.push_back(run_step(i, closed));
    if (closed) {
      const End end = end_of_(step.host);
      if (end.fault == core::Fault::host) throw Fault{step.host, end.reason};
      execution.ending = {Ending::Why::console_closed, step.host, end.reason};
      return execution;
    }
    const suite::StepResult& result = execution.results.back();
    if (!result.status) {
      const bool whole_test = Clock::now() - start_ >= test_limit_;
      execution.ending = {
          Ending::Why::timeout, step.host,
          whole_test
              ? fmt::format("the test's limit of {} s passed in '{}'", test_limit_.count() / 1000.0, step.command)
              : fmt::format("no prompt within {} s of '{}'", limit_of(step).count() / 1000.0, step.command)};
      return execution;
    }
    if (step.kind == StepKind::requires_ && result.status != 0) {
      execution.ending = {Ending::Why::unsupported, step.host, fmt::format("'{}' failed", step.command)};
      return execution;
    }
  }
  return execution;
}

suite::StepResult ScriptRunner::run_step(std::size_t index, bool& closed) {
  const Step& step = test_.steps[index];
  console::Session& session = *sessions_.at(step.host);
  suite::StepResult result;
  result.step = index;
  const auto begin = Clock::now();
  result.at = duration_cast<std::chrono::microseconds>(begin - start_);
  const auto deadline = std::min(begin + limit_of(step), start_ + test_limit_);
  console::CommandResult command =
      step.kind == StepKind::until
          ? run_until(session, step, deadline, result)
          : session.run(typed(step), duration_cast<std::chrono::microseconds>(deadline - begin));
  result.output = std::move(command.output);
  result.status = command.status;
  result.truncated = command.truncated;
  closed = command.closed;
  result.took = duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  if (on_step) on_step(step, result, command.output_bytes);
  return result;
}

/// Runs the step's command again and again. One that never succeeds has its last whole try's status; one whose first
/// try does not end has none.
console::CommandResult ScriptRunner::run_until(console::Session& session, const Step& step, console::Deadline deadline,
                                               suite::StepResult& result) {
  console::CommandResult last;
  for (result.tries = 1;; ++result.tries) {
    auto command = session.run(step.command, duration_cast<std::chrono::microseconds>(deadline - Clock::now()));
    if (!command.status && !command.closed && result.tries > 1 && session.recover(recovery_limit)) return last;
    if (!command.status || command.status == 0 || Clock::now() + until_pause >= deadline) return command;
    last = std::move(command);
    std::this_thread::sleep_for(until_pause);
  }
}

}  // namespace kvmtest::engine
