#include "ssh/connection.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <sstream>
#include <utility>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "ssh/key_handle.h"

namespace kvmtest::ssh {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(ssh_session session, const std::string& what) {
  const std::string words = ssh_get_error(session);
  throw Failed(words.empty() ? what : what + ": " + words);
}

/// As in the names that the protocol has for signals (RFC 4254, 6.10).
int number_of(const std::string& signal) {
  static const std::map<std::string, int> numbers{
      {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
      {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
      {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
  const auto found = numbers.find(signal);
  return found == numbers.end() ? 0 : found->second;
}

bool is_one_of(ssh_key key, const std::string& lines) {
  const std::string line = public_line(key);
  if (line.empty()) return false;
  std::istringstream all(lines);
  for (std::string each; std::getline(all, each);)
    // An ECDSA key's type is told with its curve on one side, and without on the other.
    if (each.substr(each.find(' ')) == line.substr(line.find(' '))) return true;
  return false;
}

}  // namespace

struct Connection::Session {
  explicit Session(base::Descriptor connected) : socket(std::move(connected)), raw(ssh_new()) {
    if (raw == nullptr) throw Failed("no SSH: out of memory");
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (event != nullptr) ssh_event_free(event);
    ssh_set_blocking(raw, 0);
    ssh_disconnect(raw);
    ssh_free(raw);
  }

  void log_in(const Identity& identity, std::chrono::seconds patience) {
    // The library closes the descriptor that it is given; cut() must find one that is ours until the end.
    socket_t given = dup(socket.number());
    const int port = 22;
    const bool no = false;
    const long seconds = static_cast<long>(patience.count());
    ssh_options_set(raw, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(raw, SSH_OPTIONS_HOST, "domain");
    ssh_options_set(raw, SSH_OPTIONS_PORT, &port);
    ssh_options_set(raw, SSH_OPTIONS_USER, identity.user.c_str());
    ssh_options_set(raw, SSH_OPTIONS_TIMEOUT, &seconds);
    ssh_options_set(raw, SSH_OPTIONS_FD, &given);
    if (ssh_connect(raw) != SSH_OK) fail(raw, "no SSH server that we understand");
    ssh_key servers = nullptr;
    if (ssh_get_server_publickey(raw, &servers) != SSH_OK) fail(raw, "an SSH server without a key");
    const Key server(servers);
    if (!identity.host_keys.empty() && !is_one_of(server.get(), identity.host_keys))
      throw Failed("its SSH server is not the one whose key its console told");
    ssh_key own = nullptr;
    if (ssh_pki_import_privkey_file(identity.key.c_str(), nullptr, nullptr, nullptr, &own) != SSH_OK)
      throw Failed(identity.key.string() + ": no key");
    const Key key(own);
    if (ssh_userauth_publickey(raw, nullptr, key.get()) != SSH_AUTH_SUCCESS)
      throw Failed("its SSH server does not let in user " + identity.user + " with our key");
    ssh_set_blocking(raw, 0);
    event = ssh_event_new();
    if (event == nullptr || ssh_event_add_session(event, raw) != SSH_OK) throw Failed("no SSH: out of memory");
  }

  /// Takes what has come, for all channels, and sends what could not be sent before. A channel's own functions do so no
  /// more once its output has ended, and its exit status may come after that.
  void process() { ssh_event_dopoll(event, 0); }

  const base::Descriptor socket;
  const ssh_session raw;
  ssh_event event = nullptr;
};

struct Channel::Handle {
  explicit Handle(std::shared_ptr<Connection> of) : connection(std::move(of)) {
    callbacks.userdata = this;
    callbacks.channel_exit_status_function = [](ssh_session, ssh_channel, int exit_status, void* handle) {
      static_cast<Handle*>(handle)->status = exit_status;
    };
    callbacks.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int, const char*,
                                                const char*, void* handle) {
      static_cast<Handle*>(handle)->status = 128 + number_of(signal);
    };
    ssh_callbacks_init(&callbacks);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  const std::shared_ptr<Connection> connection;
  // All guarded by the connection's lock.
  ssh_channel_callbacks_struct callbacks{};
  ssh_channel raw = nullptr;
  std::optional<int> status{};
  bool over = false;
};

// ---- the connection ----

Connection::Connection(base::Descriptor socket, const Identity& identity, std::chrono::seconds patience)
    : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), session_(std::make_unique<Session>(std::move(socket))) {
  if (!wake_) throw Failed("no SSH: the daemon has too many open files");
  session_->log_in(identity, patience);
}

Connection::~Connection() = default;

void Connection::cut() { shutdown(session_->socket.number(), SHUT_RDWR); }

bool Connection::is_open() {
  const base::Lock lock(mutex_);
  pollfd entry{session_->socket.number(), POLLRDHUP, 0};
  return ssh_is_connected(session_->raw) != 0 && poll(&entry, 1, 0) == 0;
}

std::unique_ptr<Channel> Connection::start(const std::string& command, const std::optional<Terminal>& terminal) {
  std::unique_ptr<Channel> channel(new Channel(std::make_unique<Channel::Handle>(shared_from_this())));
  if (const std::string error = begin(*channel->handle_, command, terminal); !error.empty())
    throw Failed("its SSH server starts no command: " + error);
  return channel;
}

/// Why it does not; empty: it does.
std::string Connection::begin(Channel::Handle& handle, const std::string& command,
                              const std::optional<Terminal>& terminal) {
  const base::Lock lock(mutex_);
  ssh_session session = session_->raw;
  handle.raw = ssh_channel_new(session);
  if (handle.raw == nullptr) return "it has gone";
  ssh_set_channel_callbacks(handle.raw, &handle.callbacks);
  ssh_set_blocking(session, 1);
  bool begun = ssh_channel_open_session(handle.raw) == SSH_OK;
  if (begun && terminal)
    begun = ssh_channel_request_pty_size(handle.raw, terminal->type.c_str(), static_cast<int>(terminal->columns),
                                         static_cast<int>(terminal->rows)) == SSH_OK;
  if (begun)
    begun = (command.empty() ? ssh_channel_request_shell(handle.raw)
                             : ssh_channel_request_exec(handle.raw, command.c_str())) == SSH_OK;
  ssh_set_blocking(session, 0);
  tell_others();
  return begun ? std::string() : ssh_get_error(session);
}

/// Until something may have changed: one of those that wait does so at the socket.
void Connection::wait(base::Lock& lock, Clock::time_point deadline) {
  if (polling_) {
    changed_.wait_until(lock, deadline);
    return;
  }
  polling_ = true;
  const bool to_write = (ssh_get_poll_flags(session_->raw) & SSH_WRITE_PENDING) != 0;
  const short events = static_cast<short>(POLLIN | (to_write ? POLLOUT : 0));
  std::array<pollfd, 2> entries{{{session_->socket.number(), events, 0}, {wake_.number(), POLLIN, 0}}};
  lock.unlock();
  constexpr std::chrono::hours longest{1};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  poll(entries.data(), entries.size(),
       static_cast<int>(std::clamp<std::chrono::milliseconds>(left, std::chrono::milliseconds(0), longest).count()));
  lock.lock();
  polling_ = false;
  eventfd_t ignored = 0;
  eventfd_read(wake_.number(), &ignored);
  session_->process();
  changed_.notify_all();
}

/// Whoever waits looks again: what has come for it may have been taken by another one.
void Connection::tell_others() {
  changed_.notify_all();
  if (polling_) eventfd_write(wake_.number(), 1);
}

// ---- a command ----

Channel::Channel(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}

Channel::~Channel() {
  Connection& connection = *handle_->connection;
  const base::Lock lock(connection.mutex_);
  if (handle_->raw == nullptr) return;
  ssh_remove_channel_callbacks(handle_->raw, &handle_->callbacks);
  ssh_channel_close(handle_->raw);
  ssh_channel_free(handle_->raw);
}

std::optional<Channel::Part> Channel::read(Clock::time_point deadline) {
  Connection& connection = *handle_->connection;
  std::array<char, 32768> bytes;
  base::Lock lock(connection.mutex_);
  while (!handle_->over) {
    for (const bool error : {false, true}) {
      const int got = ssh_channel_read_nonblocking(handle_->raw, bytes.data(), bytes.size(), error ? 1 : 0);
      if (got <= 0) continue;
      return Part{{bytes.data(), static_cast<std::size_t>(got)}, error};
    }
    if (ssh_channel_is_closed(handle_->raw) != 0 || ssh_is_connected(connection.session_->raw) == 0 ||
        (ssh_channel_is_eof(handle_->raw) != 0 && handle_->status)) {
      handle_->over = true;
      return std::nullopt;
    }
    if (Clock::now() >= deadline) return std::nullopt;
    connection.wait(lock, deadline);
  }
  return std::nullopt;
}

bool Channel::over() const {
  const base::Lock lock(handle_->connection->mutex_);
  return handle_->over;
}

std::optional<int> Channel::status() const {
  const base::Lock lock(handle_->connection->mutex_);
  return handle_->status;
}

bool Channel::write(std::string_view bytes) {
  Connection& connection = *handle_->connection;
  base::Lock lock(connection.mutex_);
  while (!bytes.empty()) {
    if (ssh_channel_is_open(handle_->raw) == 0 || handle_->over) return false;
    constexpr std::size_t most = 32768;
    const int put =
        ssh_channel_write(handle_->raw, bytes.data(), static_cast<std::uint32_t>(std::min(bytes.size(), most)));
    if (put < 0 && put != SSH_AGAIN) return false;
    if (put > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
      // What the socket has no room for waits for who polls it.
      if ((ssh_get_poll_flags(connection.session_->raw) & SSH_WRITE_PENDING) == 0) continue;
    }
    connection.tell_others();
    connection.wait(lock, Clock::now() + std::chrono::hours(1));
  }
  connection.tell_others();
  return true;
}

void Channel::close() {
  const base::Lock lock(handle_->connection->mutex_);
  handle_->over = true;
  ssh_channel_close(handle_->raw);
  handle_->connection->tell_others();
}

void Channel::end_input() {
  const base::Lock lock(handle_->connection->mutex_);
  ssh_channel_send_eof(handle_->raw);
  handle_->connection->tell_others();
}

void Channel::resize(unsigned rows, unsigned columns) {
  const base::Lock lock(handle_->connection->mutex_);
  ssh_channel_change_pty_size(handle_->raw, static_cast<int>(columns), static_cast<int>(rows));
}

}  // namespace kvmtest::ssh
