#pragma once
// HTTP over a unix socket. Knows nothing of what is served; the only user of Beast's server side.

#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json_fwd.hpp>

#include "base/mutex.h"
#include "base/threads.h"

namespace kvmtest::api {

struct Request {
  std::string method;
  std::string path;                          ///< decoded, without the query
  std::map<std::string, std::string> query;  ///< decoded
  std::string body;
};

/// One request being answered, on its connection's thread. Exactly one of respond, text, start_lines and upgrade is
/// called.
class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  virtual void respond(unsigned status, const nlohmann::json& body) = 0;
  /// 200 with a body that is no JSON.
  virtual void text(std::string_view body, std::string_view content_type) = 0;
  /// Begins a body of lines, sent as they come.
  virtual void start_lines() = 0;
  /// Waits as long as the client is there and does not read. False: it has gone.
  virtual bool line(std::string_view text) = 0;
  /// Turns the connection into bytes both ways (101 Switching Protocols).
  virtual void upgrade() = 0;
  /// What the client sent since; empty when it has gone. May run beside write().
  virtual std::string read() = 0;
  /// Ends read(), from any thread: what the client sends from now on is of no interest.
  virtual void stop_reading() = 0;
  /// Sends a byte, and with it a file that the client has from then on, too. After upgrade(). False: the client has
  /// gone.
  virtual bool hand_over(int file) = 0;
  /// False: the client has gone, or does not read; then read() ends, too. May run beside read().
  virtual bool write(std::string_view bytes) = 0;
};

/// Answers on any number of threads at once. An exception becomes a 500 with its words.
using Handler = std::function<void(const Request&, Exchange&)>;

/// What clients may cost.
struct Limits {
  unsigned least_connections = 8;  ///< at once; threads for so many are there from the start
  unsigned most_connections = 256;
  /// Without a byte, of a client that is to ask, to read its answer, or to read what a console prints.
  std::chrono::milliseconds patience = std::chrono::minutes(1);
  /// Of the server's end, with answers that are under way.
  std::chrono::milliseconds patience_at_end = std::chrono::seconds(3);
};

/// Listens from construction to destruction, a thread a connection. Whoever comes when there are too many, or when the
/// system has no thread or file left for one more, is told so (503).
class Server {
 public:
  /// Binds `socket` (mode 0600), replacing one nobody listens on. Throws std::runtime_error, base::NoThread.
  Server(const std::filesystem::path& socket, Handler handler, const Limits& limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Nobody can connect any more. Answers what clients have sent so far, closes every connection, and waits for their
  /// threads. One thread at a time.
  void end();

  /// Connections that are open now.
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Connection;
  struct Listener;

  void accept();
  bool begin(const std::shared_ptr<Connection>& connection);
  void serve(Connection& connection);
  void set_answering(Connection& connection, bool answering);

  const std::filesystem::path path_;
  const Handler handler_;
  const Limits limits_;
  std::unique_ptr<Listener> listener_;
  base::ElasticPool threads_;  ///< their connections need the listener
  mutable base::Mutex mutex_;
  base::Condition all_closed_;
  std::set<std::shared_ptr<Connection>> connections_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<Connection>> refused_;  ///< the last ones that were told so; accept_thread_'s
  std::thread accept_thread_;
};

}  // namespace kvmtest::api
