#pragma once
// What a saved state needs of the guest: nothing mounted that stands in the way, and a small program that waits in it
// and makes time and randomness right after going back (guest/renew.c). That program is also the proof: it knows a
// token of the time of saving, and a guest that was not taken back has no such program waiting.

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "console/session.h"

namespace kvmtest::engine {

/// The guest cannot be saved as it is, or is not what was saved. what() is one line.
class NotClean : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What goes with a saved state.
struct CleanState {
  struct Mount {
    std::string source;
    std::string target;
    std::string type;
    std::string options;
  };
  std::string token;          ///< that only a guest in this state knows
  std::string prompt;         ///< nonce of the shell's prompt
  std::string host_name;      ///< as the guest has it
  std::string program;        ///< path of the program in the guest
  std::vector<Mount> shares;  ///< unmounted for the saving, in the order to mount them again
  std::string host_keys{};    ///< public ones of its SSH server, a line each

  /// As text, for the note that is kept with a state, and back. Throws NotClean when it is none.
  [[nodiscard]] std::string to_text() const;
  static CleanState from_text(const std::string& text);
};

/// How long a guest that went back may take to answer. A shell does within a tenth of a second; on a machine with far
/// too much to do it may take longer.
inline constexpr std::chrono::seconds answer_limit{20};

/// Makes a logged-in guest fit to be saved: afterwards it waits for renew(), saved or not. Throws NotClean (a share is
/// busy, the guest is no x86-64 Linux, its user may not set the clock), and then it is as it was; console::Closed,
/// console::Interrupted.
CleanState prepare_to_save(console::Session& session, console::GuestDeadline deadline);

/// After going back, or after the saving itself: checks that the guest is in that very state, gives it fresh
/// randomness and the right time, and mounts its shares again. Whatever the console printed before is thrown away.
/// The session's kernel log begins there. Throws NotClean, console::Closed, console::Interrupted.
void renew(console::Session& session, const CleanState& state, console::GuestDeadline deadline);

/// After going back, and before renew(): lets the guest's shell start a program and wait for the same one again, so
/// that what an emulator has to translate for that is translated, and what a hypervisor has to map is mapped. The guest
/// is in the saved state afterwards but for the numbers of its processes; its shell was typed nothing. Throws what
/// renew() does.
void warm_up(console::Session& session, console::GuestDeadline deadline);

/// The bare way to its shell, without any of that: for measuring.
void wake(console::Session& session, const CleanState& state, console::GuestDeadline deadline);

}  // namespace kvmtest::engine
