#pragma once
// A client at a port of a domain. How the client gets the connection is its transport's business alone (PortClient).

#include <cstdint>

#include "core/ids.h"
#include "engine/engine.h"
#include "engine/ways.h"

namespace kvmtest::service {

/// The client, as its transport has it.
class PortClient {
 public:
  PortClient() = default;
  PortClient(const PortClient&) = delete;
  PortClient& operator=(const PortClient&) = delete;
  virtual ~PortClient() = default;

  /// The connection is there, for the client to use by itself. Called once.
  virtual void begin(int connection) = 0;
  /// Waits until the client has gone, or end() was called.
  virtual void wait() = 0;
  /// The client is to leave: the domain is about to go back. Any thread; does not wait.
  virtual void end() = 0;
};

/// Any thread; the caller's waits to the end.
class Ports {
 public:
  /// Both outlive it.
  Ports(engine::Engine& engine, engine::Ways& ways) : engine_(engine), ways_(ways) {}

  /// Connects to a port of a domain that is up. Throws core::InputError, engine::Busy, engine::NoWay and
  /// engine::HostFault before the client begins.
  void connect(const core::Domain& domain, std::uint16_t port, PortClient& client);

 private:
  engine::Engine& engine_;
  engine::Ways& ways_;
};

}  // namespace kvmtest::service
