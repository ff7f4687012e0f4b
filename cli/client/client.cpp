#include "client/client.h"

#include <array>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "base/own_program.h"
#include "base/served.h"
#include "process/detached.h"
#include "process/run.h"
#include "setup/checks.h"
#include "setup/fingerprint.h"
#include "wire/record_json.h"

namespace kvmtest::client {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace fs = std::filesystem;
using nlohmann::json;
using Protocol = asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace {

struct Connection {
  asio::io_context io;
  Protocol::socket socket{io};
  beast::flat_buffer buffer;
};

[[noreturn]] void refuse(const json& answer, unsigned status) {
  const std::string what = answer.is_object() ? answer.value("error", "") : "";
  const std::string kind = answer.is_object() ? answer.value("kind", "") : "";
  if (kind == "ending") throw Unserved(what);
  throw Refused(what.empty() ? fmt::format("the daemon answered with HTTP status {}", status) : what,
                kind == "input" ? 2 : 3);
}

http::request<http::string_body> make_request(const std::string& method, const std::string& target, const json& body) {
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, "kvmtestd");
  request.set(http::field::content_type, "application/json");
  request.body() = wire::dump(body);
  request.prepare_payload();
  return request;
}

using Parser = http::response_parser<http::string_body>;

/// Sends the request and reads the answer's head into `answer`. Throws Gone, and Unserved where the daemon did not get
/// the whole request: it answers each that it got, also when it ends.
void ask(Connection& connection, const http::request<http::string_body>& request, Parser& answer) {
  boost::system::error_code not_sent;
  http::write(connection.socket, request, not_sent);
  boost::system::error_code error;
  // A daemon with too many clients answers without having read.
  http::read_header(connection.socket, connection.buffer, answer, error);
  if (error && not_sent) throw Unserved("the daemon went away: " + not_sent.message());
  if (error) throw Gone("the daemon went away: " + error.message());
}

/// The rest of the answer.
void read_body(Connection& connection, Parser& answer) {
  boost::system::error_code error;
  http::read(connection.socket, connection.buffer, answer, error);
  if (error) throw Gone("the daemon went away: " + error.message());
}

fs::path daemon_program() {
  const fs::path here = base::own_program().parent_path();
  if (fs::exists(here / "kvmtestd")) return here / "kvmtestd";
  const fs::path elsewhere = process::find_program("kvmtestd");
  return elsewhere.empty() ? fs::path("kvmtestd") : elsewhere;
}

/// The right to start a daemon of a state directory: one client at a time has it, the others wait, and find the daemon
/// that it started.
class Turn {
 public:
  explicit Turn(const fs::path& state_dir) : file_(open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (file_ >= 0 && flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (file_ >= 0) close(file_);
  }

 private:
  int file_;
};

}  // namespace

RawConnection::~RawConnection() { close(descriptor_); }

Client::Client(const settings::Settings& settings) : settings_(settings), socket_(settings.state_dir.socket()) {}

namespace {

void connect(Connection& connection, const fs::path& socket) {
  boost::system::error_code error;
  connection.socket.connect(Protocol::endpoint(socket.string()), error);
  if (error == boost::system::errc::permission_denied)
    throw Refused(fmt::format("{}: the daemon is another user's; run as that user or with sudo", socket.string()), 3);
  if (error) throw Unserved(fmt::format("no daemon serves {}", socket.parent_path().string()));
}

}  // namespace

bool Client::daemon_is_there() const {
  try {
    Connection connection;
    connect(connection, socket_);
    return true;
  } catch (const Refused&) {
    return false;
  }
}

json Client::request(const std::string& method, const std::string& target, const json& body) {
  Connection connection;
  connect(connection, socket_);
  Parser parser;
  parser.body_limit(1U << 30U);
  ask(connection, make_request(method, target, body), parser);
  read_body(connection, parser);
  const auto& response = parser.get();
  json answer = json::parse(response.body(), nullptr, false);
  if (response.result_int() >= 400) refuse(answer, response.result_int());
  return answer;
}

json Client::get(const std::string& target) { return request("GET", target, json::object()); }
json Client::post(const std::string& target) { return post(target, json::object()); }

json Client::post(const std::string& target, const json& body) { return request("POST", target, body); }

bool Client::lines(const std::string& method, const std::string& target, const json& body,
                   const std::function<bool(const json&)>& on_line, const std::function<void()>& heard) {
  Connection connection;
  connect(connection, socket_);
  Parser head;
  ask(connection, make_request(method, target, body), head);
  if (head.get().result_int() >= 400) {
    read_body(connection, head);
    refuse(json::parse(head.get().body(), nullptr, false), head.get().result_int());
  }
  // From here on the body is lines until the connection ends.
  const auto data = connection.buffer.data();
  std::string pending(static_cast<const char*>(data.data()), data.size());
  while (true) {
    std::size_t from = 0;
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', from)) {
      const std::string_view line = std::string_view(pending).substr(from, end - from);
      from = end + 1;
      if (!line.empty() && !on_line(json::parse(line))) return true;
    }
    pending.erase(0, from);
    std::array<char, 65536> bytes;
    boost::system::error_code error;
    const auto got = connection.socket.read_some(asio::buffer(bytes), error);
    if (error) return false;
    if (heard) heard();
    pending.append(bytes.data(), got);
  }
}

std::unique_ptr<RawConnection> Client::upgrade(const std::string& target) { return upgrade(target, json::object()); }

std::unique_ptr<RawConnection> Client::upgrade(const std::string& target, const json& body) {
  Connection connection;
  connect(connection, socket_);
  auto request = make_request("POST", target, body);
  request.set(http::field::connection, "Upgrade");
  request.set(http::field::upgrade, "kvmtest-console");
  Parser head;
  ask(connection, request, head);
  if (head.get().result() != http::status::switching_protocols) {
    read_body(connection, head);
    refuse(json::parse(head.get().body(), nullptr, false), head.get().result_int());
  }
  const auto data = connection.buffer.data();
  return std::make_unique<RawConnection>(connection.socket.release(),
                                         std::string(static_cast<const char*>(data.data()), data.size()));
}

std::unique_ptr<RawConnection> Client::hold() {
  Connection connection;
  connect(connection, socket_);
  return std::make_unique<RawConnection>(connection.socket.release(), std::string());
}

/// Whether a daemon is there, with settings that do or a run that keeps it from having others.
bool Client::suitable_daemon() {
  json status;
  try {
    status = get("/v1/status");
  } catch (const Gone&) {
    return false;
  }
  if (status.value("ending", false)) {
    wait_for_its_end();
    return false;
  }
  if (status.value("fingerprint", "") == setup::fingerprint(settings_)) return true;
  if (!status.at("run").is_null()) {
    fmt::print(stderr, "kvmtest: the daemon keeps the settings it was started with while run {} is active\n",
               status.at("run").get<std::int64_t>());
    return true;
  }
  shut_down();
  return false;
}

void Client::ensure_daemon(const std::optional<fs::path>& config) {
  if (suitable_daemon()) return;
  if (const auto notice = setup::make_state_directory(settings_); !notice.empty())
    fmt::print(stderr, "kvmtest: {}\n", notice);
  const Turn turn(settings_.state_dir);
  while (!suitable_daemon() && !start_daemon(config)) wait_for_another();
}

void Client::with_daemon(const std::optional<fs::path>& config, const std::function<void()>& ask) {
  // One that ends each time, as soon as it serves, is not to keep us here.
  constexpr unsigned most_daemons = 10;
  for (unsigned daemons = 1;; ++daemons) {
    ensure_daemon(config);
    try {
      ask();
      return;
    } catch (const Unserved&) {
      if (daemons == most_daemons) throw;
    }
  }
}

/// Somebody else's daemon has the state directory: waits until it is to be talked to, or has ended.
void Client::wait_for_another() const {
  constexpr auto step = 20ms;
  constexpr int steps = 6000;
  for (int i = 0; i < steps; ++i) {
    if (daemon_is_there() || !base::is_served(settings_.state_dir)) return;
    std::this_thread::sleep_for(step);
  }
  throw Refused(fmt::format("the daemon of {} neither answers nor ends", settings_.state_dir.string()), 3);
}

void Client::shut_down() {
  post("/v1/shutdown", {{"by", "a client"}});
  wait_for_its_end();
}

void Client::wait_for_its_end() const {
  // The daemon holds a lock on its pid file to its very end.
  const int file = open(settings_.state_dir.lock().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  while (flock(file, LOCK_SH) != 0 && errno == EINTR) {
  }
  close(file);
}

/// False: another daemon has the state directory.
bool Client::start_daemon(const std::optional<fs::path>& config) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw Refused(fmt::format("pipe: {}", std::strerror(errno)), 3);
  std::vector<std::string> words{daemon_program(), "--ready-fd", "3", "--state-dir", settings_.state_dir.string()};
  if (config) words.insert(words.end(), {"--config", *config});
  std::string answer;
  try {
    process::start_detached(words, pipe[1]);
    close(pipe[1]);
  } catch (const std::system_error& error) {
    for (const int end : pipe) close(end);
    throw Refused(fmt::format("{}: {}", words.front(), error.code().message()), 3);
  }
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = read(pipe[0], bytes.data(), bytes.size())) > 0;)
    answer.append(bytes.data(), static_cast<std::size_t>(got));
  close(pipe[0]);
  while (!answer.empty() && answer.back() == '\n') answer.pop_back();
  if (answer == "ok") return true;
  const auto space = answer.find(' ');
  const std::string kind = answer.substr(0, space);
  if (kind == "busy") return false;
  if (answer.empty())
    throw Refused(fmt::format("the daemon died at its start; its log is {}", settings_.state_dir.log().string()), 3);
  throw Refused(space == std::string::npos ? answer : answer.substr(space + 1), kind == "input" ? 2 : 3);
}

}  // namespace kvmtest::client
