#include "engine/test_program.h"

#include <algorithm>
#include <cstdlib>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "base/quoting.h"
#include "engine/attempt_output.h"

namespace kvmtest::engine {

namespace fs = std::filesystem;
using std::chrono::duration_cast;

namespace {

/// As part of the name of a variable.
std::string variable(std::string host) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::replace_if(
      host.begin(), host.end(), [&](char c) { return !fits(c); }, '_');
  return host;
}

/// A directory with a command for each host, that runs its arguments there.
void write_commands(const base::OpenDirectory& directory, const fs::path& shell, const core::Prefix& prefix,
                    const std::vector<std::string>& hosts) {
  constexpr mode_t executable = 0744;
  for (const std::string& host : hosts)
    write_file(directory, host,
               fmt::format("#!/bin/sh\nexec {} {} \"$@\"\n", base::shell_quoted(shell.string()),
                           base::shell_quoted(prefix.value + host)),
               executable);
}

/// Throws HostFault.
base::OpenDirectory made(const base::OpenDirectory& directory, const char* name) {
  try {
    return directory.make(name);
  } catch (const base::FileError& error) {
    throw HostFault(error.what());
  }
}

/// For people, in a line.
std::string told_left(const std::string& test, const std::vector<std::string>& left) {
  constexpr std::size_t most = 5;
  const std::size_t shown = std::min(most, left.size());
  std::string words;
  for (const std::string& command : std::span(left).first(shown))
    words += fmt::format("{}'{}'", words.empty() ? "" : ", ", command);
  if (left.size() > shown) words += fmt::format(" and {} more", left.size() - shown);
  return fmt::format("{}: {} that it left running {} ended: {}", test,
                     left.size() == 1 ? "a process" : std::to_string(left.size()) + " processes",
                     left.size() == 1 ? "was" : "were", words);
}

/// Ours without what a surrounding kvmtest left in it.
std::vector<std::string> inherited_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("KVMTEST_") && !text.starts_with("PATH=")) out.emplace_back(text);
  }
  return out;
}

}  // namespace

suite::Execution run_test_program(Context& context, Consoles& consoles, const core::action::RunTest& a,
                                  const suite::Test& test, const ScriptLimits& limits, const ProgramPlace& place,
                                  console::GuestClock& clock, Sessions& sessions) {
  const fs::path files = made(place.output, "files").path();
  const base::OpenDirectory bin = made(place.output, "bin");
  const fs::path& commands = bin.path();
  write_commands(bin, context.config.shell, a.prefix, test.hosts);

  ProgramOrder order{.program = *test.program,
                     .environment = inherited_environment(),
                     .limit = test.limit.value_or(limits.test),
                     .more =
                         [&clock, last = clock.now() + test.limit.value_or(limits.test)] {
                           clock.look();
                           return std::chrono::ceil<std::chrono::milliseconds>(last - clock.now());
                         },
                     .capture_bound = context.config.capture_bound,
                     .confinement = context.config.programs};
  for (const fs::path& own : {files, commands}) order.confinement.shown.push_back({own, own});
  const Config& config = context.config;
  if (const fs::path names = config.names ? config.names(a.prefix) : fs::path(); fs::exists(names))
    order.confinement.shown.push_back({names, "/etc/hosts"});
  const auto deadline = std::chrono::system_clock::now() + order.limit;
  const char* path = std::getenv("PATH");
  const auto set = [&](const std::string& name, const std::string& value) {
    order.environment.push_back(name + "=" + value);
  };
  set("PATH", commands.string() + ":" + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"));
  set("KVMTEST_TEST", test.name);
  set("KVMTEST_PREFIX", a.prefix.value);
  set("KVMTEST_HOSTS", fmt::format("{}", fmt::join(test.hosts, " ")));
  for (const std::string& host : test.hosts) {
    set("KVMTEST_DOMAIN_" + variable(host), a.prefix.value + host);
    set("KVMTEST_RUN_" + variable(host), (commands / host).string());
  }
  set("KVMTEST_OUTPUT", files.string());
  set("KVMTEST_DEADLINE", std::to_string(duration_cast<std::chrono::seconds>(deadline.time_since_epoch()).count()));
  set("KVMTEST_STATE_DIR", context.config.state_dir.string());
  set("KVMTEST_TOKEN", place.ticket.token);

  const auto end = [&] {
    auto printed = consoles.end_lending(a.attempt, sessions);
    try {
      place.output.remove("bin");
    } catch (const base::FileError&) {
      // What the program has put in its way is left to whoever removes the run.
    }
    return printed;
  };
  try {
    suite::Execution execution = [&] {
      const auto here = config.among_networks ? config.among_networks(a.prefix) : nullptr;
      return run_program(order, place.ticket.stop);
    }();
    if (const auto& left = execution.program->left; !left.empty())
      context.record(core::record::Notice{true, told_left(test.name, left)});
    execution.program->consoles = end();
    return execution;
  } catch (...) {
    end();
    throw;
  }
}

}  // namespace kvmtest::engine
