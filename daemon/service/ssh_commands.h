#pragma once
// Commands on domains by SSH: several at a time on each, their standard files apart, and any bytes.

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "core/ids.h"
#include "engine/engine.h"
#include "engine/ways.h"
#include "service/consoles.h"
#include "ssh/connection.h"

namespace kvmtest::service {

struct SshCommand {
  std::string text{};  ///< empty: the user's shell
  struct Terminal {
    std::string type;
    console::TerminalSize size;
  };
  std::optional<Terminal> terminal{};                    ///< none: standard files apart
  std::string token{};                                   ///< of the running test whose program asks; empty: anybody
  std::optional<std::chrono::duration<double>> limit{};  ///< seconds; none: as long as it likes
};

/// As whom, by what key and at which port guests are logged in to.
struct SshAccess {
  std::string user;
  std::filesystem::path key;
  std::uint16_t port = 22;
};

/// Any thread; the caller's waits to the end. A domain's connection is made when it is wanted first, and is there until
/// the domain goes back.
class SshCommands {
 public:
  /// All that is referred to outlives it.
  SshCommands(engine::Engine& engine, engine::Ways& ways, SshAccess access)
      : engine_(engine), ways_(ways), access_(std::move(access)) {}
  SshCommands(const SshCommands&) = delete;
  SshCommands& operator=(const SshCommands&) = delete;

  /// Runs a command on a domain that is up. A client that goes ends it. Throws core::InputError, engine::Busy,
  /// engine::NoWay and engine::HostFault before the client begins.
  ConsoleEnd run(const core::Domain& domain, const SshCommand& command, ConsoleClient& client);

 private:
  struct Open {
    base::Mutex mutex;  ///< while it is being made, the others wait
    std::shared_ptr<ssh::Connection> connection GUARDED_BY(mutex);
    std::shared_ptr<void> registered GUARDED_BY(mutex);
  };
  std::shared_ptr<Open> place_of(const core::Domain& domain);
  std::shared_ptr<ssh::Connection> connection_to(const core::Domain& domain);
  std::unique_ptr<ssh::Channel> start(const core::Domain& domain, const SshCommand& command);

  engine::Engine& engine_;
  engine::Ways& ways_;
  const SshAccess access_;
  base::Mutex mutex_;
  std::map<core::Domain, std::shared_ptr<Open>> open_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::service
