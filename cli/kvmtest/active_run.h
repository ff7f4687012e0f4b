#pragma once
// The run of this state directory's daemon.

#include <optional>

#include "client/client.h"
#include "core/ids.h"
#include "kvmtest/stop_signals.h"
#include "kvmtest/verb.h"
#include "planning/request.h"

namespace kvmtest::command {

/// The run that is active; nothing: none is, or there is no daemon. Throws client::Refused.
std::optional<core::RunId> active_run(client::Client& client);

// Both start a daemon where there is none. From when it is there, `signals` are taken. Both throw client::Refused.

core::RunId start_run(const Context& context, client::Client& client, const planning::RunRequest& request,
                      std::optional<StopSignals>& signals);
/// Goes on with the run that a daemon's end interrupted; nothing: there is none.
std::optional<core::RunId> resume_run(const Context& context, client::Client& client,
                                      std::optional<StopSignals>& signals);

}  // namespace kvmtest::command
