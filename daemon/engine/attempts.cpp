#include "engine/attempts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/open_directory.h"
#include "base/state_directory.h"
#include "base/words.h"
#include "engine/attempt_output.h"
#include "engine/kernel_talk.h"
#include "suite/kernel.h"

namespace kvmtest::engine {

namespace record = core::record;
using std::chrono::steady_clock;

namespace {

/// What an attempt that a host fault ended had printed: evidence, but nothing to judge.
void keep_consoles(AttemptDirectory& files, const std::map<std::string, std::string>& raw) {
  try {
    const base::OpenDirectory directory = files.open();
    for (const auto& [host, bytes] : raw) write_file(directory, host + ".console.raw", bytes);
  } catch (const HostFault&) {
    // The disk is full: the fault that is reported anyhow matters more.
  }
}

/// Whoever tells of the attempt does so on a thread that must not touch a disk.
void note_files(ActiveRun& run, core::AttemptId attempt, const AttemptDirectory& files) {
  if (files.path().empty()) return;
  const base::Lock lock(run.mutex);
  run.files.emplace(attempt, files.path());
}

/// What the prefix's guests write to, empty; nothing: they have no such directory.
std::optional<base::OpenDirectory> emptied_share(const Config& config, const core::Prefix& prefix) {
  const auto path = base::StateDirectory(config.state_dir).share(prefix);
  std::error_code ignored;
  if (config.state_dir.empty() || !std::filesystem::exists(path, ignored)) return std::nullopt;
  base::OpenDirectory share(path);
  share.clear();
  return share;
}

/// For people, in a line.
std::string told_not_taken(const suite::Test& test, const std::vector<std::string>& what) {
  return fmt::format("{}: of what its guests wrote, this was not kept: {}", test.name.string(), fmt::join(what, ", "));
}

/// Adds the kernels' warnings to what is said of the attempt.
void judge_kernel(judge::Judgement& judgement, const suite::Execution& execution, core::KernelWarnings meaning) {
  if (meaning == core::KernelWarnings::ignore) return;
  for (core::Issue& issue : suite::kernel_issues(execution)) {
    judgement.issues.push_back(std::move(issue));
    if (meaning == core::KernelWarnings::fail)
      judgement.verdict = core::worse(judgement.verdict, core::Verdict::failed);
  }
}

/// The test's hosts whose console does not wait at its prompt.
std::vector<core::Host> stuck(const suite::Test& test, const Sessions& sessions) {
  std::vector<core::Host> hosts;
  for (const std::string& host : test.hosts)
    if (const auto found = sessions.find(host); found == sessions.end() || !found->second->at_prompt())
      hosts.emplace_back(host);
  return hosts;
}

/// Equal states, equal guests; where there is none, each domain has one of its own.
std::vector<Unaware::Guest> guests_of(const ActiveRun& run, const core::Prefix& prefix, const suite::Test& test) {
  std::vector<Unaware::Guest> guests;
  for (const std::string& host : test.hosts) {
    const core::Domain domain{prefix, core::Host{host}};
    const auto& states = run.order.plan.states.of;
    const auto state = states.find(domain);
    guests.push_back({state == states.end() ? domain.name() : state->second.value, domain});
  }
  return guests;
}

std::vector<core::Domain> domains_of(const core::Prefix& prefix, const std::vector<std::string>& hosts) {
  std::vector<core::Domain> domains;
  for (const std::string& host : hosts) domains.push_back({prefix, core::Host{host}});
  return domains;
}

}  // namespace

Attempts::Attempts(Context& context, Consoles& consoles, PrefixThreads& threads, Freezer& freezer)
    : context_(context),
      consoles_(consoles),
      threads_(threads),
      freezer_(freezer),
      unaware_(context),
      judges_("judging", std::max(1U, context.config.judges)) {}

void Attempts::begin(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run,
                     std::shared_future<void> writing) {
  const suite::Shelf& tests = run->order.tests;
  const std::string& name = run->name(a.test);
  context_.record(record::TestStarted{a.attempt, name, a.prefix, a.number, a.ready_after});
  std::shared_ptr<ProgramTicket> ticket;
  if (tests.is_program(a.test.value)) ticket = std::make_shared<ProgramTicket>(console::make_nonce());
  consoles_.begin_test(a.attempt, a.prefix, name, tests.hosts(a.test.value), ticket ? ticket->token : std::string());
  {
    const base::Lock lock(mutex_);
    programs_[a.attempt] = std::move(ticket);
  }
  // Whatever is thrown is the host's fault, and ends this attempt and nothing else.
  threads_.post(a.prefix, [this, a, run, writing = std::move(writing)] {
    try {
      if (writing.valid()) writing.wait();
      this->run(a, run);
    } catch (const std::exception& e) {
      consoles_.end_test(a.attempt);
      context_.post(core::event::TestAborted{a.attempt, {}, base::words(e), {}});
    }
    const base::Lock lock(mutex_);
    programs_.erase(a.attempt);
  });
}

std::shared_ptr<ProgramTicket> Attempts::ticket_of(core::AttemptId attempt) {
  const base::Lock lock(mutex_);
  const auto found = programs_.find(attempt);
  return found == programs_.end() ? nullptr : found->second;
}

void Attempts::cancel(core::AttemptId attempt) {
  // A program's commands end with it, and its consoles may still be used for a reset.
  if (const auto ticket = ticket_of(attempt))
    ticket->stop.raise();
  else
    consoles_.interrupt(attempt);
}

void Attempts::later(std::function<void()> function) { judges_.post(std::move(function)); }

// ---- on the prefix's thread ----

void Attempts::run(const core::action::RunTest& a, const std::shared_ptr<ActiveRun>& run) {
  ActiveRun::Ran ran;
  ran.test = run->order.tests.get(a.test.value);
  const suite::LoadedTest& loaded = *ran.test;
  const suite::Test& test = loaded.test;
  Sessions sessions = consoles_.sessions_of(a.attempt);
  const auto start = steady_clock::now();
  const auto begin = std::chrono::system_clock::now();
  suite::Times times{run->began, begin, begin, a.ready_after, {}};
  const auto share = emptied_share(context_.config, a.prefix);
  std::string problem = loaded.own_output ? loaded.own_output->begin(times) : std::string();
  ran.prefix = a.prefix;
  ran.number = a.number;
  ran.files = {run->order.output, test.name, a.number};
  const auto domains = domains_of(a.prefix, test.hosts);
  const auto clock = clock_of(context_, domains);
  for (const auto& [host, session] : sessions) session->set_clock(clock);
  const auto guests = guests_of(*run, a.prefix, test);
  // A program goes on while its domains stand still.
  const bool may_freeze = run->order.plan.sharing.freezing && !test.program;
  freezer_.join(a.attempt, domains, clock, may_freeze && unaware_.all(guests));
  std::shared_ptr<void> joined(nullptr, [&](void*) { freezer_.leave(a.attempt); });
  Aborted aborted = run_steps(a, *run, sessions, *clock, std::move(problem), ran);
  if (!aborted && share && loaded.own_output)
    if (const auto not_taken = loaded.own_output->take(*share); !not_taken.empty())
      context_.record(record::Notice{true, told_not_taken(test, not_taken)});
  ran.test_time = since(start);
  ran.had = clock->had();
  times.end = std::chrono::system_clock::now();
  times.script = ran.test_time;
  ran.execution.times = times;
  for (const auto& [host, session] : sessions) {
    session->show_to(nullptr);
    ran.raw[host] = session->take_raw();
  }
  if (!aborted && !collect_kernel(a, sessions, start, test, ran.execution))
    aborted = core::event::TestAborted{a.attempt, {}, "interrupted", {}};
  joined.reset();
  // Whose failures are kept wants the domains as the test left them.
  if (may_freeze && !aborted && !run->order.plan.policy.keep_failed) find_out(guests, sessions);
  std::vector<core::Host> unusable = stuck(test, sessions);
  consoles_.end_test(a.attempt);
  if (aborted) {
    keep_consoles(ran.files, ran.raw);
    note_files(*run, a.attempt, ran.files);
    aborted->stuck = std::move(unusable);
    context_.post(*std::move(aborted));
    return;
  }
  {
    const base::Lock lock(run->mutex);
    run->ran.emplace(a.attempt, std::move(ran));
  }
  context_.post(core::event::TestRan{a.attempt, std::move(unusable)});
}

/// On domains that are the test's for a little longer.
void Attempts::find_out(const std::vector<Unaware::Guest>& guests, const Sessions& sessions) {
  for (const Unaware::Guest& guest : guests) {
    const auto found = sessions.find(guest.domain.host.value);
    if (found == sessions.end() || !found->second->at_prompt()) continue;
    try {
      unaware_.find_out(guest, *found->second);
    } catch (const console::Interrupted&) {
      return;  // somebody ends all this: the domain is looked at by who asks next
    }
  }
}

/// `problem`: why it cannot begin. Returns why there is nothing to judge, if so.
Attempts::Aborted Attempts::run_steps(const core::action::RunTest& a, const ActiveRun& run, Sessions& sessions,
                                      GroupClock& clock, std::string problem, ActiveRun::Ran& ran) {
  const suite::Test& test = ran.test->test;
  const auto aborted = [&](const std::string& host, const std::string& reason) {
    return core::event::TestAborted{a.attempt, host, reason, {}};
  };
  if (sessions.size() != test.hosts.size()) return aborted({}, "a domain of its group was lost before the test began");
  try {
    if (test.program)
      ran.execution = run_test_program(context_, consoles_, a, test, run.order.limits,
                                       {*ticket_of(a.attempt), ran.files.open()}, clock, sessions);
    else if (problem.empty())
      ran.execution = run_script(a, test, run.order.limits, clock, sessions);
    else
      ran.execution.ending = {suite::Ending::Why::unprepared, {}, std::move(problem)};
  } catch (const HostFault& fault) {
    return aborted({}, fault.what());
  } catch (const ScriptRunner::Fault& fault) {
    return aborted(fault.host, fault.reason);
  } catch (const console::Interrupted&) {
    return aborted({}, "interrupted");
  }
  return std::nullopt;
}

suite::Execution Attempts::run_script(const core::action::RunTest& a, const suite::Test& test, ScriptLimits limits,
                                      GroupClock& clock, const Sessions& sessions) {
  limits.capture = context_.config.capture_bound;
  ScriptRunner script(test, sessions, limits, clock, [&](const std::string& host) {
    return context_.hypervisor.end_of({a.prefix, core::Host{host}});
  });
  script.on_step = [&](const suite::Step& step, const suite::StepResult& result, std::uint64_t output_bytes) {
    context_.record(record::CommandFinished{a.attempt, step.host, static_cast<unsigned>(result.step), step.command,
                                            result.at, result.took, result.status.value_or(-1), output_bytes});
  };
  script.on_reboot = [&](const std::string& host, console::Session& session, const std::string& command,
                         std::optional<std::chrono::milliseconds> limit, console::GuestDeadline deadline) {
    return reboot({a.prefix, core::Host{host}}, session, command, limit, deadline);
  };
  return script.run();
}

/// What the kernels of a test's hosts said. A console that does not answer tells what it has heard so far. False: it
/// was interrupted.
bool Attempts::collect_kernel(const core::action::RunTest& a, const Sessions& sessions, steady_clock::time_point start,
                              const suite::Test& test, suite::Execution& execution) {
  auto talks = consoles_.take_boots(a.attempt);
  for (const auto& [host, session] : sessions) {
    std::vector<KernelTalk>& boots = talks[host];
    try {
      boots.push_back(hear_kernel(*session));
      session->take_raw();  // the question
    } catch (const console::Interrupted&) {
      return false;
    }
    std::vector<suite::KernelLine> lines;
    for (const KernelTalk& talk : boots)
      for (suite::KernelLine& line : kernel_lines(talk, start)) lines.push_back(std::move(line));
    if (!lines.empty()) execution.kernel[host] = std::move(lines);
    std::size_t boot = 0;
    for (suite::StepResult& result : execution.results) {
      const suite::Step& step = test.steps[result.step];
      if (step.host != host) continue;
      // What comes during a restart is of two boots.
      if (step.kind == suite::StepKind::reboot)
        ++boot;
      else if (boot < boots.size() && boots[boot].log)
        restore_output(result, *boots[boot].log);
    }
  }
  return true;
}

Rebooted Attempts::reboot(const core::Domain& domain, console::Session& session, const std::string& command,
                          std::optional<std::chrono::milliseconds> limit, console::GuestDeadline latest) {
  const auto mark = [&](bool rebooting) {
    const base::Lock lock(mutex_);
    if (rebooting)
      rebooting_.insert(domain);
    else
      rebooting_.erase(domain);
  };
  mark(true);
  const auto going = freezer_.keep_going(domain);
  const std::shared_ptr<void> unmark(nullptr, [&](void*) { mark(false); });
  const auto deadline =
      std::min<console::GuestDeadline>(latest, session.now() + limit.value_or(context_.config.boot_limit));
  const Restarting machine{context_.config.login, [&] { return context_.hypervisor.end_of(domain); },
                           [&] {
                             // Should it be there yet, it is not told otherwise that the state is lost.
                             context_.post(core::event::DomainLost{domain, core::Fault::guest, "it is started again"});
                             return context_.hypervisor.start_again(domain);
                           }};
  consoles_.note_boot(domain, session, hear_kernel(session));
  try {
    return engine::reboot(session, command, deadline, machine);
  } catch (const console::Interrupted&) {
    throw;
  } catch (const std::exception& fault) {
    Rebooted rebooted;
    rebooted.failure = fault.what();
    rebooted.fault = End{core::Fault::host, fault.what()};
    return rebooted;
  }
}

bool Attempts::reboots(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  return rebooting_.contains(domain);
}

// ---- on judges' threads ----

void Attempts::judge(const core::action::JudgeTest& a, const std::shared_ptr<ActiveRun>& run) {
  judges_.post([this, a, run] {
    judge::Judgement judgement;
    GroupClock::Had had;
    try {
      judgement = judged(a, *run, had);
    } catch (const std::exception& e) {
      judgement.verdict = core::Verdict::unresolved;
      judgement.issues.push_back({"", core::issue::host_fault, base::words(e)});
    }
    record_points(a.attempt, judgement.points);
    context_.post(core::event::AttemptJudged{a.attempt, judgement.verdict, std::move(judgement.issues),
                                             std::move(had.hosts), had.frozen});
  });
}

judge::Judgement Attempts::judged(const core::action::JudgeTest& a, ActiveRun& run, GroupClock::Had& had) {
  ActiveRun::Ran ran;
  {
    const base::Lock lock(run.mutex);
    ran = std::move(run.ran.at(a.attempt));
    run.ran.erase(a.attempt);
  }
  had = std::move(ran.had);
  const suite::LoadedTest& loaded = *ran.test;
  const judge::Halt halt{run.halt.raised(), run.halt.descriptor()};
  judge::Effort effort(halt);
  judge::Judgement judgement = loaded.judge->judge(ran.execution, effort);
  judge_kernel(judgement, ran.execution, loaded.test.kernel_warnings.value_or(run.order.kernel_warnings));
  try {
    write_attempt(ran.files.open(),
                  {loaded.test, ran.execution, judgement, ran.raw, a.attempt, ran.prefix, ran.number, ran.test_time});
  } catch (const std::exception& e) {
    // The verdict stands by itself; that its evidence is missing must be said with it.
    judgement.verdict = core::worse(judgement.verdict, core::Verdict::unresolved);
    judgement.issues.push_back({"", "output-missing", e.what()});
  }
  note_files(run, a.attempt, ran.files);
  return judgement;
}

void Attempts::record_points(core::AttemptId attempt, std::span<const core::Point> points) {
  constexpr std::size_t at_once = 1000;  // keeps a record small, whatever a program prints
  for (; !points.empty(); points = points.subspan(std::min(at_once, points.size()))) {
    const auto some = points.first(std::min(at_once, points.size()));
    context_.record(record::PointsJudged{attempt, {some.begin(), some.end()}});
  }
}

}  // namespace kvmtest::engine
