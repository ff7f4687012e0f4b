#include "engine/consoles.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/errors.h"

namespace kvmtest::engine {

namespace record = core::record;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// Bytes of a test's console for somebody who comes to watch: some pages.
constexpr std::size_t watched_bound = 16384;
/// For commands that a program left running when it ended: their clients were killed, so they get a control-C.
constexpr auto command_end_limit = 2s;
/// And for those whose console was interrupted because that did not help.
constexpr auto interrupt_limit = 5s;

}  // namespace

// ---- of domains that are up ----

void Consoles::put(const core::Domain& domain, Shell shell) {
  connections_.cut(domain);
  const base::Lock lock(mutex_);
  shells_[domain] = std::move(shell);
}

Consoles::Shell Consoles::take(const core::Domain& domain) {
  connections_.cut(domain);
  Shell shell;
  {
    const base::Lock lock(mutex_);
    if (auto found = shells_.extract(domain); !found.empty()) shell = std::move(found.mapped());
    // Whoever has it keeps it to himself from now on: the domain's next console is to be had.
    const auto holder = borrowed_.extract(domain);
    if (holder.empty() || holder.mapped().expired()) return shell;
  }
  if (shell) shell->interrupt();
  return nullptr;
}

Consoles::Shell Consoles::close(const core::Domain& domain) {
  connections_.cut(domain);
  Shell shell;
  {
    const base::Lock lock(mutex_);
    if (auto found = shells_.extract(domain); !found.empty()) shell = std::move(found.mapped());
    // Who borrowed it may take long to notice, as one whose client does not read. The next console is not his.
    borrowed_.erase(domain);
  }
  if (shell) shell->interrupt();
  return shell;
}

bool Consoles::is_there(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  return shells_.contains(domain);
}

bool Consoles::is_stuck(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  const auto holder = borrowed_.find(domain);
  if (holder != borrowed_.end() && !holder->second.expired()) return true;
  const auto shell = shells_.find(domain);
  return shell == shells_.end() || !shell->second->at_prompt();
}

bool Consoles::is_of(const core::Domain& domain, const console::Session& session) {
  const base::Lock lock(mutex_);
  const auto found = shells_.find(domain);
  return found != shells_.end() && found->second.get() == &session;
}

Consoles::Shell Consoles::borrow(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  const auto found = shells_.find(domain);
  if (found == shells_.end()) throw Busy(domain.name() + " is not up");
  for (const auto& [attempt, test] : tests_)
    for (const auto& [host, session] : test.sessions)
      if (session == found->second) throw Busy(domain.name() + " is running a test");
  auto& holder = borrowed_[domain];
  if (!holder.expired()) throw Busy("somebody else has a shell on " + domain.name());
  // An owner of its own, so that its end can be told from the session's.
  auto shell = found->second;
  Shell lent(shell.get(), [shell](console::Session*) {});
  holder = lent;
  return lent;
}

void Consoles::check_free(const std::vector<core::Prefix>& prefixes) {
  const base::Lock lock(mutex_);
  for (const auto& [domain, holder] : borrowed_)
    if (!holder.expired() && std::find(prefixes.begin(), prefixes.end(), domain.prefix) != prefixes.end())
      throw Busy(fmt::format("somebody has a shell on {}; leave it first", domain.name()));
}

// ---- of a running test ----

void Consoles::begin_test(core::AttemptId attempt, const core::Prefix& prefix, const std::string& test,
                          const std::vector<std::string>& hosts, std::string token) {
  const base::Lock lock(mutex_);
  UnderTest under_test{.name = test, .token = std::move(token)};
  for (const std::string& host : hosts)
    if (const auto found = shells_.find({prefix, core::Host{host}}); found != shells_.end())
      under_test.sessions[host] = found->second;
  for (const auto& [host, session] : under_test.sessions) {
    under_test.live[host] = std::make_shared<console::LiveText>(watched_bound);
    session->show_to(under_test.live[host]);
  }
  tests_.insert_or_assign(attempt, std::move(under_test));
  test_began_.notify_all();
}

Sessions Consoles::sessions_of(core::AttemptId attempt) {
  const base::Lock lock(mutex_);
  return tests_.at(attempt).sessions;
}

void Consoles::interrupt(core::AttemptId attempt) {
  const base::Lock lock(mutex_);
  if (const auto found = tests_.find(attempt); found != tests_.end())
    for (const auto& [host, session] : found->second.sessions) session->interrupt();
}

void Consoles::check_under_test(const core::Domain& domain, const std::string& token) {
  const base::Lock lock(mutex_);
  for (const auto& [attempt, test] : tests_) {
    if (test.token != token) continue;
    const auto shell = shells_.find(domain);
    const auto mine = test.sessions.find(domain.host.value);
    if (shell != shells_.end() && mine != test.sessions.end() && mine->second == shell->second) return;
    throw Busy("the test does not have " + domain.name());
  }
  throw Busy("the test is over");
}

Consoles::Shell Consoles::lend(const core::Domain& domain, const std::string& token) {
  base::Lock lock(mutex_);
  while (true) {
    const auto test = std::find_if(tests_.begin(), tests_.end(),
                                   [&](const auto& entry) { return !token.empty() && entry.second.token == token; });
    if (test == tests_.end()) throw Busy("the test is over");
    const auto found = shells_.find(domain);
    const auto& sessions = test->second.sessions;
    const auto mine = sessions.find(domain.host.value);
    if (found == shells_.end() || mine == sessions.end() || mine->second != found->second) {
      std::vector<std::string> hosts;
      for (const auto& [host, session] : sessions) hosts.push_back(host);
      throw Busy(fmt::format("the test does not have {}; it has the hosts {}", domain.name(), fmt::join(hosts, " ")));
    }
    auto shell = found->second;
    if (!lent_.contains(shell.get())) {
      if (!shell->at_prompt()) throw Busy(domain.name() + " does not answer any more");
      lent_.insert(shell.get());
      return {shell.get(), [this, shell](console::Session*) {
                const base::Lock guard(mutex_);
                lent_.erase(shell.get());
                lending_changed_.notify_all();
              }};
    }
    lending_changed_.wait(lock);
  }
}

void Consoles::command_ran(const core::Domain& domain, const std::string& token, const std::string& command,
                           const console::CommandResult& result) {
  const base::Lock lock(mutex_);
  for (auto& [attempt, test] : tests_) {
    if (test.token != token) continue;
    const auto at = since(test.started) - result.took;
    context_.record(record::CommandFinished{attempt, domain.host.value, test.commands++, command, at, result.took,
                                            result.status.value_or(-1), result.output_bytes});
    auto& printed = test.printed.try_emplace(domain.host.value, context_.config.capture_bound).first->second;
    printed.append(fmt::format("{}{}# {}\n", printed.total() == 0 ? "" : "\n", domain.host.value, command));
    printed.append(result.output);
    if (!result.output.empty() && !result.output.ends_with('\n')) printed.append("\n");
    if (!result.status)
      printed.append("[no exit status]\n");
    else if (*result.status != 0)
      printed.append(fmt::format("[{}]\n", *result.status));
  }
}

std::map<std::string, std::string> Consoles::end_lending(core::AttemptId attempt, Sessions& sessions) {
  base::Lock lock(mutex_);
  UnderTest& test = tests_.at(attempt);
  const auto held = [&](const auto& entry) REQUIRES(mutex_) { return lent_.contains(entry.second.get()); };
  const auto none_held = [&] { return std::none_of(sessions.begin(), sessions.end(), held); };
  test.token.clear();
  lending_changed_.notify_all();
  if (!lending_changed_.wait_for(lock, command_end_limit, none_held)) {
    for (const auto& [host, session] : sessions)
      if (lent_.contains(session.get())) session->interrupt();
    lending_changed_.wait_for(lock, interrupt_limit, none_held);
  }
  std::erase_if(sessions, [&](const auto& entry) REQUIRES(mutex_) {
    if (!lent_.contains(entry.second.get())) return false;
    std::erase_if(shells_, [&](const auto& up) { return up.second == entry.second; });
    return true;
  });
  std::map<std::string, std::string> printed;
  for (const auto& [host, capture] : test.printed) printed[host] = capture.text();
  return printed;
}

void Consoles::note_boot(const core::Domain& domain, const console::Session& session, KernelTalk talk) {
  const base::Lock lock(mutex_);
  for (auto& [attempt, test] : tests_)
    if (const auto found = test.sessions.find(domain.host.value);
        found != test.sessions.end() && found->second.get() == &session)
      test.earlier_boots[domain.host.value].push_back(std::move(talk));
}

std::map<std::string, std::vector<KernelTalk>> Consoles::take_boots(core::AttemptId attempt) {
  const base::Lock lock(mutex_);
  return std::exchange(tests_.at(attempt).earlier_boots, {});
}

void Consoles::end_test(core::AttemptId attempt) {
  const base::Lock lock(mutex_);
  const auto ended = tests_.extract(attempt);
  if (ended.empty()) return;
  for (const auto& [host, live] : ended.mapped().live) live->close();
}

unsigned Consoles::tests() {
  const base::Lock lock(mutex_);
  return static_cast<unsigned>(tests_.size());
}

Watch Consoles::watch(const core::Domain& domain, std::chrono::milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  base::Lock lock(mutex_);
  while (true) {
    const auto found = shells_.find(domain);
    for (const auto& [attempt, test] : tests_) {
      const auto session = test.sessions.find(domain.host.value);
      if (found == shells_.end() || session == test.sessions.end() || session->second != found->second) continue;
      auto told = std::make_shared<std::once_flag>();
      const auto type = [this, told, domain, name = test.name,
                         typed_at = std::weak_ptr(session->second)](std::string_view bytes) {
        std::call_once(*told, [&] {
          context_.record(
              record::Notice{true, fmt::format("somebody types into {} while it runs {}", domain.name(), name)});
        });
        if (const auto console = typed_at.lock()) console->stream()->write(bytes, steady_clock::now() + 10s);
      };
      return {test.name, test.live.at(domain.host.value), type};
    }
    if (context_.run.load() == 0 || test_began_.wait_until(lock, deadline) == std::cv_status::timeout)
      throw Busy(domain.name() + " is running no test");
  }
}

}  // namespace kvmtest::engine
