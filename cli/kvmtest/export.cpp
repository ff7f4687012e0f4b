// kvmtest export: a run for other programs, and for the browser.

#include <fstream>
#include <iostream>
#include <memory>

#include <fmt/format.h>

#include "client/plain_output.h"
#include "core/input_error.h"
#include "kvmtest/past_runs.h"
#include "kvmtest/report_file.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {

void add_export(client::Command& program, Context& context) {
  struct Options {
    std::string format;
    long run = 0;
    std::string output;
    std::string consoles;
  };
  auto options = std::make_shared<Options>();
  client::Command verb =
      add_verb(program, context, "export", "write a run as junit, tap, json, html or trace", [&context, options] {
        const auto settings = context.common.settings();
        const auto run = chosen_run(settings, options->run);
        const auto consoles =
            options->consoles.empty() ? usual_consoles(options->format) : parse_consoles(options->consoles);
        const std::string text = make_report(settings, run, options->format, consoles);
        if (options->output.empty()) {
          client::raw_output() << text << std::flush;  // each format has escapes of its own
          return client::raw_output() ? 0 : 3;
        }
        std::ofstream out(options->output, std::ios::binary | std::ios::trunc);
        if (!out) throw core::InputError({options->output}, "cannot be written");
        out << text;
        out.close();
        if (!out) throw std::runtime_error(options->output + ": cannot be written");
        return 0;
      });
  verb.add_option("FORMAT", options->format,
                  "junit (XML), tap (version 13), json, html (one page, for a browser), trace (for Perfetto)")
      .required();
  verb.add_option("RUN", options->run, "the run's number (default: the newest)");
  verb.add_option("-o,--output", options->output, "write to this file (default: standard output)");
  verb.add_option("--consoles", options->consoles,
                  "whose consoles junit and html hold: none, failed, all (default: failed in html, else none)");
}

}  // namespace kvmtest::command
