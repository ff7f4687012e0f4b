#pragma once
// What the daemon offers, as plain calls: ties settings, suites, claims, hypervisor, engine and telemetry together. The
// API turns requests into these; nothing here knows of HTTP.

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "core/ids.h"
#include "core/record.h"
#include "domains/templates.h"
#include "engine/claim.h"
#include "engine/engine.h"
#include "engine/snapshots.h"
#include "planning/plan.h"
#include "planning/request.h"
#include "settings/settings.h"
#include "telemetry/shared_database.h"

namespace kvmtest::service {

/// Public members: any thread. They throw core::InputError, engine::Busy, engine::ClaimRefused, engine::HostFault.
class Service {
 public:
  struct Parts {
    settings::Settings settings;
    domains::Templates templates;
    engine::Hypervisor& hypervisor;
    engine::Snapshots& snapshots;
    engine::KeptStates& kept_states;
    engine::Claims& claims;
    engine::Engine& engine;
    engine::Recorder& recorder;
    telemetry::SharedDatabase& database;
    int pid = 0;  ///< by which processes outside know the daemon
  };
  explicit Service(Parts parts);

  // What begins something throws engine::Ending once end() has been called.

  /// Checks everything, claims, installs, and starts.
  core::RunId start_run(planning::RunRequest request);
  /// Goes on with the newest run that no daemon finished. Nothing: there is none.
  std::optional<core::RunId> resume_run();
  /// Stops the active run, and destroys domains that are up outside it. Waits until they are gone, at most `patience`.
  /// `release`: those that failed tests left as they are as well.
  void stop(const std::string& by, bool release = true);
  /// The same for a daemon that ends, but the active run stays open, and resume_run() goes on with it. From now on
  /// nothing begins. `why` is for the run's log.
  void end(const std::string& why);
  /// At the daemon's start, once it serves: ends the runs that somebody had stopped when their daemon died. `go_on`: if
  /// the newest run was interrupted, goes on with it. What keeps it from that is a warning in the log. Does not throw.
  void take_over(bool go_on);

  /// The domain of that name, whose prefix is one that there can be.
  [[nodiscard]] core::Domain domain(const std::string& name) const;
  /// Brings a domain up for a client outside a run.
  engine::ResetTimes bring_up(const core::Domain& domain, bool fresh, unsigned slots, settings::ResetMethod reset);
  /// The public keys of the domain's SSH server, as learnt at its console; none: it is not up, or has no server.
  [[nodiscard]] std::vector<std::string> host_keys(const core::Domain& domain);
  engine::Engine::RawLoad raw_load(const core::Domain& domain, std::vector<core::Domain> beside) {
    return parts_.engine.raw_load(domain, std::move(beside));
  }
  core::Duration destroy(const core::Domain& domain);

  void install(const std::vector<std::string>& prefixes);
  void uninstall(const std::vector<std::string>& prefixes);

  /// What is kept of saved states, as JSON, for `kvmtest resets`; and forgetting all of it: returns how many.
  nlohmann::json kept_states();
  unsigned forget_states();

  /// As JSON, for `kvmtest status`.
  nlohmann::json status();
  /// For monitoring, in Prometheus' text form.
  std::string metrics();

  /// Hands on a run's records after `sequence` until it ends; `quiet` is called after half a second without any.
  void follow(core::RunId run, std::int64_t sequence, const std::function<bool(const core::record::Record&)>& take,
              const std::function<bool()>& quiet);
  std::optional<core::RunId> active_run() { return parts_.engine.active_run(); }
  std::optional<core::RunId> latest_run();

 private:
  void prepare_prefixes(const std::vector<std::string>& prefixes);
  std::vector<std::string> prefixes_for(const planning::RunRequest& request,
                                        const std::vector<suite::LoadedTest>& tests);
  void make_ready(const planning::RunRequest& request);
  struct Loaded {
    std::vector<suite::LoadedTest> tests;
    std::shared_ptr<base::Spool> spool{};  ///< what they wait in
    bool post_mortem = true;
  };
  Loaded load(const planning::RunRequest& request);
  planning::Past past(const std::vector<suite::LoadedTest>& tests);
  planning::CleanState clean_state(const core::Domain& domain);
  /// A run, ready to go, and why the tests that cannot run are untested, by name.
  struct Planned {
    engine::RunOrder order;
    std::map<std::string, std::string> untested;
  };
  Planned plan_run(core::RunId run, const planning::RunRequest& request, Loaded loaded,
                   const std::vector<report::TestResult>& results);
  void begin(Planned planned, std::vector<core::record::Body> first);
  void end_stopped_runs();
  void destroy_all(bool release);
  void destroy_domains(const engine::Engine::PrefixStatus& prefix);

  Parts parts_;
  const std::string fingerprint_;  ///< as of the start: files may have changed since
  base::Mutex starting_;           ///< one start, resume, install at a time
};

}  // namespace kvmtest::service
