#include "api/server.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "base/percent.h"
#include "wire/record_json.h"

namespace kvmtest::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Protocol = asio::local::stream_protocol;

struct Server::Connection {
  explicit Connection(asio::io_context& io) : socket(io) {}
  Protocol::socket socket;
};

struct Server::Listener {
  asio::io_context io;
  Protocol::acceptor acceptor{io};
};

namespace {

constexpr std::size_t longest_body = 64U << 20U;
constexpr std::size_t most_connections = 256;

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
  BeastExchange(Protocol::socket& socket, unsigned version, bool keep_alive)
      : socket_(socket), version_(version), keep_alive_(keep_alive) {}

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
    http::write_header(socket_, serializer, error);
  }

  bool line(std::string_view text) override {
    if (client_has_gone()) return false;
    std::string bytes(text);
    bytes.push_back('\n');
    return write(bytes);
  }

  void upgrade() override {
    http::response<http::empty_body> response(http::status::switching_protocols, version_);
    response.set(http::field::connection, "Upgrade");
    response.set(http::field::upgrade, "kvmtest-console");
    keep_alive_ = false;
    answered_ = true;
    boost::system::error_code error;
    http::write(socket_, response, error);
  }

  std::string read() override {
    std::array<char, 4096> buffer;
    boost::system::error_code error;
    const std::size_t got = socket_.read_some(asio::buffer(buffer), error);
    return {buffer.data(), error ? 0 : got};
  }

  void stop_reading() override {
    boost::system::error_code error;
    socket_.shutdown(Protocol::socket::shutdown_receive, error);
  }

  bool write(std::string_view bytes) override {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }

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
    http::write(socket_, response, error);
    keep_alive_ = keep_alive_ && !error;
    answered_ = true;
  }

  /// A client that reads lines sends nothing, so anything but silence is its end.
  bool client_has_gone() {
    pollfd entry{socket_.native_handle(), POLLIN | POLLRDHUP, 0};
    return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

  Protocol::socket& socket_;
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

}  // namespace

Server::Server(const std::filesystem::path& socket, Handler handler)
    : path_(socket), handler_(std::move(handler)), listener_(std::make_unique<Listener>()) {
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
  accept_thread_ = std::thread([this] { accept(); });
}

Server::~Server() { end(); }

void Server::end() {
  base::Lock lock(mutex_);
  if (std::exchange(stopping_, true)) return;
  // Closing the descriptor does not wake accept(); shutting the socket down does.
  ::shutdown(listener_->acceptor.native_handle(), SHUT_RDWR);
  boost::system::error_code error;
  for (const auto& connection : connections_) connection->socket.shutdown(Protocol::socket::shutdown_both, error);
  all_closed_.wait(lock, [&]() REQUIRES(mutex_) { return connections_.empty(); });
  lock.unlock();
  accept_thread_.join();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

std::size_t Server::connections() const {
  const base::Lock lock(mutex_);
  return connections_.size();
}

void Server::accept() {
  while (true) {
    auto connection = std::make_shared<Connection>(listener_->io);
    boost::system::error_code error;
    listener_->acceptor.accept(connection->socket, error);
    const base::Lock lock(mutex_);
    if (stopping_) return;
    if (error || connections_.size() >= most_connections) continue;
    connections_.insert(connection);
    std::thread([this, connection]() mutable {
      serve(connection);
      const base::Lock guard(mutex_);
      connections_.erase(connection);
      connection.reset();  // its socket needs the listener, which the destructor takes away when all are closed
      all_closed_.notify_all();
    }).detach();
  }
}

void Server::serve(const std::shared_ptr<Connection>& connection) {
  beast::flat_buffer buffer;
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(longest_body);
    boost::system::error_code error;
    http::read(connection->socket, buffer, parser, error);
    if (error) return;
    const auto raw = parser.release();
    BeastExchange exchange(connection->socket, raw.version(), raw.keep_alive());
    try {
      handler_(request_from(raw), exchange);
    } catch (const std::exception& e) {
      if (!exchange.answered()) exchange.respond(500, {{"error", e.what()}, {"kind", "infrastructure"}});
    }
    if (!exchange.keep_alive()) return;
  }
}

}  // namespace kvmtest::api
