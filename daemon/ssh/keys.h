#pragma once
// The daemon's own key, by which guests let it and its user in.

#include <filesystem>
#include <string>

namespace kvmtest::ssh {

/// Makes a pair of keys (Ed25519), unless it is there: the private one in that file, without a passphrase, as OpenSSH
/// has it, the public one in a file .pub beside it, both in a directory that is its owner's alone. Returns the public
/// key, a line. Throws std::runtime_error, one line. One thread at a time.
std::string make_keys(const std::filesystem::path& file);

}  // namespace kvmtest::ssh
