#include "sandbox/network_namespaces.h"

#include <cerrno>
#include <fstream>

#include <sched.h>
#include <sys/mount.h>

#include "sandbox/loopback.h"
#include "sandbox/mounts.h"
#include "sandbox/system_calls.h"

namespace kvmtest::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr const char* own_network = "/proc/thread-self/ns/net";

/// The calling thread is elsewhere until this goes.
class Excursion {
 public:
  Excursion() : home_(opened(own_network, O_RDONLY)) {}
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;
  ~Excursion() {
    // It has just been there, with the same rights.
    [[maybe_unused]] const int result = setns(home_.number(), CLONE_NEWNET);
  }

 private:
  const base::Descriptor home_;
};

fs::path file_of(const std::string& prefix, const char* kind) {
  return fs::path(own_directory) / "networks" / (prefix + kind);
}

/// Makes a namespace, and shows it at that path: who is in the daemon's mount namespace finds it there.
base::Descriptor make(const fs::path& path) {
  const Excursion excursion;
  if (unshare(CLONE_NEWNET) != 0) fail(errno, "no network namespace for a prefix");
  if (const int error = set_loopback_up(); error != 0)
    fail(error, "the loopback device of a prefix' network namespace");
  fs::create_directories(path.parent_path());
  opened(path, O_WRONLY | O_CREAT);
  if (mount(own_network, path.c_str(), nullptr, MS_BIND, nullptr) != 0) fail(errno, path);
  return opened(own_network, O_RDONLY);
}

}  // namespace

fs::path network_of(const std::string& prefix) { return file_of(prefix, "net"); }

fs::path names_of(const std::string& prefix) { return file_of(prefix, "hosts"); }

void write_names(const std::string& prefix, const std::string& lines) {
  const fs::path file = names_of(prefix);
  std::ofstream out(file);
  out << lines << std::ifstream("/etc/hosts").rdbuf();
  out.close();
  std::error_code ignored;
  fs::permissions(file, static_cast<fs::perms>(0644), ignored);
}

std::shared_ptr<void> NetworkNamespaces::within(const std::string& prefix) {
  const int number = number_of(prefix);
  auto excursion = std::make_shared<Excursion>();
  if (setns(number, CLONE_NEWNET) != 0) fail(errno, network_of(prefix));
  return excursion;
}

int NetworkNamespaces::number_of(const std::string& prefix) {
  const base::Lock lock(mutex_);
  const auto found = made_.find(prefix);
  if (found != made_.end()) return found->second.number();
  return made_.emplace(prefix, make(network_of(prefix))).first->second.number();
}

}  // namespace kvmtest::sandbox
