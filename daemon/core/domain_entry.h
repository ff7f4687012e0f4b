#pragma once
// One domain as the scheduler keeps it: what it is doing, what its spare is doing, and who waits for it. Plain state;
// the rules are the scheduler's. Drawn in docs/architecture.md.

#include <optional>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/model.h"

namespace kvmtest::core {

/// Whether the variant is in that state.
template <class State>
bool is(const auto& variant) {
  return std::holds_alternative<State>(variant);
}

/// A domain's states. `holds`: the saved state that it can go back to while it runs.
namespace domain_state {
struct Off {};
/// Off and needed, but not queued yet.
struct Waiting {
  enum class For {
    memory,  ///< that other domains take
    save,    ///< another domain is about to save the state that this one needs
    quiet    ///< a domain of its prefix may still do what a test left running
  };
  For what = For::memory;
};
struct Queued {
  Ticket ticket;
  Method method = Method::boot;
  SavedStateId state;                   ///< to save or to go back to
  std::optional<SavedStateId> holds{};  ///< with a method that is_in_place(): it is up
};
struct Resetting {
  Ticket ticket;
  Method method = Method::boot;
  SavedStateId state;                  ///< being saved or gone back to
  std::optional<SavedStateId> held{};  ///< by what was there before
  Duration waited{};                   ///< in the queue
};
/// A reset that nobody wants any more is being hurried to its end: whatever comes of it is destroyed.
struct Cancelling {
  Ticket ticket;
  Method method = Method::boot;
  SavedStateId state;
};
/// Clean: reset, and used by nobody since.
struct Ready {
  std::optional<SavedStateId> holds;
};
/// Up, and used since its last reset.
struct Dirty {
  std::optional<SavedStateId> holds;
};
/// The same, and a client may be typing into it.
struct Lent {
  std::optional<SavedStateId> holds;
};
/// Good for nothing but to be destroyed: it ended by itself, or what was done with it failed.
struct Broken {};
struct Pausing {
  Ticket ticket;
  std::optional<SavedStateId> holds;
  bool lost = false;  ///< meanwhile
};
/// Up, used or not, and it stands still: no test of its prefix needs it now, or it waits for its turn to go back.
struct Paused {
  std::optional<SavedStateId> holds;
};
struct Destroying {
  Ticket ticket;
};
}  // namespace domain_state
using DomainState =
    std::variant<domain_state::Off, domain_state::Waiting, domain_state::Queued, domain_state::Resetting,
                 domain_state::Cancelling, domain_state::Ready, domain_state::Dirty, domain_state::Lent,
                 domain_state::Broken, domain_state::Pausing, domain_state::Paused, domain_state::Destroying>;

/// A spare is a second guest of the domain's definition, off the network, which waits in the domain's saved state to
/// take its place (docs/adr/0012).
namespace spare_state {
struct None {};
/// What the last spare took the place of: it stands still.
struct Left {
  bool in_place = false;  ///< it can go back while it runs
};
struct Preparing {
  Ticket ticket;
  SavedStateId state;
  bool started = false;  ///< it only has to warm up
  bool awaited = false;  ///< by a reset
};
struct Ready {
  SavedStateId state;
};
/// It is being ended: by itself, or, where there is no ticket, together with the domain.
struct Ending {
  std::optional<Ticket> ticket;
};
}  // namespace spare_state
using SpareState =
    std::variant<spare_state::None, spare_state::Left, spare_state::Preparing, spare_state::Ready, spare_state::Ending>;

/// What may come next for a domain that is to have a saved state.
enum class Trust {
  full,
  boot_next  ///< going back failed: a boot comes before anything else
};

struct DomainEntry {
  DomainState state;
  SpareState spare;
  Trust trust = Trust::full;
  unsigned destroy_failures = 0;
  unsigned snapshot_failures = 0;        ///< to save or go back, in this run
  unsigned spare_failures = 0;           ///< in this run
  std::vector<RequestId> wanted_by{};    ///< clients waiting for it to be up
  std::vector<RequestId> unwanted_by{};  ///< clients waiting for it to be gone
};

/// Whether it has no power, and nothing is under way that gives it any.
inline bool is_off(const DomainState& state) {
  return is<domain_state::Off>(state) || is<domain_state::Waiting>(state);
}

/// Whether it is up, and nothing is under way with it.
inline bool at_rest(const DomainState& state) {
  return is<domain_state::Ready>(state) || is<domain_state::Dirty>(state) || is<domain_state::Lent>(state) ||
         is<domain_state::Broken>(state) || is<domain_state::Paused>(state);
}

/// What a domain at rest can go back to while it runs.
inline std::optional<SavedStateId> held_by(const DomainState& state) {
  if (const auto* ready = std::get_if<domain_state::Ready>(&state)) return ready->holds;
  if (const auto* dirty = std::get_if<domain_state::Dirty>(&state)) return dirty->holds;
  if (const auto* lent = std::get_if<domain_state::Lent>(&state)) return lent->holds;
  if (const auto* paused = std::get_if<domain_state::Paused>(&state)) return paused->holds;
  return std::nullopt;
}

}  // namespace kvmtest::core
