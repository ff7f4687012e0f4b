#include "engine/script_runner.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "console/capture.h"

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
// What a time-out itself may take: typing, and looking at the clock.
constexpr auto stale = 500ms;
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
                           console::GuestClock& clock, std::function<End(const std::string&)> end_of)
    : test_(test),
      sessions_(sessions),
      command_limit_(test.command_limit.value_or(limits.command)),
      test_limit_(test.limit.value_or(limits.test)),
      end_of_(std::move(end_of)),
      clock_(clock),
      capture_bound_(limits.capture) {}

std::chrono::milliseconds ScriptRunner::limit_of(const Step& step) const { return step.limit.value_or(command_limit_); }

suite::Execution ScriptRunner::run() {
  suite::Execution execution;
  start_ = Clock::now();
  last_ = clock_.now() + test_limit_;
  if (auto ending = prepare()) {
    execution.ending = std::move(*ending);
    return execution;
  }
  for (std::size_t i = 0; i < test_.steps.size(); ++i) {
    const Step& step = test_.steps[i];
    if (step.kind == StepKind::comment) continue;
    Failure failure;
    execution.results.push_back(run_step(i, failure));
    auto ending = ending_after(step, execution.results.back(), failure);
    if (!ending) continue;
    if (execution.ending.why == Ending::Why::completed) execution.ending = std::move(*ending);
    if (!step.post_mortem) break;
  }
  return execution;
}

/// Why the script does not begin, if so.
std::optional<Ending> ScriptRunner::prepare() {
  for (const Step& step : test_.preparation) {
    const auto command = sessions_.at(step.host)->run(typed(step), limit_of(step));
    if (command.status == 0) continue;
    const std::string what = command.closed   ? "closed the console: " + why_closed(step.host).reason
                             : command.left   ? "ended the console's shell"
                             : command.status ? fmt::format("exited with {}", *command.status)
                                              : "did not end in time";
    std::string_view words = command.output;
    words = words.substr(0, words.find_last_not_of("\r\n") + 1);
    words = words.substr(words.find_last_of("\r\n") + 1);
    return Ending{Ending::Why::unprepared, step.host,
                  fmt::format("{}: '{}' {}{}{}", step.host, step.command, what, words.empty() ? "" : ": ", words)};
  }
  return std::nullopt;
}

/// Throws Fault when it is the host's.
End ScriptRunner::why_closed(const std::string& host) const {
  End end = end_of_(host);
  if (end.fault == core::Fault::host) throw Fault{host, end.reason};
  return end;
}

/// Why the script ends with this step, if so.
std::optional<Ending> ScriptRunner::ending_after(const Step& step, const suite::StepResult& result,
                                                 const Failure& failure) const {
  if (!failure.not_back.empty()) return Ending{Ending::Why::not_back, step.host, failure.not_back};
  if (failure.closed) {
    const End end = why_closed(step.host);
    return Ending{end.restarts ? Ending::Why::restarted : Ending::Why::console_closed, step.host, end.reason};
  }
  if (failure.left)
    return Ending{Ending::Why::shell_ended, step.host, "the console's shell has ended; " + failure.words};
  if (!result.status) return timed_out(step, result, failure);
  if (step.kind == StepKind::requires_ && result.status != 0)
    return Ending{Ending::Why::unsupported, step.host, fmt::format("'{}' failed", step.command)};
  return std::nullopt;
}

Ending ScriptRunner::timed_out(const Step& step, const suite::StepResult& result, const Failure& failure) const {
  const bool whole_test = clock_.passed(last_);
  std::string detail;
  if (whole_test)
    detail = fmt::format("the test's limit of {} s passed in '{}'", test_limit_.count() / 1000.0, step.command);
  else if (step.kind == StepKind::reboot)
    detail = "the machine is not back in time; " + failure.words;
  else
    detail = fmt::format("no prompt within {} s of '{}'", limit_of(step).count() / 1000.0, step.command);
  // Where the guests were starved, another time is seen on the clock.
  const auto limit = whole_test ? test_limit_ : limit_of(step);
  const std::chrono::nanoseconds passed = whole_test ? Clock::now() - start_ : result.took;
  if (passed > limit + limit / 10 + stale)
    detail += fmt::format("; by the clock {:.1f} s passed, for the guests were starved",
                          std::chrono::duration<double>(passed).count());
  return Ending{Ending::Why::timeout, step.host, std::move(detail)};
}

suite::StepResult ScriptRunner::run_step(std::size_t index, Failure& failure) {
  const Step& step = test_.steps[index];
  console::Session& session = *sessions_.at(step.host);
  suite::StepResult result;
  result.step = index;
  const auto begin = Clock::now();
  result.at = duration_cast<std::chrono::microseconds>(begin - start_);
  const auto now = clock_.now();
  const auto deadline = std::min(now + limit_of(step), last_);
  console::CommandResult command =
      step.kind == StepKind::reboot ? run_reboot(session, step, failure)
      : step.kind == StepKind::until
          ? run_until(session, step, deadline, result)
          : session.run(typed(step), duration_cast<std::chrono::microseconds>(deadline - now));
  result.output = std::move(command.output);
  result.status = command.status;
  result.truncated = command.truncated;
  bound(result, step.host);
  for (console::KernelMessage& message : command.kernel)
    result.kernel.push_back({message.offset, std::move(message.bytes)});
  failure.closed = command.closed;
  failure.left = command.left;
  if (!result.status) failure.words = console::last_words(result.output);
  result.took = duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  if (on_step) on_step(step, result, command.output_bytes);
  return result;
}

/// However many commands print as much as one may, not all of it is kept.
void ScriptRunner::bound(suite::StepResult& result, const std::string& host) {
  constexpr std::size_t always = 4096;  // what a command says behind them is worth judging all the same
  std::size_t& kept = kept_[host];
  const std::size_t left = std::max(capture_bound_ - std::min(kept, capture_bound_), always);
  if (result.output.size() > left) {
    console::Capture shorter(left);
    shorter.append(std::exchange(result.output, {}));
    result.output = shorter.text();
    result.truncated = true;
  }
  kept += result.output.size();
}

console::CommandResult ScriptRunner::run_reboot(console::Session& session, const Step& step, Failure& failure) {
  auto rebooted = on_reboot(step.host, session, step.command, step.limit, last_);
  if (rebooted.fault) throw Fault{step.host, rebooted.fault->reason};
  failure.not_back = std::move(rebooted.failure);
  return std::move(rebooted.command);
}

/// Runs the step's command again and again. One that never succeeds has its last whole try's status; one whose first
/// try does not end has none.
console::CommandResult ScriptRunner::run_until(console::Session& session, const Step& step,
                                               console::GuestDeadline deadline, suite::StepResult& result) {
  console::CommandResult last;
  for (result.tries = 1;; ++result.tries) {
    auto command = session.run(step.command, duration_cast<std::chrono::microseconds>(deadline - clock_.now()));
    if (!command.status && !command.closed && !command.left && result.tries > 1 && session.recover(recovery_limit))
      return last;
    if (!command.status || command.status == 0 || clock_.passed(deadline - until_pause)) return command;
    last = std::move(command);
    std::this_thread::sleep_for(until_pause);
  }
}

}  // namespace kvmtest::engine
