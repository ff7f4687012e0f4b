#pragma once
// Network namespaces of the daemon's, one for each prefix: its bridges are there, and its QEMUs, and whoever speaks
// with its domains. So the same addresses may be in each.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/descriptor.h"
#include "base/mutex.h"

namespace kvmtest::sandbox {

/// Where a namespace is found by who has entered the daemon's other ones (sandbox/join.h), and the file with the names
/// of its hosts.
std::filesystem::path network_of(const std::string& prefix);
std::filesystem::path names_of(const std::string& prefix);
/// Writes that file: `lines` as those of /etc/hosts, and then the machine's own. That it cannot be written is told to
/// nobody: there are no names then.
void write_names(const std::string& prefix, const std::string& lines);

/// Any thread. The namespaces stay until the daemon ends.
class NetworkNamespaces {
 public:
  NetworkNamespaces() = default;
  NetworkNamespaces(const NetworkNamespaces&) = delete;
  NetworkNamespaces& operator=(const NetworkNamespaces&) = delete;

  /// The calling thread, and what it starts, is in the prefix' namespace until the pointer goes, which is to go on the
  /// same thread. Made when it is wanted first. Throws std::system_error.
  std::shared_ptr<void> within(const std::string& prefix);

 private:
  int number_of(const std::string& prefix);

  base::Mutex mutex_;
  std::map<std::string, base::Descriptor> made_ GUARDED_BY(mutex_);
};

}  // namespace kvmtest::sandbox
