#pragma once
// The daemon's own key, by which guests let it and its user in.

#include <filesystem>
#include <string>

namespace kvmtest::ssh {

/// Makes a pair of keys (Ed25519) in that directory, its owner's alone, unless it is there: id_ed25519, without a
/// passphrase, as OpenSSH has it, and id_ed25519.pub. Returns the public key, a line. Throws std::runtime_error, one
/// line. Before others use the directory.
std::string make_keys(const std::filesystem::path& directory);

}  // namespace kvmtest::ssh
