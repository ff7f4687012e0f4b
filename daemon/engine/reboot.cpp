#include "engine/reboot.h"

#include <iterator>

#include <fmt/format.h>

namespace kvmtest::engine {
namespace {

using std::chrono::steady_clock;

// For a command that only asks what is there already.
constexpr auto question_limit = std::chrono::seconds(10);

std::chrono::microseconds until(console::GuestDeadline deadline, console::Session& session) {
  return std::chrono::duration_cast<std::chrono::microseconds>(deadline - session.now());
}

/// Another one after each boot (Linux, drivers/char/random.c; FreeBSD, boottime); empty: the guest has none. Throws
/// Closed.
std::string boot_of(console::Session& session) {
  const auto asked = session.run(
      "cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime 2>/dev/null", question_limit);
  if (asked.closed) throw console::Closed();
  return asked.status == 0 ? asked.output : "";
}

/// One reboot.
class Reboot {
 public:
  Reboot(console::Session& session, const std::string& command, console::GuestDeadline deadline,
         const Restarting& machine)
      : session_(session), command_(command), deadline_(deadline), machine_(machine) {}

  Rebooted carry_out() {
    const auto start = steady_clock::now();
    if (command_.empty()) {
      session_.reconnect(machine_.start_again());
      come_up();
    } else {
      type_command();
    }
    result_.command.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
    return std::move(result_);
  }

 private:
  void succeed() {
    result_.command.status = 0;
    result_.command.closed = result_.command.left = false;
  }
  void fail(std::string why) {
    result_.failure = std::move(why);
    result_.command.status.reset();
  }

  void type_command() {
    try {
      boot_ = boot_of(session_);
    } catch (const console::Closed&) {
      return ended();
    }
    result_.command = session_.run(command_, until(deadline_, session_));
    go_on();
  }

  /// The command has ended, or the machine has.
  void go_on() {
    console::CommandResult& command = result_.command;
    if (command.status && *command.status != 0)
      return fail(fmt::format("it exited with {}, and the machine goes on", *command.status));
    if (command.status) return await_end();
    if (command.closed) return ended();
    if (command.left) return log_in();
    fail({});
  }

  /// The command was accepted: the machine goes when it is ready.
  void await_end() {
    accepted_ = true;
    console::CommandResult& command = result_.command;
    auto rest = session_.await_end(until(deadline_, session_));
    for (console::KernelMessage& message : rest.kernel) message.offset += command.output.size();
    rest.kernel.insert(rest.kernel.begin(), std::make_move_iterator(command.kernel.begin()),
                       std::make_move_iterator(command.kernel.end()));
    rest.output.insert(0, command.output);
    rest.output_bytes += command.output_bytes;
    rest.truncated |= command.truncated;
    command = std::move(rest);
    go_on();
  }

  void ended() {
    const End end = machine_.end_of();
    if (end.fault == core::Fault::host) {
      result_.fault = end;
      return fail(end.reason);
    }
    if (!end.restarts) return fail(end.reason);
    session_.reconnect(machine_.start_again());
    come_up();
  }

  void come_up() {
    try {
      session_.await_login_prompt(deadline_);
      session_.log_in(machine_.login, deadline_);
      succeed();
    } catch (const console::LoginFailed& failed) {
      fail(!session_.passed(deadline_) ? failed.what() : std::string("it is not back; ") + failed.what());
    } catch (const console::Closed&) {
      const End end = machine_.end_of();
      if (end.fault == core::Fault::host) result_.fault = end;
      fail(end.reason + " while it came up");
    }
  }

  /// Somebody answers where the shell was; perhaps the shell has ended, and nothing else.
  void log_in() {
    try {
      session_.log_in(machine_.login, deadline_);
      const std::string boot = boot_of(session_);
      if (boot.empty() || boot != boot_) return succeed();
      // What goes down may end shells first, and others may come up once more.
      if (accepted_) return await_end();
      fail("its shell ended, and the machine did not restart");
    } catch (const console::LoginFailed& failed) {
      fail(failed.what());
    } catch (const console::Closed&) {
      ended();
    }
  }

  console::Session& session_;
  const std::string& command_;
  const console::GuestDeadline deadline_;
  const Restarting& machine_;
  std::string boot_;
  bool accepted_ = false;  ///< the command has ended, and well
  Rebooted result_;
};

}  // namespace

Rebooted reboot(console::Session& session, const std::string& command, console::GuestDeadline deadline,
                const Restarting& machine) {
  return Reboot(session, command, deadline, machine).carry_out();
}

}  // namespace kvmtest::engine
