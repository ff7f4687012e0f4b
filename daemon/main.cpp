// kvmtestd: the composition root, the one place that names concrete adapters.
//
// Three processes. The outer one makes the namespaces and waits. The first one in them adopts and reaps the QEMU
// processes that libvirt's daemonising leaves behind, so that a destroyed domain is gone at once; with it ends all that
// is in the namespaces. The third one is the daemon.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <malloc.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "api/gate.h"
#include "api/routes.h"
#include "api/server.h"
#include "base/open_directory.h"
#include "base/own_program.h"
#include "base/private_directory.h"
#include "base/state_directory.h"
#include "base/words.h"
#include "core/input_error.h"
#include "domains/reach.h"
#include "domains/templates.h"
#include "engine/claim.h"
#include "engine/engine.h"
#include "engine/errors.h"
#include "engine/losses.h"
#include "libvirt/libvirt_hypervisor.h"
#include "libvirt/qemu_snapshots.h"
#include "libvirt/ram_directory.h"
#include "libvirt/state_store.h"
#include "process/capabilities.h"
#include "process/confinement.h"
#include "process/limits.h"
#include "process/memory.h"
#include "process/parent.h"
#include "report/text.h"
#include "sandbox/emulator.h"
#include "sandbox/network_namespaces.h"
#include "sandbox/sandbox.h"
#include "sandbox/user_namespace.h"
#include "service/consoles.h"
#include "service/database_sink.h"
#include "service/ports.h"
#include "service/service.h"
#include "service/ssh_commands.h"
#include "settings/settings.h"
#include "setup/checks.h"
#include "ssh/keys.h"
#include "suite/confinement.h"
#include "telemetry/shared_database.h"

namespace {

namespace fs = std::filesystem;
using namespace kvmtest;
using namespace std::chrono_literals;

struct Arguments {
  std::optional<fs::path> config;
  std::optional<fs::path> state_dir;
  int ready_fd = -1;               ///< told "ok", or a kind and a line of error
  std::chrono::seconds idle{600};  ///< 0: for ever
};

/// Whose directory it was started in may unmount and delete that. All paths of settings and requests are absolute.
void leave_directory() {
  if (chdir("/") != 0) std::perror("kvmtestd: /");
}

/// Whoever started us may be waiting to hear how it went.
class Starter {
 public:
  explicit Starter(int fd) : fd_(fd) {}
  void tell(const std::string& line) {
    if (fd_ < 0) return;
    const std::string text = line + "\n";
    if (write(fd_, text.data(), text.size()) < 0) spdlog::warn("nobody waits for the start any more");
    leave();
  }
  /// That is for another process to tell.
  void leave() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// With sudo, what the daemon makes belongs to the user who called it, who reads it without sudo.
void give_to_caller(const fs::path& path) {
  const auto caller = base::caller_of_sudo();
  if (caller && lchown(path.c_str(), caller->user, caller->group) != 0)
    spdlog::warn("{}: cannot be given to the user who called sudo", path.string());
}

/// One daemon a state directory; who waits for its end waits for this lock.
class DirectoryLock {
 public:
  explicit DirectoryLock(const base::StateDirectory& state_dir)
      : file_(base::OpenDirectory(state_dir).open_or_create(state_dir.lock().filename())) {
    if (flock(file_.number(), LOCK_EX | LOCK_NB) != 0)
      throw engine::Busy("another daemon serves " + state_dir.string());
    const std::string text = fmt::format("{}\n", sandbox::outside_pid());
    if (ftruncate(file_.number(), 0) != 0 || pwrite(file_.number(), text.data(), text.size(), 0) < 0)
      spdlog::warn("{}: {}", state_dir.lock().string(), std::strerror(errno));
  }

 private:
  base::Descriptor file_;
};

/// What the daemon and libvirt do in the daemon's namespaces: mounts, bridges and taps, QEMUs as other users with their
/// limits and processors, and taking these rights from those it starts (CAP_SETPCAP).
constexpr process::Capabilities needed{CAP_CHOWN,      CAP_DAC_OVERRIDE,     CAP_DAC_READ_SEARCH, CAP_FOWNER,
                                       CAP_KILL,       CAP_SETGID,           CAP_SETUID,          CAP_SETPCAP,
                                       CAP_NET_ADMIN,  CAP_NET_BIND_SERVICE, CAP_NET_RAW,         CAP_SYS_ADMIN,
                                       CAP_SYS_CHROOT, CAP_SYS_NICE,         CAP_SYS_RESOURCE,    CAP_SYS_PTRACE};

bool lives_apart(const settings::Settings& settings) {
  return settings.network == settings::Network::own && settings.hypervisor.uri.empty();
}

/// Where the daemon lives apart, libvirt's root is the sandbox': what belongs to QEMUs that run goes with them.
const fs::path libvirt_apart = fs::path(sandbox::own_directory) / "libvirt";
const fs::path states_apart = fs::path(sandbox::own_directory) / "states";

/// What a QEMU must reach that runs as another user.
std::vector<sandbox::Shown> shown_to_qemu(const base::StateDirectory& state_dir) {
  std::vector<sandbox::Shown> shown{{state_dir.states(), states_apart}};
  for (const char* part : {"cache", "log"}) shown.push_back({state_dir.libvirt() / part, libvirt_apart / part});
  return shown;
}

/// In the build, or as it is installed.
fs::path starter_of_qemu() {
  const fs::path own = base::own_program().parent_path();
  const fs::path beside = own / "kvmtest-qemu";
  return fs::exists(beside) ? beside : own.parent_path() / "libexec/kvmtest/kvmtest-qemu";
}

libvirt::QemuStart start_in_view(const libvirt::QemuFiles& files, const fs::path& ram) {
  const auto view = sandbox::view_of(files.emulator, files.read, {libvirt_apart, states_apart, ram});
  return {sandbox::started_by(starter_of_qemu(), files.emulator), sandbox::emulator_files, sandbox::written(view)};
}

libvirt::Options hypervisor_options(const settings::Settings& settings, const fs::path& ram) {
  libvirt::Options options;
  options.uri = settings.hypervisor.uri;
  options.state_dir = settings.state_dir;
  if (lives_apart(settings)) {
    options.root = libvirt_apart;
    options.users.first = sandbox::first_spare_id();
    options.users.show_file = [](const fs::path& file) { return sandbox::show_file(file); };
    if (sandbox::why_no_views().empty())
      options.users.start = [ram](const libvirt::QemuFiles& files) { return start_in_view(files, ram); };
  }
  switch (settings.hypervisor.accelerator) {
    case settings::Accelerator::automatic: options.acceleration = libvirt::Acceleration::automatic; break;
    case settings::Accelerator::kvm: options.acceleration = libvirt::Acceleration::kvm; break;
    case settings::Accelerator::emulated: options.acceleration = libvirt::Acceleration::emulated; break;
  }
  const settings::GuestFiles guest = settings::guest_files(settings);
  options.with.kernel = guest.kernel;
  options.with.initrd = guest.initrd;
  options.with.image = guest.image;
  options.with.memory_mib = guest.memory_mib;
  domains::Reach::Options reach{settings.ssh.network, settings.ssh.address, settings.ssh.addresses(),
                                lives_apart(settings)};
  options.reach = domains::Reach(settings.hypervisor.uri.empty() ? reach : domains::Reach::Options{});
  options.with.management = options.reach.on() && settings.ssh.network == domains::management_network;
  options.login = settings.login.user;  // the password decides about no shell, and is nobody's to read
  return options;
}

libvirt::StateStore::Options store_options(const settings::Settings& settings, const fs::path& ram) {
  libvirt::StateStore::Options options;
  options.directory = lives_apart(settings) ? states_apart : settings.state_dir.states();
  options.ram = ram;
  options.ram_budget = settings.reset.ram != 0 ? settings.reset.ram : process::memory_available() / 2;
  options.kept_limit = settings.reset.kept_limit;
  options.disk_reserve = settings.state_min_free;
  return options;
}

/// Tests' programs besides run commands on their domains.
process::Confinement confinement_of_tests(const settings::Settings& settings) {
  process::Confinement confinement = suite::confinement_for(settings);
  confinement.shown.push_back({settings.state_dir.programs_socket(), settings.state_dir.socket()});
  return confinement;
}

/// `key`: that domains let in by SSH; empty: none.
engine::Config engine_config(const settings::Settings& settings, libvirt::LibvirtHypervisor& hypervisor,
                             const std::string& key) {
  engine::Config config;
  config.login = {settings.login.user, settings.login.password};
  config.boot_limit = settings.limits.boot;
  config.capture_bound = static_cast<std::size_t>(settings.limits.capture);
  config.judges = settings.judges;
  config.shell = base::own_program().parent_path() / "kvmsh";
  config.state_dir = settings.state_dir;
  config.spare_threads = std::max(1U, std::thread::hardware_concurrency());
  config.programs = confinement_of_tests(settings);
  config.stretch = settings.limits.stretch;
  config.among_networks = hypervisor.within();
  config.names = [](const core::Prefix& prefix) { return sandbox::names_of(prefix.value); };
  if (!key.empty())
    config.key_for = [key, &hypervisor](const core::Domain& domain) {
      return hypervisor.ways().reaches(domain) ? key : std::string();
    };
  return config;
}

/// The key that domains let in by SSH, where they are reached; empty: they are not.
std::string key_for_ssh(const settings::Settings& settings, const domains::Reach& reach) {
  if (!reach.on()) return {};
  std::string key = ssh::make_keys(settings.state_dir.key());
  for (const fs::path& file : settings.state_dir.keys()) give_to_caller(file);
  return key;
}

/// Waits for a signal, or for nobody having wanted anything for `idle`.
void wait_for_the_end(const sigset_t& signals, const api::Server& server, engine::Engine& engine,
                      std::chrono::seconds idle) {
  auto last_use = std::chrono::steady_clock::now();
  for (unsigned ticks = 1;; ++ticks) {
    const timespec tick{1, 0};
    const int signal = sigtimedwait(&signals, nullptr, &tick);
    // What was let go since is the machine's again: the start of a large run takes several times what the run does.
    if (ticks % 10 == 0) malloc_trim(0);
    if (signal > 0) {
      spdlog::info("ending: {}", signal == SIGTERM ? "asked to" : strsignal(signal));
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (server.connections() > 0 || engine.active_run() || !engine.held().empty()) last_use = now;
    if (idle.count() > 0 && now - last_use > idle) {
      spdlog::info("ending: nobody wanted anything for {} s", idle.count());
      return;
    }
  }
}

/// How a failed start ends, and what it is called on the wire (docs/api.md).
struct Failure {
  int exit_status;
  unsigned http_status;
  const char* kind;
};
Failure failure_of(const std::exception& e) {
  if (dynamic_cast<const core::InputError*>(&e) != nullptr) return {2, 400, "input"};
  if (dynamic_cast<const engine::Busy*>(&e) != nullptr) return {3, 409, "busy"};
  return {3, 500, "infrastructure"};
}

/// Makes all that is needed, serves, and takes it down again.
void serve_behind(api::Gate& gate, api::Server& server, const settings::Settings& settings, const Arguments& arguments,
                  const sigset_t& signals, Starter& starter) {
  domains::Templates templates(settings.domains.templates, settings.domains.ready);
  telemetry::SharedDatabase database(settings.state_dir.database());
  for (const fs::path& file : settings.state_dir.made_at_start()) give_to_caller(file);
  service::DatabaseSink sink(database, [](const std::string& line) { spdlog::info("{}", line); });
  engine::Losses losses;
  engine::Recorder recorder(
      sink, {[](const std::string& error) { spdlog::error("results cannot be written, trying on: {}", error); },
             [](const core::record::Record& record, const std::string& why) {
               spdlog::error("run {}: what happens is not recorded: {}", record.run, why);
             }});

  engine::Claims claims(engine::Claims::default_scope(settings.hypervisor.uri),
                        {sandbox::outside_pid(), settings.state_dir}, sandbox::outside_socket);
  const libvirt::RamDirectory ram(settings.state_dir);
  auto options = hypervisor_options(settings, ram.path());
  const std::string key = key_for_ssh(settings, options.reach);
  if (!key.empty()) options.login += '\n' + key;
  sandbox::NetworkNamespaces networks;
  if (lives_apart(settings)) {
    options.within = [&](const core::Prefix& prefix) { return networks.within(prefix.value); };
    options.names = [](const core::Prefix& prefix, const std::string& lines) {
      sandbox::write_names(prefix.value, lines);
    };
  }
  options.with.prefix_number = [&](const core::Prefix& prefix) { return claims.number_of(prefix); };
  options.notice = [&](const std::string& text) { recorder.put(0, core::record::Notice{false, text}); };
  options.lost = [&](const core::Domain& domain, const engine::End& end) { losses.tell(domain, end); };
  libvirt::StateStore store(store_options(settings, ram.path()));
  libvirt::LibvirtHypervisor hypervisor(templates, store, std::move(options));
  libvirt::QemuSnapshots snapshots(hypervisor, store);
  engine::Engine engine(engine_config(settings, hypervisor, key), hypervisor, snapshots, snapshots, recorder,
                        database.next_attempt_id());
  const auto told = losses.to(engine);
  service::Service service(
      {settings, templates, hypervisor, snapshots, store, claims, engine, recorder, database, sandbox::outside_pid()});
  service::Consoles consoles(engine);
  service::Ports ports(engine, hypervisor.ways());
  service::SshCommands ssh(
      engine, hypervisor.ways(),
      {settings.login.user, settings.state_dir.key(), static_cast<std::uint16_t>(settings.ssh.port)});
  const api::Offers offers{service, consoles, ports, ssh};
  api::Server programs(settings.state_dir.programs_socket(), api::routes_of_programs(offers));
  const std::shared_ptr<void> end_first(nullptr, [&](void*) { server.end(); });
  gate.open(api::routes(offers, [] { kill(getpid(), SIGTERM); }));
  const auto description = hypervisor.describe();
  spdlog::info("serving {} with {} ({})", settings.state_dir.string(), description.uri, description.accelerator);
  starter.tell("ok");
  service.take_over(arguments.idle.count() == 0);
  wait_for_the_end(signals, server, engine, arguments.idle);
  service.end("the daemon's end");
  recorder.flush(5s);
  recorder.release_waiting();
}

void serve(const settings::Settings& settings, const Arguments& arguments, const sigset_t& signals, Starter& starter) {
  const DirectoryLock lock(settings.state_dir);
  api::Gate gate(sandbox::outside_pid(), settings.state_dir);
  api::Server server(settings.state_dir.socket(), gate.handler());
  give_to_caller(settings.state_dir.socket());
  try {
    serve_behind(gate, server, settings, arguments, signals, starter);
  } catch (const std::exception& e) {
    const Failure failure = failure_of(e);
    gate.refuse(failure.http_status, failure.kind, base::words(e));
    throw;
  }
}

/// How the daemon ends, told to whoever waits for its start, or to its log.
class Ending {
 public:
  explicit Ending(const Arguments& arguments) : starter_(arguments.ready_fd), waited_for_(arguments.ready_fd >= 0) {}
  Starter& starter() { return starter_; }
  /// Runs `function`, which returns an exit status; whatever it throws is told.
  template <class Function>
  int of(Function function) {
    try {
      return function();
    } catch (const std::exception& e) {
      return told(failure_of(e), base::words(e));
    }
  }

 private:
  int told(const Failure& failure, const std::string& what) {
    starter_.tell(fmt::format("{} {}", failure.kind, what));
    if (waited_for_)
      spdlog::error("{}", what);
    else
      fmt::print(stderr, "kvmtestd: {}\n", report::escaped(what));
    spdlog::shutdown();
    return failure.exit_status;
  }

  Starter starter_;
  bool waited_for_;
};

settings::Settings load_settings(const Arguments& arguments) {
  auto settings = settings::load(arguments.config);
  settings::apply_environment(settings);
  if (arguments.state_dir) settings::move_state_dir(settings, *arguments.state_dir);
  leave_directory();
  if (const auto notice = setup::make_state_directory(settings); !notice.empty())
    fmt::print(stderr, "kvmtestd: {}\n", notice);
  return settings;
}

/// A message of the log. People read it in terminals, and guests, suites, libvirt and other users have a say in it.
class LoggedText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = report::escaped({message.payload.data(), message.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LoggedText>(); }
};

/// spdlog's own, but for the text.
std::unique_ptr<spdlog::formatter> log_format(const std::string& name) {
  auto format = std::make_unique<spdlog::pattern_formatter>();
  format->add_flag<LoggedText>('*').set_pattern("[%Y-%m-%d %H:%M:%S.%e] " + name + "[%^%l%$] %*");
  return format;
}

/// The logger opens its file by a path: that of the descriptor is the file that was looked at.
void log_to_file(const base::StateDirectory& state_dir) {
  const base::Descriptor file = base::OpenDirectory(state_dir).open_or_create(state_dir.log().filename());
  spdlog::set_default_logger(spdlog::basic_logger_mt("kvmtestd", fmt::format("/proc/self/fd/{}", file.number())));
  spdlog::flush_on(spdlog::level::info);
}

int run_daemon(const Arguments& arguments, const settings::Settings& settings, const std::string& lacking,
               Starter& starter) {
  // Before any thread: all of them inherit it, and wait_for_the_end takes the signals.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  if (arguments.ready_fd >= 0) log_to_file(settings.state_dir);
  spdlog::set_formatter(log_format(arguments.ready_fd >= 0 ? "[%n] " : ""));
  spdlog::set_level(spdlog::level::from_str(settings.log.level));
  if (!lacking.empty())
    spdlog::warn("QEMU runs with your user's own id: {}", lacking);
  else if (lives_apart(settings) && !sandbox::why_no_views().empty())
    spdlog::warn("QEMU sees the file system as others do: {}", sandbox::why_no_views());
  serve(settings, arguments, signals, starter);
  spdlog::shutdown();
  return 0;
}

/// Starts the daemon and reaps what it leaves; returns its exit status. In the first process of its PID namespace, if
/// it has one.
int run_and_reap(const std::function<int()>& daemon, Starter& starter) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t process = fork();
  if (process < 0) throw std::system_error(errno, std::generic_category(), "the daemon's process");
  if (process == 0) {
    // Not a subreaper itself: libvirt's orphans are to pass it by. It ends with its parent.
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
    std::exit(daemon());
  }
  starter.leave();
  process::pass_signals_on(process);
  return process::reap_until(process);
}

/// Makes the namespaces, unless the settings want none, and waits for what runs in them.
int run_apart(const Arguments& arguments, Ending& ending) {
  base::own_program();  // in a chroot the namespaces have another root
  const settings::Settings settings = load_settings(arguments);
  const bool apart = lives_apart(settings);
  const std::string lacking =
      apart ? sandbox::enter({settings.state_dir, settings.project}, shown_to_qemu(settings.state_dir)) : std::string();
  const auto daemon = [&] {
    return ending.of([&] { return run_daemon(arguments, settings, lacking, ending.starter()); });
  };
  if (!apart) return run_and_reap(daemon, ending.starter());
  const pid_t first = fork();
  if (first < 0) throw std::system_error(errno, std::generic_category(), "a process");
  if (first == 0)
    std::exit(ending.of([&] {
      sandbox::begin_processes();
      sandbox::why_no_views();  // while there is one thread
      if (const int error = process::keep_only(needed); error != 0)
        throw std::system_error(error, std::generic_category(), "giving up rights");
      return run_and_reap(daemon, ending.starter());
    }));
  ending.starter().leave();
  process::pass_signals_on(first);
  return process::status_of(first);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The kvmtest daemon: resets domains and runs tests for the kvmtest command. Usually started by it."};
  Arguments arguments;
  long idle = arguments.idle.count();
  app.set_version_flag("--version", std::string("kvmtestd ") + KVMTEST_VERSION);
  app.add_option("--config", arguments.config, "settings file (default: kvmtest.yaml here)");
  app.add_option("--state-dir", arguments.state_dir, "state directory (default: by the settings)");
  app.add_option("--idle", idle, "seconds without use after which the daemon ends; 0: never")->capture_default_str();
  app.add_option("--ready-fd", arguments.ready_fd,
                 "file descriptor told when the daemon serves; the log goes to its file")
      ->group("");
  CLI11_PARSE(app, argc, argv);
  arguments.idle = std::chrono::seconds(idle);

  // A thread comes and goes with each connection. With an arena each, as glibc has it, the daemon keeps what they held.
  mallopt(M_ARENA_MAX, 2);
  // Large pieces go back to the machine as soon as they are free. Else glibc keeps ever larger ones.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  // What the daemon makes is its owner's alone: saved memory, consoles, the socket.
  umask(077);
  process::allow_open_files();
  Ending ending(arguments);
  return ending.of([&] { return run_apart(arguments, ending); });
}
