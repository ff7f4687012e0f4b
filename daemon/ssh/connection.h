#pragma once
// A connection to a domain's SSH server, over which several commands run at the same time.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/mutex.h"

namespace kvmtest::ssh {

/// The server does not let us in, is not the one that it should be, or has gone. what() is one line.
class Failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Who we are, and who it should be.
struct Identity {
  std::string user;
  std::filesystem::path key;  ///< private
  std::string host_keys;      ///< lines "TYPE BASE64", of which the server must have one; empty: it is whoever it is
};

struct Terminal {
  std::string type;  ///< TERM
  unsigned rows = 24;
  unsigned columns = 80;
};

class Connection;

/// A command that runs. Reading is one thread's, all else is one other's, or the same's.
class Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  /// What still runs loses its terminal or its standard files, which ends most programs.
  ~Channel();

  struct Part {
    std::string bytes;
    bool error = false;  ///< of standard error
  };
  /// What the command prints next, for which it waits. Nothing: it has ended, the connection has gone, or the deadline
  /// has passed, see status() and over().
  std::optional<Part> read(std::chrono::steady_clock::time_point deadline);
  /// Whether it has ended, or the connection has gone.
  [[nodiscard]] bool over() const;
  /// Its exit status; 128 and the signal's number where that ended it; nothing: it is not known.
  [[nodiscard]] std::optional<int> status() const;

  /// Waits until the server has room for it all. False: nobody reads it any more.
  bool write(std::string_view bytes);
  /// From now on it is over, whatever still runs.
  void close();
  /// Standard input has ended.
  void end_input();
  void resize(unsigned rows, unsigned columns);

 private:
  friend class Connection;
  struct Handle;
  explicit Channel(std::unique_ptr<Handle> handle);
  const std::unique_ptr<Handle> handle_;
};

/// Any thread. Shared by its channels, which outlive none.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Greets the server and logs in. Waits, `patience` for each answer at most. Throws Failed.
  Connection(base::Descriptor socket, const Identity& identity, std::chrono::seconds patience);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// Starts a command in the user's shell; empty: the shell itself. Waits. Throws Failed.
  std::unique_ptr<Channel> start(const std::string& command, const std::optional<Terminal>& terminal);
  /// Ends it and all that runs over it. Does not wait.
  void cut();
  [[nodiscard]] bool is_open();

 private:
  friend class Channel;
  struct Session;
  std::string begin(Channel::Handle& handle, const std::string& command, const std::optional<Terminal>& terminal);
  /// `lock` holds mutex_, but for while it polls.
  void wait(base::Lock& lock, std::chrono::steady_clock::time_point deadline) UNCHECKED_LOCKING;
  void tell_others() REQUIRES(mutex_);

  const base::Descriptor wake_;  ///< an eventfd: who waits at the socket does so here as well
  base::Mutex mutex_;
  base::Condition changed_;  ///< something has come, or somebody else may wait for it
  const std::unique_ptr<Session> session_;
  bool polling_ GUARDED_BY(mutex_) = false;  ///< one of the threads that wait does so at the socket, for all of them
};

}  // namespace kvmtest::ssh
