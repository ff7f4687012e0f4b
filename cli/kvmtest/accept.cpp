// kvmtest accept: what a test printed becomes what it is expected to print.

#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/open_directory.h"
#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/verbs.h"
#include "settings/input_file.h"
#include "suite/execution_json.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;

/// The newest attempt of `run` at `test` that left an execution.
suite::Execution execution_of(const report::RunSummary& run, const std::string& test) {
  for (const auto& result : run.tests) {
    if (result.name != test) continue;
    for (auto attempt = result.attempts.rbegin(); attempt != result.attempts.rend(); ++attempt) {
      const auto json = json_in(attempt->output, "execution.json");
      if (!json.is_discarded()) return suite::execution_from(json);
    }
  }
  throw core::InputError(fmt::format("test {} printed nothing in run {}; run it first", test, run.run.value));
}

void rewrite(const fs::path& file, const std::string& text) {
  const fs::path real = fs::canonical(file);
  const auto mode = static_cast<mode_t>(fs::status(real).permissions() & fs::perms::all);
  base::OpenDirectory(real.parent_path()).write(real.filename(), text, mode);
}

}  // namespace

void add_accept(client::Command& program, Context& context) {
  struct Options {
    std::vector<std::string> tests;
    long run = 0;
  };
  auto options = std::make_shared<Options>();
  client::Command verb =
      add_verb(program, context, "accept", "make what a test printed its expected output", [&context, options] {
        const auto settings = context.common.settings();
        const auto tests = load_tests(settings, options->tests, {});
        const auto summary = read_summary(settings, chosen_run(settings, options->run));
        for (const auto& loaded : tests) {
          const auto text = loaded.judge->accept(execution_of(summary, loaded.test.name));
          if (!text)
            throw core::InputError({loaded.test.path}, "this format keeps no expected output that could be accepted");
          if (*text == settings::file_text(loaded.test.path)) {
            std::cout << loaded.test.name << ": as expected already\n";
            continue;
          }
          rewrite(loaded.test.path, *text);
          std::cout << loaded.test.name << ": rewritten\n";
        }
        return 0;
      });
  verb.add_words("TESTS", options->tests, "tests, as for run").required();
  verb.add_option("--run", options->run, "take the output of this run (default: the newest)");
}

}  // namespace kvmtest::command
