#include "api/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "base/passed_file.h"
#include "base/percent.h"
#include "base/words.h"
#include "wire/record_json.h"

namespace kvmtest::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Protocol = asio::local::stream_protocol;

struct Server::Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}
  Protocol::socket socket;
  bool answering = false;  ///< guarded by the server's mutex
};

struct Server::Listener {
  asio::io_context io;
  Protocol::acceptor acceptor{io};
  /// Given up for a moment when there are no more files, so that whoever comes then is told.
  int spare_file = open("/dev/null", O_RDONLY | O_CLOEXEC);

  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    if (spare_file >= 0) close(spare_file);
  }
};

namespace {

constexpr std::size_t longest_body = 64U << 20U;
constexpr std::chrono::milliseconds for_ever{-1};
constexpr std::size_t most_refused = 16;

/// A connection whose client may let somebody wait no longer than `patience` for each part that it takes or gives. What
/// Beast calls a SyncStream.
class PatientStream {
 public:
  PatientStream(Protocol::socket& socket, std::chrono::milliseconds patience) : socket_(socket), patience_(patience) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    return when_ready(POLLIN, error, [&] { return socket_.read_some(buffers, error); });
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    return when_ready(POLLOUT, error, [&] { return socket_.write_some(buffers, error); });
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    return throwing([&](boost::system::error_code& error) { return read_some(buffers, error); });
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    return throwing([&](boost::system::error_code& error) { return write_some(buffers, error); });
  }

 private:
  /// The socket does not block by itself.
  template <class Transfer>
  std::size_t when_ready(short event, boost::system::error_code& error, Transfer transfer) {
    while (true) {
      const std::size_t bytes = transfer();
      if (error != asio::error::would_block) return bytes;
      pollfd entry{socket_.native_handle(), event, 0};
      const int ready = poll(&entry, 1, static_cast<int>(patience_.count()));
      if (ready == 0) error = asio::error::timed_out;
      if (ready < 0 && errno != EINTR) error = boost::system::error_code(errno, boost::system::system_category());
      if (ready == 0 || (ready < 0 && errno != EINTR)) return 0;
    }
  }
  template <class Transfer>
  static std::size_t throwing(Transfer transfer) {
    boost::system::error_code error;
    const std::size_t bytes = transfer(error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }

  Protocol::socket& socket_;
  std::chrono::milliseconds patience_;
};

Request request_from(const http::request<http::string_body>& raw) {
  Request request;
  request.method = std::string(raw.method_string());
  std::string_view target(raw.target().data(), raw.target().size());
  const auto question = target.find('?');
  request.path = base::percent_decoded(target.substr(0, question));
  std::string_view rest = question == std::string_view::npos ? "" : target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    request.query[base::percent_decoded(pair.substr(0, equals))] =
        equals == std::string_view::npos ? "" : base::percent_decoded(pair.substr(equals + 1));
  }
  request.body = raw.body();
  return request;
}

class BeastExchange final : public Exchange {
 public:
  BeastExchange(Protocol::socket& socket, std::chrono::milliseconds patience, unsigned version, bool keep_alive)
      : socket_(socket), patience_(patience), version_(version), keep_alive_(keep_alive) {}

  void respond(unsigned status, const nlohmann::json& body) override {
    send(status, wire::dump(body) + "\n", "application/json");
  }

  void text(std::string_view body, std::string_view content_type) override {
    send(200, std::string(body), content_type);
  }

  void start_lines() override {
    http::response<http::empty_body> response(http::status::ok, version_);
    response.set(http::field::content_type, "application/x-ndjson");
    response.keep_alive(false);  // the end of the connection is the end of the lines
    keep_alive_ = false;
    answered_ = true;
    http::response_serializer<http::empty_body> serializer(response);
    boost::system::error_code error;
    PatientStream stream(socket_, patience_);
    http::write_header(stream, serializer, error);
  }

  bool line(std::string_view text) override {
    if (client_has_gone()) return false;
    std::string bytes(text);
    bytes.push_back('\n');
    return write(bytes, for_ever);
  }

  void upgrade() override {
    http::response<http::empty_body> response(http::status::switching_protocols, version_);
    response.set(http::field::connection, "Upgrade");
    response.set(http::field::upgrade, "kvmtest-console");
    keep_alive_ = false;
    answered_ = true;
    boost::system::error_code error;
    PatientStream stream(socket_, patience_);
    http::write(stream, response, error);
  }

  std::string read() override {
    std::array<char, 4096> buffer;
    boost::system::error_code error;
    const std::size_t got = PatientStream(socket_, for_ever).read_some(asio::buffer(buffer), error);
    return {buffer.data(), error ? 0 : got};
  }

  void stop_reading() override {
    boost::system::error_code error;
    socket_.shutdown(Protocol::socket::shutdown_receive, error);
  }

  bool hand_over(int file) override { return base::pass_file(socket_.native_handle(), file); }

  bool write(std::string_view bytes) override { return write(bytes, patience_); }

  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool answered() const { return answered_; }

 private:
  void send(unsigned status, std::string body, std::string_view content_type) {
    http::response<http::string_body> response(static_cast<http::status>(status), version_);
    response.set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
    response.body() = std::move(body);
    response.keep_alive(keep_alive_);
    response.prepare_payload();
    boost::system::error_code error;
    PatientStream stream(socket_, patience_);
    http::write(stream, response, error);
    keep_alive_ = keep_alive_ && !error;
    answered_ = true;
  }

  bool write(std::string_view bytes, std::chrono::milliseconds patience) {
    boost::system::error_code error;
    PatientStream stream(socket_, patience);
    asio::write(stream, asio::buffer(bytes.data(), bytes.size()), error);
    boost::system::error_code ignored;
    if (error) socket_.shutdown(Protocol::socket::shutdown_both, ignored);
    return !error;
  }

  /// A client that reads lines sends nothing, so anything but silence is its end.
  bool client_has_gone() {
    pollfd entry{socket_.native_handle(), POLLIN | POLLRDHUP, 0};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

  Protocol::socket& socket_;
  const std::chrono::milliseconds patience_;
  unsigned version_;
  bool keep_alive_;
  bool answered_ = false;
};

/// A socket file whose listener died is removed; a live one is an error.
void make_way(asio::io_context& io, const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  Protocol::socket probe(io);
  boost::system::error_code error;
  probe.connect(Protocol::endpoint(path.string()), error);
  if (!error) throw std::runtime_error(path.string() + ": another daemon is listening here");
  std::filesystem::remove(path);
}

/// To a client who is not waited for: the answer fits into the socket's buffer.
void refuse(Protocol::socket& socket, const std::string& why) {
  boost::system::error_code error;
  socket.non_blocking(true, error);
  if (!error)
    BeastExchange(socket, std::chrono::milliseconds(0), 11, false).respond(503, {{"error", why}, {"kind", "busy"}});
}

}  // namespace

Server::Server(const std::filesystem::path& socket, Handler handler, const Limits& limits)
    : path_(socket),
      handler_(std::move(handler)),
      limits_(limits),
      listener_(std::make_unique<Listener>()),
      threads_("clients", limits.least_connections, limits.most_connections) {
  if (path_.string().size() >= sizeof(sockaddr_un::sun_path))
    throw std::runtime_error(path_.string() + ": too long for a unix socket");
  make_way(listener_->io, path_);
  listener_->acceptor.open();
  boost::system::error_code error;
  listener_->acceptor.bind(Protocol::endpoint(path_.string()), error);
  if (error) throw std::runtime_error(path_.string() + ": " + error.message());
  // Nobody can connect before it listens.
  if (chmod(path_.c_str(), 0600) != 0) throw std::runtime_error(path_.string() + ": " + std::strerror(errno));
  listener_->acceptor.listen();
  accept_thread_ = base::start_thread("clients", [this] { accept(); });
}

Server::~Server() { end(); }

void Server::end() {
  base::Lock lock(mutex_);
  if (std::exchange(stopping_, true)) return;
  // Closing the descriptor does not wake accept(); shutting the socket down does. Clients that wait there are taken.
  ::shutdown(listener_->acceptor.native_handle(), SHUT_RDWR);
  lock.unlock();
  if (accept_thread_.joinable()) accept_thread_.join();
  lock.lock();
  // What a client has sent can still be read: it is answered, and what is being answered comes to its end. A client
  // that sends nothing is left, and so are in a while those whose answer has no end.
  boost::system::error_code error;
  for (const auto& connection : connections_)
    if (!connection->answering) connection->socket.shutdown(Protocol::socket::shutdown_receive, error);
  const auto none = [&]() REQUIRES(mutex_) { return connections_.empty(); };
  if (!all_closed_.wait_for(lock, limits_.patience_at_end, none)) {
    for (const auto& connection : connections_) connection->socket.shutdown(Protocol::socket::shutdown_both, error);
    all_closed_.wait(lock, none);
  }
  lock.unlock();
  refused_.clear();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

std::size_t Server::connections() const {
  const base::Lock lock(mutex_);
  return connections_.size();
}

void Server::accept() {
  while (true) {
    // Where no file is left, accept() fails at once, also when nobody comes.
    pollfd comes{listener_->acceptor.native_handle(), POLLIN, 0};
    poll(&comes, 1, -1);
    const auto connection = std::make_shared<Connection>(listener_->io);
    boost::system::error_code error;
    listener_->acceptor.accept(connection->socket, error);
    if (!error && begin(connection)) continue;
    {
      const base::Lock lock(mutex_);
      if (error && stopping_) return;
    }
    if (error && !refused_.empty()) {
      refused_.clear();
      continue;
    }
    if (error) {
      // Without a file for it, it would stay where it is, and this thread would not come to rest.
      if (listener_->spare_file < 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
      close(std::exchange(listener_->spare_file, -1));
      boost::system::error_code none;
      listener_->acceptor.non_blocking(true);
      listener_->acceptor.accept(connection->socket, none);
      listener_->acceptor.non_blocking(false);
    }
    refuse(connection->socket, error ? "no file is left for another client: " + error.message()
                                     : "there are too many clients, or no thread is left for another one");
    // Closed before its client has asked, or with a request in it that nobody reads, it would be reset, and the client
    // might miss its answer. So it stays a while, as long as there are files.
    boost::system::error_code ignored;
    connection->socket.shutdown(Protocol::socket::shutdown_send, ignored);
    if (error)
      connection->socket.close(ignored);
    else
      refused_.push_back(connection);
    if (refused_.size() > most_refused) refused_.pop_front();
    if (listener_->spare_file < 0) listener_->spare_file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
}

/// False: there is no thread for it.
bool Server::begin(const std::shared_ptr<Connection>& connection) {
  {
    const base::Lock lock(mutex_);
    connections_.insert(connection);
  }
  const auto forget = [this](const std::shared_ptr<Connection>& ended) {
    const base::Lock lock(mutex_);
    connections_.erase(ended);
    all_closed_.notify_all();
  };
  const bool begun = threads_.begin([this, connection, forget]() mutable {
    serve(*connection);
    forget(connection);
  });
  if (!begun) forget(connection);
  return begun;
}

void Server::serve(Connection& connection) {
  beast::flat_buffer buffer;
  boost::system::error_code error;
  connection.socket.non_blocking(true, error);
  PatientStream stream(connection.socket, limits_.patience);
  while (!error) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(longest_body);
    http::read(stream, buffer, parser, error);
    if (error) return;
    const auto raw = parser.release();
    BeastExchange exchange(connection.socket, limits_.patience, raw.version(), raw.keep_alive());
    set_answering(connection, true);
    try {
      handler_(request_from(raw), exchange);
    } catch (const std::exception& e) {
      if (!exchange.answered()) exchange.respond(500, {{"error", base::words(e)}, {"kind", "infrastructure"}});
    }
    if (!exchange.keep_alive()) return;
    set_answering(connection, false);
  }
}

void Server::set_answering(Connection& connection, bool answering) {
  const base::Lock lock(mutex_);
  connection.answering = answering;
  boost::system::error_code error;
  if (stopping_ && !answering) connection.socket.shutdown(Protocol::socket::shutdown_receive, error);
}

}  // namespace kvmtest::api
