#include "ssh/keys.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <libssh/libssh.h>
#include <sys/stat.h>

#include "ssh/key_handle.h"

namespace kvmtest::ssh {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw std::runtime_error("the SSH key " + file.string() + ": " + why);
}

/// Null: there is none of ours.
Key read(const fs::path& file) {
  ssh_key raw = nullptr;
  return ssh_pki_import_privkey_file(file.c_str(), nullptr, nullptr, nullptr, &raw) == SSH_OK ? Key(raw) : nullptr;
}

/// Complete or not there at all, whatever ends this process.
Key make(const fs::path& file) {
  ssh_key raw = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &raw) != SSH_OK) fail(file, "cannot be made");
  Key key(raw);
  const fs::path unfinished = file.string() + ".new";
  const mode_t mask = umask(077);
  const bool written = ssh_pki_export_privkey_file(key.get(), nullptr, nullptr, nullptr, unfinished.c_str()) == SSH_OK;
  umask(mask);
  std::error_code error;
  if (!written) fail(file, "cannot be written");
  fs::rename(unfinished, file, error);
  if (error) fail(file, error.message());
  return key;
}

}  // namespace

std::string make_keys(const fs::path& file) {
  if (mkdir(file.parent_path().c_str(), 0700) != 0 && errno != EEXIST) fail(file, std::strerror(errno));
  Key key = read(file);
  if (!key) key = make(file);
  std::string line = public_line(key.get());
  if (line.empty()) fail(file, "has no public key");
  line += " kvmtest";
  std::ofstream out(file.string() + ".pub");
  if (!(out << line << '\n').flush()) fail(file, std::strerror(errno));
  return line;
}

}  // namespace kvmtest::ssh
