#pragma once
// A session and the guest behind it, for the tests of sessions.

#include <memory>
#include <string>
#include <utility>

#include "console/session.h"
#include "fake_guest.h"

namespace kvmtest::console {

using namespace std::chrono_literals;
using Options = FakeGuest::Options;

/// A session and the guest behind it. What answers does so at once, so `soon` is only ever waited for by what does not.
struct Console {
  explicit Console(Options options = {}, std::size_t bound = 1 << 20)
      : guest(new FakeGuest(std::move(options))), session(std::unique_ptr<Stream>(guest), bound) {}
  /// One that looks again what is there after so long.
  Console(Options options, Patience patience)
      : guest(new FakeGuest(std::move(options))), session(std::unique_ptr<Stream>(guest), 1 << 20, patience) {}
  /// A guest that nobody has to log in to.
  Console(Options options, FakeGuest::State state, Patience patience)
      : guest(new FakeGuest(options, std::move(state))), session(std::unique_ptr<Stream>(guest), 1 << 20, patience) {
    guest->say(options.boot);
  }

  /// Taken over from another console: the shell is given this session's prompt.
  Console(Options options, FakeGuest::State state)
      : guest(new FakeGuest(std::move(options), std::move(state))), session(std::unique_ptr<Stream>(guest), 1 << 20) {
    session.recover(10s);
  }

  void log_in(const std::string& user = "root", const std::string& password = "swan") {
    session.await_login_prompt(later());
    session.log_in({user, password}, later());
  }
  CommandResult run(const std::string& command) { return session.run(command, 10s); }
  static GuestDeadline later() { return WallClock().now() + 10s; }
  static GuestDeadline soon() { return WallClock().now() + 5ms; }

  FakeGuest* guest;
  Session session;
};

/// A guest that somebody logged in to.
inline FakeGuest::State logged_in() {
  FakeGuest::State state;
  state.at = FakeGuest::State::At::shell;
  return state;
}

/// The same, with the program that waits for a line.
inline FakeGuest::State waiting_guest() {
  FakeGuest::State state = logged_in();
  state.program = "/run/.kvmtest-renew";
  return state;
}

const std::string wait_for_line = "/run/.kvmtest-renew wait token";

/// Looks again soon what is there.
constexpr Patience short_patience{1ms, 3ms};

}  // namespace kvmtest::console
