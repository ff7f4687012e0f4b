// The engine's part in tests that are programs: what they are given, and lending them their domains' consoles.

#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "engine/active_run.h"
#include "engine/engine.h"
#include "engine/errors.h"

namespace kvmtest::engine {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

namespace {

/// For commands that a program left running when it ended: their clients were killed, so they get a control-C.
constexpr auto command_end_limit = 2s;
/// And for those whose console was interrupted because that did not help.
constexpr auto interrupt_limit = 5s;

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
void write_commands(const fs::path& directory, const fs::path& shell, const core::Prefix& prefix,
                    const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    const fs::path file = directory / host;
    write_file(file, fmt::format("#!/bin/sh\nexec {} {} \"$@\"\n", console::shell_quoted(shell.string()),
                                 console::shell_quoted(prefix.value + host)));
    fs::permissions(file, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
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

suite::Execution Engine::run_program(const core::action::RunTest& a, ActiveRun& run, Sessions& sessions) {
  const suite::Test& test = run.test(a.test);
  const fs::path output = attempt_directory(run.order.output, test.name, a.number);
  const fs::path commands = output / "bin";
  std::error_code error;
  fs::remove_all(output, error);
  for (const fs::path& directory : {output / "files", commands}) {
    fs::create_directories(directory, error);
    if (error) throw HostFault(directory.string() + ": " + error.message());
  }
  write_commands(commands, config_.shell, a.prefix, test.hosts);

  ProgramOrder order{.program = *test.program,
                     .environment = inherited_environment(),
                     .limit = test.limit.value_or(run.order.limits.test),
                     .capture_bound = config_.capture_bound};
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
  set("KVMTEST_OUTPUT", (output / "files").string());
  set("KVMTEST_DEADLINE", std::to_string(duration_cast<std::chrono::seconds>(deadline.time_since_epoch()).count()));
  set("KVMTEST_STATE_DIR", config_.state_dir.string());
  std::shared_ptr<StopSignal> stop;
  {
    const std::lock_guard lock(mutex_);
    const UnderTest& under_test = testing_.at(a.attempt);
    stop = under_test.stop;
    set("KVMTEST_TOKEN", under_test.token);
  }

  const auto end = [&] {
    auto consoles = end_lending(a.attempt, sessions);
    fs::remove_all(commands, error);
    return consoles;
  };
  try {
    suite::Execution execution = engine::run_program(order, *stop);
    if (const auto& left = execution.program->left; !left.empty())
      recorder_.put(run_number(), core::record::Notice{true, told_left(test.name, left)});
    execution.program->consoles = end();
    return execution;
  } catch (...) {
    end();
    throw;
  }
}

std::shared_ptr<console::Session> Engine::lend(const core::Domain& domain, const std::string& token) {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto test = std::find_if(testing_.begin(), testing_.end(),
                                   [&](const auto& entry) { return !token.empty() && entry.second.token == token; });
    if (test == testing_.end()) throw Busy("the test is over");
    const auto found = sessions_.find(domain);
    const auto& sessions = test->second.sessions;
    const auto mine = sessions.find(domain.host.value);
    if (found == sessions_.end() || mine == sessions.end() || mine->second != found->second)
      throw Busy(fmt::format("the test does not have {}; it has the hosts {}", domain.name(),
                             fmt::join(std::views::keys(sessions), " ")));
    auto session = found->second;
    if (!lent_.contains(session.get())) {
      if (!session->at_prompt()) throw Busy(domain.name() + " does not answer any more");
      lent_.insert(session.get());
      return {session.get(), [this, session](console::Session*) {
                const std::lock_guard guard(mutex_);
                lent_.erase(session.get());
                lending_changed_.notify_all();
              }};
    }
    lending_changed_.wait(lock);
  }
}

void Engine::command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                         const console::CommandResult& result) {
  const std::lock_guard lock(mutex_);
  for (auto& [attempt, test] : testing_) {
    if (test.token != token) continue;
    const auto at = duration_cast<core::Duration>(steady_clock::now() - test.started) - result.took;
    recorder_.put(run_number(),
                  core::record::CommandFinished{attempt, domain.host.value, test.commands++, command, at, result.took,
                                                result.status.value_or(-1), result.output_bytes});
    auto& console = test.consoles.try_emplace(domain.host.value, config_.capture_bound).first->second;
    console.append(fmt::format("{}{}# {}\n", console.total() == 0 ? "" : "\n", domain.host.value, command));
    console.append(result.output);
    if (!result.output.empty() && !result.output.ends_with('\n')) console.append("\n");
    if (!result.status)
      console.append("[no exit status]\n");
    else if (*result.status != 0)
      console.append(fmt::format("[{}]\n", *result.status));
  }
}

/// From now on the consoles are this thread's again; one that cannot be had is taken out of use, and its domain is
/// reset without it.
std::map<std::string, std::string> Engine::end_lending(core::AttemptId attempt, Sessions& sessions) {
  std::unique_lock lock(mutex_);
  UnderTest& test = testing_.at(attempt);
  const auto none_held = [&] {
    return std::none_of(sessions.begin(), sessions.end(),
                        [&](const auto& entry) { return lent_.contains(entry.second.get()); });
  };
  test.token.clear();
  lending_changed_.notify_all();
  if (!lending_changed_.wait_for(lock, command_end_limit, none_held)) {
    for (const auto& [host, session] : sessions)
      if (lent_.contains(session.get())) session->interrupt();
    lending_changed_.wait_for(lock, interrupt_limit, none_held);
  }
  std::erase_if(sessions, [&](const auto& entry) {
    if (!lent_.contains(entry.second.get())) return false;
    std::erase_if(sessions_, [&](const auto& up) { return up.second == entry.second; });
    return true;
  });
  std::map<std::string, std::string> consoles;
  for (const auto& [host, console] : test.consoles) consoles[host] = console.text();
  return consoles;
}

}  // namespace kvmtest::engine
