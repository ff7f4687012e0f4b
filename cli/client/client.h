#pragma once
// Talks to the daemon of a state directory, and starts it when there is none. One thread at a time.

#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "settings/settings.h"

namespace kvmtest::client {

/// The daemon said no, or could not be reached. what() is one line.
class Refused : public std::runtime_error {
 public:
  Refused(const std::string& what, int exit_status) : std::runtime_error(what), exit_status_(exit_status) {}
  /// 2 for bad input, 3 for the rest (docs/style.md, rule 14).
  [[nodiscard]] int exit_status() const { return exit_status_; }

 private:
  int exit_status_;
};

/// No daemon answers: none is there, or it went away before its answer.
class Gone : public Refused {
 public:
  explicit Gone(const std::string& what) : Refused(what, 3) {}
};

/// Nothing of what was asked was done: no daemon is there, or it is ending. The next one can be asked.
class Unserved : public Gone {
 public:
  using Gone::Gone;
};

/// Both directions of an upgraded connection.
class RawConnection {
 public:
  explicit RawConnection(int descriptor, std::string first) : descriptor_(descriptor), first_(std::move(first)) {}
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection();
  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Bytes that came with the answer's head.
  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  int descriptor_;
  std::string first_;
};

class Client {
 public:
  explicit Client(const settings::Settings& settings);

  /// Starts the daemon unless one with the same settings is there; one with others is replaced when it is idle. Waits
  /// while somebody else starts it, or another one of this state directory ends. Throws Refused with what keeps it from
  /// starting.
  void ensure_daemon(const std::optional<std::filesystem::path>& config);

  /// Does `ask` once a daemon is there, and again, with the next one, where it was Unserved because the daemon ended
  /// just then. Throws what ensure_daemon() does, and what `ask` does.
  void with_daemon(const std::optional<std::filesystem::path>& config, const std::function<void()>& ask);

  /// A connection that asks for nothing; while it is there, the daemon is in use. Throws Refused.
  std::unique_ptr<RawConnection> hold();

  /// Ends the daemon and waits until it is gone. A run that is active stays open.
  void shut_down();

  /// A request and its whole answer. Throws Refused for an answer that is an error, Gone when there is none, Unserved
  /// when it is known that nothing was done.
  nlohmann::json get(const std::string& target);
  nlohmann::json post(const std::string& target);
  nlohmann::json post(const std::string& target, const nlohmann::json& body);
  /// A request whose answer is lines; `on_line` returns false to end it. `heard` is called whenever something comes,
  /// empty lines too. False: the connection ended before that.
  bool lines(const std::string& method, const std::string& target, const nlohmann::json& body,
             const std::function<bool(const nlohmann::json&)>& on_line, const std::function<void()>& heard = {});
  /// A request that turns the connection into raw bytes.
  std::unique_ptr<RawConnection> upgrade(const std::string& target);
  std::unique_ptr<RawConnection> upgrade(const std::string& target, const nlohmann::json& body);

 private:
  nlohmann::json request(const std::string& method, const std::string& target, const nlohmann::json& body);
  [[nodiscard]] bool daemon_is_there() const;
  bool suitable_daemon();
  void wait_for_its_end() const;
  bool start_daemon(const std::optional<std::filesystem::path>& config);
  void wait_for_another() const;

  const settings::Settings& settings_;
  std::filesystem::path socket_;
};

}  // namespace kvmtest::client
