#pragma once
// kvmtest's verbs, each in the file of its name.

#include <array>

#include "kvmtest/verb.h"

namespace kvmtest::command {

void add_run(client::Command& program, Context& context);
void add_attach(client::Command& program, Context& context);
void add_watch(client::Command& program, Context& context);
void add_stop(client::Command& program, Context& context);
void add_status(client::Command& program, Context& context);
void add_list(client::Command& program, Context& context);
void add_results(client::Command& program, Context& context);
void add_diffs(client::Command& program, Context& context);
void add_history(client::Command& program, Context& context);
void add_slowest(client::Command& program, Context& context);
void add_flaky(client::Command& program, Context& context);
void add_load(client::Command& program, Context& context);
void add_show(client::Command& program, Context& context);
void add_console(client::Command& program, Context& context);
void add_log(client::Command& program, Context& context);
void add_export(client::Command& program, Context& context);
void add_metrics(client::Command& program, Context& context);
void add_accept(client::Command& program, Context& context);
void add_install(client::Command& program, Context& context);
void add_uninstall(client::Command& program, Context& context);
void add_up(client::Command& program, Context& context);
void add_enter(client::Command& program, Context& context);
void add_connect(client::Command& program, Context& context);
void add_ssh_config(client::Command& program, Context& context);
void add_cp(client::Command& program, Context& context);
void add_destroy(client::Command& program, Context& context);
void add_doctor(client::Command& program, Context& context);
void add_resets(client::Command& program, Context& context);
void add_settings(client::Command& program, Context& context);
void add_plan(client::Command& program, Context& context);
void add_tune(client::Command& program, Context& context);
void add_bisect(client::Command& program, Context& context);

/// All of them, in the order of --help and of the manual page.
inline constexpr std::array verbs{
    add_run,     add_attach,  add_watch,   add_stop,      add_status,   add_list,    add_results, add_diffs,
    add_history, add_slowest, add_flaky,   add_load,      add_show,     add_console, add_log,     add_export,
    add_metrics, add_accept,  add_install, add_uninstall, add_up,       add_enter,   add_connect, add_ssh_config,
    add_cp,      add_destroy, add_doctor,  add_resets,    add_settings, add_plan,    add_tune,    add_bisect};

}  // namespace kvmtest::command
