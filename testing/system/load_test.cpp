// A daemon under more than it was made for, on real domains: clients that do not read, more clients than threads or
// files, requests and databases that nobody expects. It goes on, and whoever asked is told in one line.

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

namespace kvmtest::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* quick = "# quick\n# hosts: east\n\neast# hostname\neast\n";

/// A client of the API that is none of kvmtest's programs.
class Caller {
 public:
  explicit Caller(const fs::path& path) : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // A daemon that does not answer fails the test, and does not stop it.
    const timeval patience{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error(path.string() + ": " + std::strerror(errno));
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { close(socket_); }

  /// `what`: "GET /v1/status". `last`: nothing else will be asked. False: the daemon does not take it.
  [[nodiscard]] bool ask(const std::string& what, const std::string& body = {}, bool last = true) const {
    const std::string request = what + " HTTP/1.1\r\nHost: kvmtestd\r\nConnection: " + (last ? "close" : "keep-alive") +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    return send(socket_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  }
  /// Whether there is something to read, or the daemon has closed.
  [[nodiscard]] bool is_answered() const {
    pollfd entry{socket_, POLLIN, 0};
    return poll(&entry, 1, 0) > 0;
  }
  /// Bytes that came and were not read.
  [[nodiscard]] int unread() const {
    int bytes = 0;
    ioctl(socket_, FIONREAD, &bytes);
    return bytes;
  }
  /// All that comes until the daemon closes.
  [[nodiscard]] std::string rest() const {
    std::string all;
    std::array<char, 65536> bytes;
    for (ssize_t got = 0; (got = recv(socket_, bytes.data(), bytes.size(), 0)) > 0;)
      all.append(bytes.data(), static_cast<std::size_t>(got));
    return all;
  }

 private:
  int socket_;
};

struct Answer {
  int status = 0;  ///< 0: there was none
  std::string error;
};

Answer answer_of(const std::string& text) {
  const auto head = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || head == std::string::npos) return {};
  const Json body = Json::parse(text.substr(head + 4), nullptr, false);
  return {std::stoi(text.substr(9, 3)), body.is_object() ? body.value("error", "") : ""};
}

std::size_t lines_with(const std::string& text, const std::string& words) {
  std::istringstream in(text);
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);)
    if (line.find(words) != std::string::npos) ++count;
  return count;
}

bool is_one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.ends_with('\n');
}

class Load : public OnDomains {
 protected:
  Load() { write_test("a", quick); }

  [[nodiscard]] fs::path api() const { return directory_ / ".kvmtest/kvmtestd.sock"; }
  [[nodiscard]] Answer post(const std::string& path, const Json& body) const {
    const Caller caller(api());
    if (!caller.ask("POST " + path, body.dump())) return {};
    return answer_of(caller.rest());
  }
  /// A test that waits for go_on().
  void write_waiting_test() const {
    write_file("suite/waits.sh",
               "#!/bin/sh\n# description: waits\n# hosts: east\n"
               "while ! [ -e " +
                   (directory_ / "go-on").string() + " ]; do sleep 0.1; done\n");
    fs::permissions(directory_ / "suite/waits.sh", static_cast<fs::perms>(0755));
  }
  void go_on() const { write_file("go-on", ""); }
  [[nodiscard]] std::string log() const { return read_file(".kvmtest/kvmtestd.log"); }
  [[nodiscard]] std::string east() const { return prefix_ + "east"; }
};

// ---- what nobody expects in the database and in requests ----

TEST_F(Load, ARunWhoseRowsAreDeletedEndsAndTheNextOneIsRecorded) {
  write_waiting_test();
  Process client(kvmtest({"run"}), directory_);
  ASSERT_TRUE(client.wait_for("suite/waits.sh: started")) << client.output();
  const Result deleted = run({"python3", "-c",
                              "import sqlite3, sys\n"
                              "base = sqlite3.connect(sys.argv[1], timeout=20)\n"
                              "base.execute('PRAGMA foreign_keys = ON')\n"
                              "base.execute('DELETE FROM runs')\n"
                              "base.commit()\n",
                              (directory_ / ".kvmtest/kvmtest.db").string()});
  ASSERT_EQ(deleted.status, 0) << deleted.output;
  go_on();
  EXPECT_EQ(client.finish(), 3) << client.output();
  EXPECT_NE(client.output().find("kvmtest: run 1 has no end on record; "), std::string::npos) << client.output();
  EXPECT_EQ(lines_with(log(), "run 1: what happens is not recorded: "), 1U);
  const Result next = run_kvmtest({"run"});
  EXPECT_EQ(next.status, 0) << next.output;
  EXPECT_EQ(results().at("run"), 2);
}

TEST_F(Load, ARequestIsRefusedInTheWordsOfTheCommandLine) {
  ASSERT_EQ(run_kvmtest({"install"}).status, 0);
  const auto request = [&](const Json& prefix, const Json& workers) {
    return post("/v1/runs", {{"tests", {"suite"}},
                             {"base", directory_.string()},
                             {"prefixes", Json::array({prefix})},
                             {"workers", workers}});
  };
  const auto typed = [&](const std::string& prefix, const std::string& workers) {
    return run({(programs() / "kvmtest").string(), "run", "--prefixes", prefix, "--workers", workers}, directory_);
  };
  for (const std::string prefix : {"a/b.", "../a.", "-a.", "a;b.", "$(a).", "a\x1b[31m.", "%s.", "abcdefghijklmnop."}) {
    SCOPED_TRACE(prefix);
    const Answer answer = request(prefix, 2);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.error.find('\n'), std::string::npos) << answer.error;
    const Result refused = typed(prefix, "2");
    EXPECT_EQ(refused.status, 2);
    EXPECT_TRUE(is_one_line(refused.output)) << refused.output;
    EXPECT_TRUE(!answer.error.empty() && refused.output.ends_with(answer.error + "\n")) << answer.error << "\n"
                                                                                        << refused.output;
  }
  for (const unsigned workers : {0U, 1025U, 2000U, 1'000'000'000U}) {
    SCOPED_TRACE(workers);
    const Answer answer = request(prefix_, workers);
    EXPECT_EQ(answer.status, 400);
    const Result refused = typed(prefix_, std::to_string(workers));
    EXPECT_EQ(refused.status, 2);
    EXPECT_TRUE(!answer.error.empty() && refused.output.ends_with(answer.error + "\n")) << answer.error << "\n"
                                                                                        << refused.output;
  }
  // What JSON takes for a number and no command line does.
  for (const Json& workers : {Json(-1), Json(2.5), Json(1e20), Json("2"), Json(nullptr), Json::array({2})}) {
    SCOPED_TRACE(workers.dump());
    EXPECT_EQ(request(prefix_, workers).status, 400);
  }
  const Answer domain = post("/v1/domains/a%0ab.east/up", Json::object());
  EXPECT_EQ(domain.status, 400);
  EXPECT_EQ(domain.error.find('\n'), std::string::npos) << domain.error;
  EXPECT_TRUE(Json::parse(run_kvmtest({"status", "--json"}).output).at("run").is_null());
  EXPECT_EQ(log().find("run 1 started"), std::string::npos) << log();
}

// ---- a client that does not read ----

/// Of the process, in KiB.
long resident(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;)
    if (long size = 0; word == "VmRSS:" && in >> size) return size;
  return -1;
}

// That it is left after a minute is shown by api.ServerTest.AClientThatReadsNothingOfAConsoleIsLeft.
TEST_F(Load, ADomainIsTakenFromAClientThatDoesNotReadAndIsTheNextOnes) {
  ASSERT_EQ(run_kvmsh({east(), "true"}).status, 0);
  const Caller silent(api());
  ASSERT_TRUE(silent.ask("POST /v1/domains/" + east() + "/exec", Json{{"command", "yes"}}.dump()));
  // The socket is full when nothing more comes, though the guest prints all the time: now the daemon waits for it.
  int before = 0;
  int same = 0;
  ASSERT_TRUE(eventually([&] {
    const int now = silent.unread();
    same = now > 0 && now == before ? same + 1 : 0;
    before = now;
    return same == 25;
  }));
  const Result refused = run_kvmsh({east(), "true"});
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.output.find("somebody else has a shell on " + east()), std::string::npos) << refused.output;
  EXPECT_LT(resident(daemon_pid()), 128 << 10);

  EXPECT_EQ(run_kvmtest({"destroy", east()}).status, 0);
  const Result next = run_kvmsh({east(), "touch /tmp/mark"});
  EXPECT_EQ(next.status, 0) << next.output;
  // It reads at last and is told what became of its domain. The one that has the name now is no longer its business,
  // and was once taken away then.
  EXPECT_NE(silent.rest().find(east() + " was taken away"), std::string::npos);
  EXPECT_EQ(run_kvmsh({east(), "test -e /tmp/mark"}).status, 0);
}

// ---- no thread more ----

// A run that began then stayed open behind the next daemon's, for nobody to go on with.
TEST_F(Load, AnEndingDaemonBeginsNothingAndTheNextOneDoes) {
  const Json wanted{{"tests", Json::array({"suite"})},
                    {"base", directory_.string()},
                    {"prefixes", Json::array({prefix_})},
                    {"workers", 1}};
  for (const std::string& what :
       std::vector<std::string>{"runs", "runs/resume", "install", "uninstall", "domains/" + prefix_ + "east/up"}) {
    ASSERT_EQ(run_kvmtest({"install"}).status, 0);
    const Caller caller(api());
    ASSERT_TRUE(caller.ask("POST /v1/shutdown", "{}", false));
    // It may be gone before it is asked, or answers nothing then.
    const bool asked = caller.ask("POST /v1/" + what, wanted.dump());
    const std::string answers = caller.rest();
    EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 ")) << answers;
    const auto second = answers.find("HTTP/1.1 ", 1);
    if (!asked || second == std::string::npos) continue;
    EXPECT_EQ(answer_of(answers.substr(second)).status, 503) << what << answers;
    EXPECT_NE(answers.find("\"kind\":\"ending\""), std::string::npos) << what << answers;
  }
  // A client never learns of it, whenever the daemon ends.
  for (unsigned i = 0; i < 5; ++i) {
    ASSERT_EQ(run_kvmtest({"install"}).status, 0);
    Process stopping(kvmtest({"stop", "--daemon"}), directory_);
    const Result up = run_kvmtest({"install"});
    EXPECT_EQ(up.status, 0) << up.output;
    EXPECT_EQ(stopping.finish(), 0) << stopping.output();
  }
  EXPECT_TRUE(domains().empty());
  const Result run = run_kvmtest({"run"});
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_EQ(results().at("run"), 1);
}

/// The kernel limits no threads of root. So the daemon is an ordinary user's.
class ShortOfThreads : public Load {
 public:
  void SetUp() override {
    if (geteuid() != 0) return;
    if (!user_makes_namespaces()) GTEST_SKIP() << "an ordinary user may make no namespace here, as in a chroot";
    give_to_user();
  }
  ~ShortOfThreads() override {
    // To end what is there may take threads.
    if (limited_ > 0 && is_alive(limited_)) set_limit(limited_, most_);
    run(as_user(kvmtest({"uninstall"})), directory_);
  }

 protected:
  static std::vector<std::string> as_user(std::vector<std::string> words) {
    return geteuid() == 0 ? with_user(std::move(words)) : words;
  }
  [[nodiscard]] Result run_as_user(std::vector<std::string> words) const {
    return run(as_user(kvmtest(std::move(words))), directory_);
  }
  /// From now on the process gets no thread and no process beside those that it has.
  void end_threads(pid_t pid) {
    most_ = most_of(pid);
    limited_ = pid;
    set_limit(pid, "1");
  }
  void give_threads() { set_limit(limited_, most_); }

 private:
  /// As prlimit takes it.
  static std::string most_of(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/limits");
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("Max processes")) {
        std::istringstream words(line.substr(std::strlen("Max processes")));
        std::string soft;
        words >> soft;
        return soft;
      }
    return "unlimited";
  }
  /// The soft limit: the user may raise it again. Root of a container may not set it.
  static void set_limit(pid_t pid, const std::string& number) {
    const Result set = run(as_user({"prlimit", "--pid", std::to_string(pid), "--nproc=" + number + ":"}));
    EXPECT_EQ(set.status, 0) << set.output;
  }

  pid_t limited_ = 0;
  std::string most_;
};

TEST_F(ShortOfThreads, EachOfManyClientsIsToldAndLaterOnesAreServed) {
  ASSERT_EQ(run_as_user({"install"}).status, 0);
  end_threads(daemon_pid());
  constexpr const char* words = "there are too many clients, or no thread is left for another one";
  {
    std::list<Caller> idle;
    for (int i = 0; i < 60; ++i) idle.emplace_back(api());
    // Those for which there are threads may ask, and do not. api::Limits has 8 from the start.
    const auto refused = [&] {
      return std::count_if(idle.begin(), idle.end(), [](const Caller& c) { return c.is_answered(); });
    };
    EXPECT_TRUE(eventually([&] { return refused() >= 52; })) << refused();
    for (const Caller& caller : idle)
      if (caller.is_answered()) {
        const Answer answer = answer_of(caller.rest());
        EXPECT_EQ(answer.status, 503);
        EXPECT_EQ(answer.error, words);
      }
    // One that asks before it is answered was once reset, and missed the answer.
    for (int i = 0; i < 60; ++i) {
      const Caller caller(api());
      EXPECT_TRUE(caller.ask("GET /v1/status")) << i;
      EXPECT_EQ(answer_of(caller.rest()).error, words) << i;
    }
    const Result status = run_as_user({"status"});
    EXPECT_EQ(status.status, 3);
    EXPECT_EQ(status.output, "kvmtest: " + std::string(words) + "\n");
  }
  EXPECT_TRUE(eventually([&] { return run_as_user({"status"}).status == 0; }));
}

TEST_F(ShortOfThreads, MoreWorkersThanThreadsAreRefusedInOneLine) {
  ASSERT_EQ(run_as_user({"install"}).status, 0);
  end_threads(daemon_pid());
  const Result refused = run(
      as_user({(programs() / "kvmtest").string(), "run", "--prefixes", prefixes_, "--workers", "1024"}), directory_);
  EXPECT_EQ(refused.status, 3);
  EXPECT_TRUE(is_one_line(refused.output)) << refused.output;
  EXPECT_TRUE(refused.output.starts_with("kvmtest: no thread for resets: ")) << refused.output;
  EXPECT_EQ(run_as_user({"status"}).status, 0);
  give_threads();
  const Result ran = run_as_user({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

// To end a domain once took a thread: without one, it was left behind, and so was the daemon.
TEST_F(ShortOfThreads, DomainsAndTheDaemonEndWithoutOne) {
  ASSERT_EQ(run_as_user({"up", east()}).status, 0);
  const pid_t daemon = daemon_pid();
  end_threads(daemon);
  const Result destroyed = run_as_user({"destroy", east()});
  EXPECT_EQ(destroyed.status, 0) << destroyed.output;
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
  const Result uninstalled = run_as_user({"uninstall"});
  EXPECT_EQ(uninstalled.status, 0) << uninstalled.output;
  EXPECT_TRUE(eventually([&] { return !is_alive(daemon); }));
}

// Control-C once took a thread of the client's: without one, the client died, and the run went on.
TEST_F(ShortOfThreads, ControlCStopsARunWithoutOne) {
  write_waiting_test();
  Process client(as_user(kvmtest({"run"})), directory_);
  ASSERT_TRUE(client.wait_for("suite/waits.sh: started")) << client.output();
  auto clients = processes_with((programs() / "kvmtest").string() + " run ");
  std::erase_if(clients, [&](pid_t pid) {
    std::error_code gone;
    return fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", gone) != directory_;
  });
  ASSERT_EQ(clients.size(), 1U);
  end_threads(clients.front());
  client.signal(SIGINT);
  EXPECT_EQ(client.finish(), 130) << client.output();
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
}

// ---- no file more ----

/// Sets how many files the process may have open; returns what it was.
rlim_t set_files(pid_t pid, rlim_t number) {
  rlimit before{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &before) != 0) throw std::runtime_error("prlimit");
  rlimit after = before;
  after.rlim_cur = number;
  if (prlimit(pid, RLIMIT_NOFILE, &after, nullptr) != 0) throw std::runtime_error("prlimit");
  return before.rlim_cur;
}

/// The least limit under which the process keeps what it has.
rlim_t files_of(pid_t pid) {
  int highest = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    highest = std::max(highest, std::stoi(entry.path().filename().string()));
  return static_cast<rlim_t>(highest) + 1;
}

bool all_threads_sleep(pid_t pid) {
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream in(entry.path() / "stat");
    std::string line;
    std::getline(in, line);
    // Its name is in parentheses, and may have any characters in it; its state follows.
    const auto name = line.rfind(") ");
    if (name != std::string::npos && line[name + 2] != 'S') return false;
  }
  return true;
}

TEST_F(Load, WithoutAFileMoreClientsAreToldAndTheDaemonRests) {
  ASSERT_EQ(run_kvmtest({"install"}).status, 0);
  const pid_t daemon = daemon_pid();
  const rlim_t before = set_files(daemon, files_of(daemon));
  {
    std::list<Caller> idle;
    for (int i = 0; i < 60; ++i) idle.emplace_back(api());
    const auto refused = [&] {
      return std::find_if(idle.begin(), idle.end(), [](const Caller& c) { return c.is_answered(); });
    };
    ASSERT_TRUE(eventually([&] { return refused() != idle.end(); }));
    const Answer answer = answer_of(refused()->rest());
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.error.find("no file is left for another client: "), std::string::npos) << answer.error;
    const Result status = run_kvmtest({"status"});
    EXPECT_EQ(status.status, 3);
    EXPECT_TRUE(is_one_line(status.output)) << status.output;
    EXPECT_NE(status.output.find("no file is left for another client: "), std::string::npos) << status.output;
    // accept() fails at once where no file is left, also when nobody comes: that once kept a processor busy.
    EXPECT_TRUE(eventually([&] { return all_threads_sleep(daemon); }));
  }
  EXPECT_TRUE(eventually([&] { return run_kvmtest({"status"}).status == 0; }));
  set_files(daemon, before);
  const Result ran = run_kvmtest({"run"});
  EXPECT_EQ(ran.status, 0) << ran.output;
}

TEST_F(Load, WithoutFilesForADomainWhoeverWantsItIsTold) {
  ASSERT_EQ(run_kvmtest({"install"}).status, 0);
  const pid_t daemon = daemon_pid();
  // Some for the clients; a domain takes more.
  const rlim_t before = set_files(daemon, files_of(daemon) + 6);
  const Result refused = run_kvmtest({"up", east()});
  EXPECT_EQ(refused.status, 3) << refused.output;
  EXPECT_TRUE(is_one_line(refused.output)) << refused.output;
  EXPECT_EQ(daemon_pid(), daemon);
  EXPECT_TRUE(domains().empty());
  set_files(daemon, before);
  const Result up = run_kvmtest({"up", east()});
  EXPECT_EQ(up.status, 0) << up.output;
}

}  // namespace
}  // namespace kvmtest::testing
