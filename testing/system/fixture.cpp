#include "fixture.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kvmtest::testing {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

const fs::path source = KVMTEST_SOURCE;

/// Of all processes, words apart by a space.
std::map<pid_t, std::string> command_lines() {
  std::map<pid_t, std::string> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (!std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    std::string line = text.str();
    std::replace(line.begin(), line.end(), '\0', ' ');
    out[std::stoi(pid)] = line;
  }
  return out;
}

/// Open for flock(2), which lasts as long as the descriptor. Where another user has made it, O_CREAT is refused
/// (proc(5), protected_regular).
base::Descriptor lock_file(const std::string& name) {
  const std::string path = "/tmp/kvmtest-tests." + name + ".lock";
  base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) file = base::Descriptor(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) throw std::runtime_error("the lock of tests: " + path);
  return file;
}

/// For the network's lock. Whoever waits for it alone holds this one, so that no others come between.
base::Descriptor turn() {
  base::Descriptor file = lock_file("turn");
  flock(file.number(), LOCK_EX);
  return file;
}

}  // namespace

pid_t parent_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;)
    if (word == "PPid:" && in >> pid) return pid;
  return -1;
}

OnDomains::OnDomains() : network_lock_(lock_file("network")) {
  {
    const auto mine = turn();
    flock(network_lock_.number(), LOCK_SH);
  }
  const fs::path guest = source / ".kvmtest/guest/tiny";
  if (!fs::exists(guest / "kernel")) throw std::runtime_error("no guest in " + guest.string() + ": run make kvm-guest");
  std::string pattern = "/tmp/kvmtest-system.XXXXXX";
  directory_ = mkdtemp(pattern.data());
  fs::create_directory(directory_ / "suite");
  write_file("kvmtest.yaml", "domains:\n  templates: " + (source / "config/domains").string() + "\n  kernel: " +
                                 (guest / "kernel").string() + "\n  initrd: " + (guest / "initrd").string() +
                                 "\nhypervisor:\n  accelerator: emulated\ntests: [suite]\n" + never_starved);
}

OnDomains::~OnDomains() {
  if (HasFailure()) {
    std::ifstream log(directory_ / ".kvmtest/kvmtestd.log");
    std::cerr << "---- daemon's log\n" << log.rdbuf() << "----\n";
  }
  run(kvmtest({"stop"}), directory_);
  run(kvmtest({"uninstall"}), directory_);
  for (const auto& [name, pid] : domains()) send_signal(pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return domains().empty(); }));
  fs::remove_all(directory_);
  if (tun_mode_) chmod("/dev/net/tun", *tun_mode_);
}

std::vector<std::string> OnDomains::with_user(std::vector<std::string> words) {
  const std::string id = std::to_string(user);
  words.insert(words.begin(), {"setpriv", "--reuid", id, "--regid", id, "--clear-groups"});
  return words;
}

bool OnDomains::user_makes_namespaces() { return run(with_user({"unshare", "--user", "true"})).status == 0; }

void OnDomains::give_to_user() {
  user_lock_ = lock_file("user");
  flock(user_lock_.number(), LOCK_EX);
  // This checkout is perhaps not for the user to read: its state directory never is.
  const fs::path guest = source / ".kvmtest/guest/tiny";
  fs::create_directory(directory_ / "guest");
  for (const char* file : {"kernel", "initrd"}) fs::copy_file(guest / file, directory_ / "guest" / file);
  std::string settings = read_file("kvmtest.yaml");
  for (auto at = settings.find(guest.string()); at != std::string::npos; at = settings.find(guest.string()))
    settings.replace(at, guest.string().size(), (directory_ / "guest").string());
  write_file("kvmtest.yaml", settings);
  const auto give = [&](const fs::path& path) {
    if (lchown(path.c_str(), user, user) != 0) throw std::runtime_error(path.string() + ": chown");
  };
  give(directory_);
  for (const auto& entry : fs::recursive_directory_iterator(directory_)) give(entry.path());
  // As Debian has it; some containers do not.
  struct stat status {};
  stat("/dev/net/tun", &status);
  tun_mode_ = status.st_mode & 07777U;
  chmod("/dev/net/tun", 0666);
}

void OnDomains::write_file(const fs::path& relative, const std::string& text) const {
  fs::create_directories((directory_ / relative).parent_path());
  std::ofstream(directory_ / relative, std::ios::binary) << text;
}

void OnDomains::write_test(const std::string& name, const std::string& text) const {
  write_file(fs::path("suite") / (name + ".test"), text);
}

std::string OnDomains::read_file(const fs::path& path) const {
  std::ifstream in(path.is_absolute() ? path : directory_ / path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> OnDomains::kvmtest(std::vector<std::string> words) const {
  words.insert(words.begin() + 1, {"--prefixes", prefixes_, "--workers", "2"});
  words.insert(words.begin(), programs() / "kvmtest");
  return words;
}

std::vector<std::string> OnDomains::kvmsh(std::vector<std::string> words) const {
  words.insert(words.begin(), {programs() / "kvmsh", "--workers", "2"});
  return words;
}

nlohmann::json OnDomains::results() const { return nlohmann::json::parse(run_kvmtest({"results", "--json"}).output); }

std::map<std::string, std::string> OnDomains::verdicts() const {
  std::map<std::string, std::string> out;
  const nlohmann::json run = results();
  for (const auto& test : run.at("tests"))
    out[test.at("name")] = test.at("verdict").is_null() ? "none" : test.at("verdict").get<std::string>();
  return out;
}

fs::path OnDomains::programs() { return KVMTEST_PROGRAMS; }

std::vector<pid_t> OnDomains::processes_with(const std::string& text) {
  std::vector<pid_t> out;
  for (const auto& [pid, line] : command_lines())
    if (line.find(text) != std::string::npos) out.push_back(pid);
  return out;
}

std::map<std::string, pid_t> OnDomains::domains() const {
  std::map<std::string, pid_t> out;
  const auto lines = command_lines();
  std::ifstream pid_file(directory_ / ".kvmtest/kvmtestd.pid");
  pid_t daemon = 0;
  pid_file >> daemon;
  // Of its daemon, or, where that is dead and has left it to init, with its files here.
  const auto is_ours = [&](pid_t pid) {
    for (; pid > 1; pid = parent_of(pid))
      if (const auto line = lines.find(pid);
          pid == daemon || (line != lines.end() && line->second.find(directory_.string()) != std::string::npos))
        return true;
    return false;
  };
  for (const auto& [pid, line] : lines) {
    const auto guest = line.find("guest=");
    if (line.find("qemu-system") == std::string::npos || guest == std::string::npos || !is_ours(pid)) continue;
    const std::string name = line.substr(guest + 6, line.find(',', guest) - guest - 6);
    std::istringstream prefixes(prefixes_);
    for (std::string prefix; prefixes >> prefix;)
      if (prefix == "auto" || name.starts_with(prefix)) out[name] = pid;
  }
  return out;
}

pid_t OnDomains::pid_of(const std::string& domain) const {
  const auto all = domains();
  const auto found = all.find(domain);
  return found == all.end() ? 0 : found->second;
}

bool OnDomains::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

pid_t OnDomains::daemon_pid() const { return std::stoi(read_file(".kvmtest/kvmtestd.pid")); }

bool OnDomains::use_network_of_host() const {
  if (geteuid() != 0) return false;
  flock(network_lock_.number(), LOCK_UN);
  const auto mine = turn();
  flock(network_lock_.number(), LOCK_EX);
  alone_ = true;
  std::ofstream(directory_ / "kvmtest.yaml", std::ios::app) << "network: host\n";
  return true;
}

fs::path OnDomains::ram() const {
  for (const auto& entry : fs::directory_iterator("/dev/shm"))
    if (read_file(entry.path() / "owner") == (directory_ / ".kvmtest").string() + "\n") return entry.path();
  return {};
}

std::vector<std::string> OnDomains::among_networks(std::vector<std::string> words) const {
  const pid_t daemon = fs::exists(directory_ / ".kvmtest/kvmtestd.pid") ? daemon_pid() : 0;
  const std::string process = "/proc/" + std::to_string(daemon);
  const std::string network = process + "/root/run/kvmtest/networks/" + prefix_ + "net";
  std::error_code error;
  if (!fs::exists(network, error)) return words;
  std::vector<std::string> all{"nsenter", "--net=" + network};
  if (geteuid() != 0) all.insert(all.begin() + 1, {"--user=" + process + "/ns/user", "--preserve-credentials"});
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

nlohmann::json OnDomains::links() const {
  const Result shown = run(among_networks({"ip", "-j", "-d", "link", "show"}));
  auto links = nlohmann::json::parse(shown.output, nullptr, false);
  return links.is_array() ? links : nlohmann::json::array();
}

void OnDomains::kill_daemon() const {
  const pid_t daemon = daemon_pid();
  send_signal(parent_of(daemon), SIGKILL);
  send_signal(daemon, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !is_alive(daemon); }));
}

std::vector<std::string> OnDomains::bridges() const {
  std::set<std::string> out;
  if (alone_)
    for (const auto& entry : fs::directory_iterator("/sys/class/net"))
      if (entry.path().filename().string().starts_with(prefix_)) out.insert(entry.path().filename());
  const bool inside = among_networks({}) != std::vector<std::string>();
  const nlohmann::json all = inside ? links() : nlohmann::json::array();
  for (const auto& link : all)
    if (const std::string name = link.at("ifname"); name.starts_with(prefix_)) out.insert(name);
  return {out.begin(), out.end()};
}

}  // namespace kvmtest::testing
