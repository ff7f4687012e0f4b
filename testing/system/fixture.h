#pragma once
// A state directory, a suite and a daemon of a test's own, on real domains. Whatever happens in the test, nothing of it
// is left: no daemon, no QEMU, no bridge, no file. Tests run side by side, but for what they would share: the machine's
// network, and the user's processes.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../send_signal.h"
#include "base/descriptor.h"
#include "process.h"

namespace kvmtest::testing {

/// -1: there is no such process.
pid_t parent_of(pid_t pid);

class OnDomains : public ::testing::Test {
 public:
  OnDomains();
  ~OnDomains() override;

 protected:
  /// Writes suite/NAME.test.
  void write_test(const std::string& name, const std::string& text) const;
  void write_file(const std::filesystem::path& relative, const std::string& text) const;
  [[nodiscard]] std::string read_file(const std::filesystem::path& path) const;

  /// A kvmtest command line on this state directory.
  [[nodiscard]] std::vector<std::string> kvmtest(std::vector<std::string> words) const;
  [[nodiscard]] std::vector<std::string> kvmsh(std::vector<std::string> words) const;
  [[nodiscard]] Result run_kvmtest(std::vector<std::string> words) const {
    return run(kvmtest(std::move(words)), directory_);
  }
  [[nodiscard]] Result run_kvmsh(std::vector<std::string> words) const {
    return run(kvmsh(std::move(words)), directory_);
  }

  /// The newest run, as `kvmtest results --json` gives it.
  [[nodiscard]] nlohmann::json results() const;
  /// Verdict by test name.
  [[nodiscard]] std::map<std::string, std::string> verdicts() const;

  /// Settings: whatever else this machine has to do, a test that shall fail does so, at once.
  static constexpr const char* never_starved = "load:\n  starved: 100%\n";

  /// Where kvmtest, kvmsh and kvmtestd are.
  static std::filesystem::path programs();
  /// Processes whose command line, a space between words, contains `text`.
  static std::vector<pid_t> processes_with(const std::string& text);
  /// QEMU processes of its prefixes and its daemon's, by guest name. Others may run tests beside.
  [[nodiscard]] std::map<std::string, pid_t> domains() const;
  /// Of the domain's QEMU; 0: there is none.
  [[nodiscard]] pid_t pid_of(const std::string& domain) const;
  /// Waits until `condition` holds; what it is about is seen in /proc or the file system, which nobody announces.
  static bool eventually(const std::function<bool()>& condition);
  /// An ordinary user, who has no account.
  static constexpr uid_t user = 54321;
  /// The command, run as that user. As root.
  static std::vector<std::string> with_user(std::vector<std::string> words);
  /// Whether that user may make a user namespace, which nobody may in a chroot. As root.
  static bool user_makes_namespaces();
  /// Makes all this that user's: the directory, a guest in it, and /dev/net/tun, until the end. As root. Waits while
  /// another test does so.
  void give_to_user();
  [[nodiscard]] pid_t daemon_pid() const;
  /// Kills all processes of the daemon at the same moment, and waits until they are gone.
  void kill_daemon() const;
  /// The daemon makes no namespaces: bridges are the machine's, and domains outlive a daemon that is killed. False:
  /// that takes root, which this process is not. Waits until this is the only test.
  [[nodiscard]] bool use_network_of_host() const;
  /// The daemon's directory in RAM; empty: it has none.
  [[nodiscard]] std::filesystem::path ram() const;
  /// A command where the networks of prefix_ are: in the daemon's namespace of that prefix, or on the machine where the
  /// daemon has none.
  [[nodiscard]] std::vector<std::string> among_networks(std::vector<std::string> words) const;
  /// What `ip -j link show` says there.
  [[nodiscard]] nlohmann::json links() const;
  /// Bridges whose name begins with the prefix: the daemon's, and the machine's where that is this test's alone.
  [[nodiscard]] std::vector<std::string> bridges() const;

  std::filesystem::path directory_;  ///< project, suite and state
  std::string prefix_ = "t1.";
  std::string prefixes_ = "t1.";

 private:
  std::optional<mode_t> tun_mode_{};  ///< as it was
  base::Descriptor network_lock_;
  base::Descriptor user_lock_{};
  mutable bool alone_ = false;  ///< on the machine's network
};

}  // namespace kvmtest::testing
