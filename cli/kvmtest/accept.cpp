// kvmtest accept: what a test printed becomes what it is expected to print.

#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "client/words.h"
#include "core/input_error.h"
#include "kvmtest/load_tests.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/verbs.h"
#include "suite/execution_json.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;

/// The newest attempt of `run` at `test` that left an execution.
suite::Execution execution_of(const report::RunSummary& run, const std::string& test) {
  for (const auto& result : run.tests) {
    if (result.name != test) continue;
    for (auto attempt = result.attempts.rbegin(); attempt != result.attempts.rend(); ++attempt) {
      std::ifstream in(fs::path(attempt->output) / "execution.json");
      if (attempt->output.empty() || !in) continue;
      return suite::execution_from(nlohmann::json::parse(in));
    }
  }
  throw core::InputError(fmt::format("test {} printed nothing in run {}; run it first", test, run.run.value));
}

void rewrite(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".accepted";
  std::ofstream out(fresh, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw core::InputError({file}, "cannot be written");
  fs::permissions(fresh, fs::status(file).permissions());
  fs::rename(fresh, file);
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
          std::ifstream in(loaded.test.path, std::ios::binary);
          std::ostringstream before;
          before << in.rdbuf();
          if (*text == before.str()) {
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
