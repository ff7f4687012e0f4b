#include "process/child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/after_fork.h"
#include "process/confine.h"
#include "process/descendants.h"

namespace kvmtest::process {
namespace {

/// What the reaper tells.
struct Told {
  enum class What { reaper, not_confined, started, not_started, ended, left, done } what;
  int value = 0;  ///< an errno, a status, or a process
  Left left{};
};
/// What it is asked: the number of a signal for the program's group, or this.
constexpr int end_all = 0;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

void await(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// ---- in the child of a process with threads: see after_fork.h ----

/// All that it needs, made before.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* directory;
  int output;
  int errors;
  std::optional<ConfinementSteps> confinement{};

  [[nodiscard]] bool apart() const { return confinement && confinement->apart(); }
};

/// Becomes the program, or tells why not.
[[noreturn]] void become(const Prepared& prepared, int failure) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would look after it any more
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  unblock_signals();
  restore_open_files();
  if (prepared.confinement) prepared.confinement->limit();
  const int output = out_of_the_way(prepared.output);
  const int errors = out_of_the_way(prepared.errors);
  failure = out_of_the_way(failure);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  open_null(O_RDONLY, STDIN_FILENO);
  failure = dup3(failure, STDERR_FILENO + 1, O_CLOEXEC);
  close_from(STDERR_FILENO + 2);
  if (prepared.directory[0] == 0 || chdir(prepared.directory) == 0)
    execve(prepared.arguments.front(), prepared.arguments.data(), prepared.environment.data());
  const int error = errno;
  if (write(failure, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

void tell(int control, const Told& told) {
  while (send(control, &told, sizeof told, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

/// Starts the program; 0 when it cannot be, which is told.
pid_t start_program(const Prepared& prepared, int control) {
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) {
    tell(control, {Told::What::not_started, errno});
    return 0;
  }
  const pid_t pid = fork();
  if (pid == 0) become(prepared, failure[1]);
  int error = pid < 0 ? errno : 0;
  close(failure[1]);
  if (pid > 0) {
    setpgid(pid, pid);  // whoever is first
    while (read(failure[0], &error, sizeof error) < 0 && errno == EINTR) {
    }
  }
  close(failure[0]);
  tell(control, {error == 0 ? Told::What::started : Told::What::not_started, error});
  return error == 0 ? pid : 0;
}

/// Keeps `program` unreaped, so that its number stays its group's; reaps all others. True: it has ended.
bool look_at(pid_t program, int control, bool ended) {
  siginfo_t info{};
  if (!ended && waitid(P_PID, static_cast<id_t>(program), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid != 0) {
    const int status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status & 0x7f;  // as wait(2) does
    tell(control, {Told::What::ended, status});
    ended = true;
  }
  // The next one that waits to be reaped, as long as it is not the program.
  while (true) {
    info.si_pid = 0;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 || info.si_pid == program) break;
    waitpid(info.si_pid, nullptr, WNOHANG);
  }
  return ended;
}

/// Until it is told to end everything, or its parent is gone.
void watch_over(pid_t program, int control, int signals) {
  bool ended = program == 0;
  bool told_to_end = false;
  while (true) {
    std::array<pollfd, 2> wait{{{control, POLLIN, 0}, {signals, POLLIN, 0}}};
    if (poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[1].revents != 0) {
      signalfd_siginfo ignored;
      if (read(signals, &ignored, sizeof ignored) > 0 && program != 0) ended = look_at(program, control, ended);
    }
    if (wait[0].revents == 0) continue;
    int order = end_all;
    const ssize_t got = recv(control, &order, sizeof order, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof order || order == end_all) break;
    told_to_end = true;
    if (program != 0) kill(-program, order);
  }
  // Above what is to be ended, where that is allowed.
  setpriority(PRIO_PROCESS, 0, -20);
  struct Telling {
    int control;
    int left = 1000;  ///< to be told of: somebody may have started any number
  } telling{control};
  end_descendants(
      ended && !told_to_end ? 0 : program,
      [](const Left& left, void* whom) {
        auto& to = *static_cast<Telling*>(whom);
        if (to.left-- > 0) tell(to.control, {Told::What::left, 0, left});
      },
      &telling);
}

[[noreturn]] void be_the_reaper(Prepared& prepared, int control) {
  if (const int error = prepared.apart() ? prepared.confinement->begin() : 0; error != 0) {
    tell(control, {Told::What::not_confined, error});
    _exit(1);
  }
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  ::signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "kvmtest-reaper");
  const pid_t program = start_program(prepared, control);
  // Nothing of our parent's stays open here: its locks end with it, and readers of pipes are to see their end.
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) open_null(O_RDWR, standard);
  control = dup3(out_of_the_way(control), STDERR_FILENO + 1, O_CLOEXEC);
  close_from(STDERR_FILENO + 2);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  const int signals = signalfd(-1, &children, SFD_CLOEXEC);
  // It may have ended before anybody listened.
  kill(getpid(), SIGCHLD);
  watch_over(program, control, signals);
  tell(control, {Told::What::done});
  _exit(0);
}

/// Makes namespaces, and in them the reaper, as a child of the process that has started this one. That is told which
/// one it is before the reaper tells anything.
[[noreturn]] void start_reaper_apart(Prepared& prepared, int control) {
  int error = prepared.confinement->enter();
  int end[2];
  if (error == 0 && pipe2(end, O_CLOEXEC) != 0) error = errno;
  const long reaper = error == 0 ? syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) : -1;
  if (reaper == 0) {
    close(end[1]);
    char none = 0;
    while (read(end[0], &none, 1) < 0 && errno == EINTR) {
    }
    be_the_reaper(prepared, control);
  }
  if (reaper > 0)
    tell(control, {Told::What::reaper, static_cast<int>(reaper)});
  else
    tell(control, {Told::What::not_confined, error != 0 ? error : errno});
  _exit(0);
}

}  // namespace

// ---- in the process itself ----

Child::Child(const Launch& launch) {
  Prepared prepared{pointers(launch.command), pointers(launch.environment), launch.directory.c_str(), launch.output,
                    launch.errors};
  if (launch.confinement) prepared.confinement.emplace(*launch.confinement);
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "a program's start");
  // No handler of this process may run in the other one.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t forked = fork();
  const int error = errno;
  if (forked == 0) {
    close(ends[0]);
    if (prepared.apart()) start_reaper_apart(prepared, ends[1]);
    be_the_reaper(prepared, ends[1]);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(ends[1]);
  control_ = ends[0];
  if (forked < 0) {
    close(control_);
    throw std::system_error(error, std::generic_category(), "a program's start");
  }
  await_start(forked, prepared.apart());
}

/// Until it is known which process the reaper is, and whether the program runs. No further: see take().
void Child::await_start(pid_t forked, bool apart) {
  if (apart)
    await(forked);
  else
    reaper_ = forked;
  while (!done_ && (reaper_ < 0 || !answered_)) take(true);
  if (refused_ == 0) return;
  if (reaper_ >= 0) await(reaper_);
  close(control_);
  throw std::system_error(refused_, std::generic_category(), "a program's confinement");
}

Child::~Child() {
  end();
  close(control_);
}

/// Takes in what the reaper has told; with `wait` the next word alone, for which it waits. No more than that: whoever
/// polls descriptor() for the end must find it there, however soon the program has ended.
void Child::take(bool wait) {
  while (!done_) {
    Told told{};
    const ssize_t got = recv(control_, &told, sizeof told, wait ? 0 : MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got != sizeof told) {
      // Somebody killed the reaper. Whether the program goes on nobody can tell.
      done_ = true;
      if (!status_) status_ = SIGKILL;
      return;
    }
    switch (told.what) {
      case Told::What::reaper: reaper_ = told.value; break;
      case Told::What::not_confined: refused_ = told.value; [[fallthrough]];
      case Told::What::started: answered_ = true; break;
      case Told::What::not_started:
        start_error_ = told.value;
        answered_ = true;
        break;
      case Told::What::ended: status_ = told.value; break;
      case Told::What::left: left_.emplace_back(told.left.words.data()); break;
      case Told::What::done: done_ = true; break;
    }
    if (wait) return;
  }
}

bool Child::ended() {
  if (!status_) take(false);
  return status_.has_value();
}

void Child::signal(int number) { send(control_, &number, sizeof number, MSG_NOSIGNAL); }

std::vector<std::string> Child::end() {
  if (reaper_ < 0) return {};
  signal(end_all);
  while (!done_) take(true);
  await(std::exchange(reaper_, -1));
  return std::exchange(left_, {});
}

}  // namespace kvmtest::process
