// kvmtest: runs test suites on libvirt domains.

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/manual.h"
#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/command.h"
#include "kvmtest/complete.h"

using namespace kvmtest;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"Runs test suites on libvirt domains, in parallel by prefix. The first thing to try: kvmtest run"};
  app.set_version_flag("--version", std::string("kvmtest ") + KVMTEST_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 all as expected, 1 tests failed, 2 bad input, 3 the infrastructure failed, 130 stopped.\n"
      "Settings are documented in config/kvmtest.yaml; 'kvmtest VERB --help' tells a verb's options.");
  command::Context context;
  if (argc > 0 && *argv[0] != '\0') context.program = client::shell_quoted(argv[0]);
  command::add_run(app, context);
  command::add_attach(app, context);
  command::add_watch(app, context);
  command::add_stop(app, context);
  command::add_status(app, context);
  command::add_list(app, context);
  command::add_results(app, context);
  command::add_history(app, context);
  command::add_show(app, context);
  command::add_log(app, context);
  command::add_export(app, context);
  command::add_metrics(app, context);
  command::add_accept(app, context);
  command::add_install(app, context);
  command::add_domain(app, context);
  command::add_doctor(app, context);
  command::add_resets(app, context);
  command::add_settings(app, context);
  command::add_plan(app, context);
  command::add_bisect(app, context);
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    verbs.push_back(verb->get_name());
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "__complete") return command::complete(app, context, {argv + 2, argv + argc}, std::cout);
  if (first == "__manual") {
    std::cout << (argc > 2 ? client::settings_manual() : client::manual(app));
    return 0;
  }
  if (argc > 1 && argv[1][0] != '-' && std::find(verbs.begin(), verbs.end(), argv[1]) == verbs.end()) {
    std::cerr << "kvmtest: unknown verb '" << argv[1] << "'" << core::did_you_mean(argv[1], verbs)
              << " (see kvmtest --help)\n";
    return 2;
  }
  try {
    client::parse(app, {argv + 1, argv + argc});
  } catch (const CLI::ParseError& e) {
    return client::refuse_arguments("kvmtest", app, e);
  }
  return client::with_errors("kvmtest", context.chosen);
}
