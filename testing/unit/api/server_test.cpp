// The server's threads, with clients that are bare sockets. Run under the thread sanitizer by `make tsan`.

#include "api/server.h"

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace kvmtest::api {
namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

/// A connection to a server's socket.
class Client {
 public:
  /// `before`: called when there is all that a connection takes.
  explicit Client(
      const std::filesystem::path& path, const std::function<void()>& before = [] {})
      : file_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    before();
    const sockaddr_un address = address_of(path);
    if (connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error("connect failed");
  }
  ~Client() { close(file_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) {
    ASSERT_EQ(write(file_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void get(const std::string& target) { send("GET " + target + " HTTP/1.1\r\nHost: kvmtest\r\n\r\n"); }
  /// Reads on until `end` has come, or the server's end.
  std::string read_to(const std::string& end) {
    std::string text;
    std::array<char, 4096> buffer;
    while (text.find(end) == std::string::npos) {
      const ssize_t got = read(file_, buffer.data(), buffer.size());
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int file_;
};

class ServerTest : public ::testing::Test {
 public:
  ServerTest() {
    std::string pattern = "/tmp/kvmtest-api.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    start();
  }
  ~ServerTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

 protected:
  void start(const Limits& limits = {}) {
    server_.reset();
    server_.emplace(
        socket_path(), [this](const Request& request, Exchange& exchange) { answer(request, exchange); }, limits);
  }
  [[nodiscard]] std::filesystem::path socket_path() const { return directory_ / "socket"; }

  void answer(const Request& request, Exchange& exchange) {
    if (request.path == "/lines") {
      exchange.start_lines();
      while (exchange.line("a line")) std::this_thread::yield();
      ++lines_ended_;
    } else if (request.path == "/console") {
      exchange.upgrade();
      while (exchange.write(std::string(4096, 'y'))) {
      }
      ++lines_ended_;
    } else if (request.path == "/last") {
      exchange.start_lines();
      exchange.line("first");
      while (!last_) std::this_thread::yield();
      exchange.line("last");
    } else if (request.path == "/bug") {
      throw std::runtime_error("a bug");
    } else if (request.path == "/memory") {
      throw std::bad_alloc();
    } else {
      exchange.respond(200, {{"path", request.path}, {"query", request.query}});
    }
  }

  std::filesystem::path directory_;
  std::atomic<int> lines_ended_{0};
  std::atomic<bool> last_{false};
  std::optional<Server> server_;
};

TEST_F(ServerTest, AnswersOneRequestAfterTheOtherOnAConnection) {
  Client client(socket_path());
  client.get("/a%20b?x=1%262&y");
  EXPECT_NE(client.read_to("}\n").find(R"({"path":"/a b","query":{"x":"1&2","y":""}})"), std::string::npos);
  client.get("/bug");
  EXPECT_NE(client.read_to("}\n").find(R"({"error":"a bug","kind":"infrastructure"})"), std::string::npos);
  client.get("/c");
  EXPECT_NE(client.read_to("}\n").find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, LinesEndWithTheirClient) {
  {
    Client client(socket_path());
    client.get("/lines");
    EXPECT_NE(client.read_to("a line\n").find("application/x-ndjson"), std::string::npos);
    EXPECT_EQ(server_->connections(), 1U);
  }
  while (server_->connections() > 0) std::this_thread::yield();
  EXPECT_EQ(lines_ended_, 1);
}

// A thread once let go of its connection's socket after the listener that it needs had gone.
TEST_F(ServerTest, EndsWithConnectionsOfAllKinds) {
  const Limits limits{.patience_at_end = std::chrono::milliseconds(1)};
  start(limits);
  for (int i = 0; i < 50; ++i) {
    Client silent(socket_path());
    Client asking(socket_path());
    asking.get("/a");
    Client following(socket_path());
    following.get("/lines");
    asking.read_to("}\n");
    following.read_to("a line\n");
    server_.reset();
    EXPECT_EQ(lines_ended_, i + 1);
    EXPECT_EQ(silent.read_to("\n"), "");
    start(limits);
  }
}

TEST_F(ServerTest, WithoutMemoryForAnAnswerThatIsTheAnswer) {
  Client client(socket_path());
  client.get("/memory");
  EXPECT_NE(client.read_to("}\n").find(R"({"error":"there is no memory left")"), std::string::npos);
}

// A thread that could not be started once ended the daemon.
TEST_F(ServerTest, WhoeverIsOneTooManyIsToldSo) {
  start({.least_connections = 1, .most_connections = 3});
  std::vector<std::unique_ptr<Client>> clients;
  while (server_->connections() < 3) {
    clients.push_back(std::make_unique<Client>(socket_path()));
    clients.back()->get("/a");
    clients.back()->read_to("}\n");
  }
  Client refused(socket_path());
  EXPECT_NE(refused.read_to("}\n").find("503"), std::string::npos);
  clients.clear();
  while (server_->connections() > 0) std::this_thread::yield();
  Client later(socket_path());
  later.get("/a");
  EXPECT_NE(later.read_to("}\n").find("200 OK"), std::string::npos);
}

// A connection for which there was no file once kept a processor busy until there was one.
TEST_F(ServerTest, WithoutAFileForAConnectionItsClientIsToldSo) {
  Client refused(socket_path(), [] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const int first_free = dup(0);
    close(first_free);
    limit.rlim_cur = static_cast<rlim_t>(first_free);
    setrlimit(RLIMIT_NOFILE, &limit);
  });
  EXPECT_NE(refused.read_to("}\n").find("no file is left"), std::string::npos);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  Client later(socket_path());
  later.get("/a");
  EXPECT_NE(later.read_to("}\n").find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, AClientThatReadsNothingOfAConsoleIsLeft) {
  start({.patience = std::chrono::milliseconds(20)});
  Client client(socket_path());
  client.get("/console");
  while (lines_ended_ == 0) std::this_thread::yield();
  while (server_->connections() > 0) std::this_thread::yield();
}

TEST_F(ServerTest, AClientThatAsksNothingIsLeft) {
  start({.patience = std::chrono::milliseconds(20)});
  Client client(socket_path());
  client.send("GET /a HTTP/1.1\r\n");
  EXPECT_EQ(client.read_to("\n"), "");
}

// So that a client without an answer knows that nothing was done.
TEST_F(ServerTest, WhoeverHasAskedIsAnsweredAtTheEnd) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) clients.emplace_back(std::make_unique<Client>(socket_path()))->get("/a");
  Client silent(socket_path());
  server_->end();
  for (const auto& client : clients) EXPECT_NE(client->read_to("}\n").find("200 OK"), std::string::npos);
  EXPECT_EQ(silent.read_to("\n"), "");
}

// A follower of a run is told of its last moments, which are those of the daemon as well.
TEST_F(ServerTest, AnAnswerUnderWayComesToItsEnd) {
  Client client(socket_path());
  client.get("/last");
  EXPECT_NE(client.read_to("first\n").find("first"), std::string::npos);
  Client silent(socket_path());
  std::thread ending([&] { server_->end(); });
  EXPECT_EQ(silent.read_to("\n"), "") << "the end has begun";
  last_ = true;
  EXPECT_EQ(client.read_to("last\n"), "last\n");
  ending.join();
}

TEST_F(ServerTest, AnAnswerWithoutEndIsCutAtTheEnd) {
  start({.patience_at_end = std::chrono::milliseconds(1)});
  Client client(socket_path());
  client.get("/console");
  EXPECT_NE(client.read_to("\n").find("101"), std::string::npos);
  server_->end();
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(ServerTest, TakesTheSocketOfADeadListenerOnly) {
  const auto refuse = [](const Request&, Exchange& exchange) { exchange.respond(404, {}); };
  EXPECT_THROW(Server(socket_path(), refuse), std::runtime_error);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(socket_path()));
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(socket_path());
  ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(dead);
  start();
  Client client(socket_path());
  client.get("/a");
  EXPECT_NE(client.read_to("}\n").find("200 OK"), std::string::npos);
}

}  // namespace
}  // namespace kvmtest::api
