// kvmtest: runs test suites on libvirt domains.

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "base/quoting.h"
#include "client/manual.h"
#include "client/plain_output.h"
#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/complete.h"
#include "kvmtest/verbs.h"

using namespace kvmtest;

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const client::PlainOutput plain;
  client::Command program(
      "Runs test suites on libvirt domains, in parallel by prefix. The first thing to try: kvmtest run");
  program.version(std::string("kvmtest ") + KVMTEST_VERSION);
  program.require_verb();
  program.footer(
      "Exit status: 0 all as expected, 1 tests failed, 2 bad input, 3 the infrastructure failed, 130 stopped.\n"
      "Settings are documented in config/kvmtest.yaml; 'kvmtest VERB --help' tells a verb's options.");
  command::Context context;
  if (argc > 0 && *argv[0] != '\0') context.program = base::shell_word(argv[0]);
  for (const auto add : command::verbs) add(program, context);
  const std::vector<std::string> verbs = program.verbs();
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "__complete") return command::complete(program, context, {argv + 2, argv + argc}, std::cout);
  if (first == "__manual") {
    std::cout << (argc > 2 ? client::settings_manual() : client::manual(program.app()));
    return 0;
  }
  if (argc > 1 && argv[1][0] != '-' && std::find(verbs.begin(), verbs.end(), argv[1]) == verbs.end()) {
    std::cerr << "kvmtest: unknown verb '" << argv[1] << "'" << core::did_you_mean(argv[1], verbs)
              << " (see kvmtest --help)\n";
    return 2;
  }
  std::vector<std::string> words(argv + 1, argv + argc);
  client::keep_from_first_word(program.app(), "enter", words);
  if (const auto status = program.parse("kvmtest", words)) return *status;
  return client::with_errors("kvmtest", context.chosen);
}
