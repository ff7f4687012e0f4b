#pragma once
// libssh's keys, which free themselves, and how they are written.

#include <memory>
#include <string>
#include <type_traits>

#include <libssh/libssh.h>

namespace kvmtest::ssh {

struct KeyDeleter {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyDeleter>;

/// The public key, "TYPE BASE64"; empty: it has none.
inline std::string public_line(ssh_key key) {
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK) return {};
  std::string line = std::string(ssh_key_type_to_char(ssh_key_type(key))) + ' ' + text;
  ssh_string_free_char(text);
  return line;
}

}  // namespace kvmtest::ssh
