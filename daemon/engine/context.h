#pragma once
// What the pieces of the engine share: the settings, the seams, and the way back to the scheduler.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "console/session.h"
#include "core/events.h"
#include "core/record.h"
#include "engine/hypervisor.h"
#include "engine/recorder.h"
#include "engine/snapshots.h"
#include "process/confinement.h"

namespace kvmtest::engine {

struct Config {
  console::Login login;
  std::chrono::milliseconds boot_limit{};  ///< start of a domain to its verified shell
  std::size_t capture_bound = 0;           ///< bytes of a host's output in one attempt
  unsigned judges = 2;                     ///< threads
  std::filesystem::path shell{};           ///< kvmsh, for programs
  std::filesystem::path state_dir{};       ///< whose daemon this is
  unsigned spare_threads = 1;              ///< spares that are made ready at the same time
  process::Confinement programs{};         ///< of every test's program, which is shown its own directories besides
  unsigned stretch = 10;                   ///< how many times longer than a limit it may take by the clock on the wall
  /// Where a prefix' networks are: the calling thread, and what it starts, is there until the pointer goes. Null: where
  /// the daemon is.
  std::function<std::shared_ptr<void>(const core::Prefix&)> among_networks{};
  /// The public key, a line, that a domain's guest is to let in by SSH; empty: none. Null: none anywhere.
  std::function<std::string(const core::Domain&)> key_for{};
  /// A file as /etc/hosts, with the names of the prefix' hosts; it may not be there. Null: there are none.
  std::function<std::filesystem::path(const core::Prefix&)> names{};
};

/// Any thread.
struct Context {
  const Config config;
  Hypervisor& hypervisor;
  Snapshots& snapshots;
  Recorder& recorder;
  const std::function<void(core::Event)> post;  ///< to the scheduler, on its own thread; does not wait
  std::atomic<std::int64_t> run{0};             ///< number of the active run; 0: none

  /// Of the active run, or of none. Does not wait.
  void record(core::record::Body body) { recorder.put(run.load(), std::move(body)); }
};

/// Since then.
inline core::Duration since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now() - start);
}

}  // namespace kvmtest::engine
