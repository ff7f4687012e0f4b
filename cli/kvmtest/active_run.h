#pragma once
// The run of this state directory's daemon.

#include <optional>

#include "client/client.h"
#include "core/ids.h"

namespace kvmtest::command {

/// The run that is active; nothing: none is, or there is no daemon. Throws client::Refused.
std::optional<core::RunId> active_run(client::Client& client);

/// Goes on with the run that a daemon's end interrupted; nothing: there is none. Needs a daemon. Throws
/// client::Refused.
std::optional<core::RunId> resume_run(client::Client& client);

}  // namespace kvmtest::command
