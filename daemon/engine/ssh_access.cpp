#include "engine/ssh_access.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "base/quoting.h"

namespace kvmtest::engine {

std::string letting_in(const std::string& key) {
  // Servers are found whatever the user's PATH. sshd(8) wants directory and file closed to others. The shell does by
  // itself what it can, for each program that is started takes an emulated guest 10 ms.
  return fmt::format(
      "( PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; command -v sshd || command -v dropbear ) >/dev/null 2>&1 && "
      "( umask 077; [ -d ~/.ssh ] || mkdir ~/.ssh; echo {} >>~/.ssh/authorized_keys; "
      "for f in /etc/ssh/ssh_host_*_key.pub /etc/dropbear/*_host_key.pub; do [ ! -r \"$f\" ] || while read -r k; do "
      "echo \"$k\"; done <\"$f\"; done ) 2>/dev/null",
      base::shell_quoted(key));
}

std::string host_keys_in(const std::string& output) {
  std::string keys;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    // "TYPE BASE64 comment": the comment is of no use.
    std::istringstream words(line);
    std::string type;
    std::string key;
    words >> type >> key;
    const bool known = type.starts_with("ssh-") || type.starts_with("ecdsa-") || type.starts_with("sk-");
    const bool plain = std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' || c == '\r'; });
    if (known && plain && key.starts_with("AAAA")) keys += type + ' ' + key + '\n';
  }
  return keys;
}

std::string let_in(console::Session& session, const std::string& key, console::GuestDeadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - session.now());
  const auto result = session.run(letting_in(key), std::max(left, std::chrono::microseconds(0)));
  if (result.closed) throw console::Closed();
  return host_keys_in(result.output);
}

}  // namespace kvmtest::engine
