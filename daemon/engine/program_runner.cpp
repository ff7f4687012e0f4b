#include "engine/program_runner.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console/capture.h"
#include "console/stream.h"
#include "engine/hypervisor.h"
#include "process/run.h"

namespace kvmtest::engine {

namespace {

[[noreturn]] void fault(const char* what) { throw HostFault(fmt::format("{}: {}", what, std::strerror(errno))); }

/// Throws HostFault when it is the machine that has nothing to give.
process::Ended run(const process::Order& order) {
  process::Ended ended;
  try {
    ended = process::run(order);
  } catch (const std::system_error& error) {
    throw HostFault(error.what());
  }
  errno = ended.start_error;
  if (errno == EAGAIN || errno == ENOMEM || errno == EMFILE || errno == ENFILE) fault("a program's start");
  return ended;
}

}  // namespace

StopSignal::StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
  if (descriptor_ < 0) fault("eventfd");
}

StopSignal::~StopSignal() { close(descriptor_); }

void StopSignal::raise() {
  raised_ = true;
  eventfd_write(descriptor_, 1);
}

suite::Execution run_program(const ProgramOrder& order, const StopSignal& stop) {
  suite::Execution execution;
  suite::ProgramResult& result = execution.program.emplace();
  console::Capture output(order.capture_bound);
  console::Capture errors(order.capture_bound);
  const auto into = [](console::Capture& capture) {
    return [&capture](std::string_view bytes) {
      capture.append(bytes);
      return true;
    };
  };
  const process::Ended ended = run({.command = order.program.command,
                                    .environment = order.environment,
                                    .directory = order.program.directory,
                                    .limit = order.limit,
                                    .more = order.more,
                                    .grace = order.grace,
                                    .linger = order.linger,
                                    .stop = stop.descriptor(),
                                    .take_output = into(output),
                                    .take_errors = into(errors),
                                    .confinement = order.confinement});
  if (ended.start_error != 0) {
    execution.ending.detail = fmt::format("{}: {}", order.program.command.front(), std::strerror(ended.start_error));
    return execution;
  }
  if (ended.stopped) throw console::Interrupted();
  // No program does that to itself.
  if (!ended.timed_out && WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL)
    throw HostFault("its program was killed (SIGKILL), by somebody or by the kernel for want of memory");
  result.left = ended.left;
  if (WIFEXITED(ended.status))
    result.status = WEXITSTATUS(ended.status);
  else
    result.signal = WTERMSIG(ended.status);
  result.output = output.text();
  result.errors = errors.text();
  result.truncated = output.truncated();
  if (ended.timed_out)
    execution.ending = {
        suite::Ending::Why::timeout, {}, fmt::format("the test's limit of {} s passed", order.limit.count() / 1000.0)};
  return execution;
}

}  // namespace kvmtest::engine
