#pragma once
// What a test directory's scripts say: which guests, which commands, in which order. Reads files; any thread.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "suite/libreswan/checkout.h"

namespace kvmtest::suite::libreswan {

/// One line of a script.
struct Command {
  const Guest* guest = nullptr;  ///< in Script::guests; null: a comment for no guest in particular
  std::string line;
  std::string file;     ///< name within the test's directory
  unsigned number = 0;  ///< in that file, from 1

  /// Written into the output, not typed.
  [[nodiscard]] bool is_comment() const { return guest == nullptr || line.starts_with('#'); }
};

/// Not to be copied or moved: its commands point into it.
struct Script {
  Script() = default;
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  Script(Script&&) = delete;
  Script& operator=(Script&&) = delete;
  ~Script() = default;

  std::vector<Guest> guests;  ///< sorted by name
  std::vector<Command> commands;
};

/// Reads the scripts of `directory` into the empty `script`. `label` is the directory in messages. Throws
/// core::InputError, "file:line: message" where there is one: no scripts, two all.*.sh, a host that the file's name
/// does not have, a file that cannot be read.
void read_scripts(const std::filesystem::path& directory, const std::filesystem::path& label, const Checkout& checkout,
                  Script& script);

/// The lines of an all.*.sh: "host# command", "# comment", "final# command"; others are dropped. `script` must have
/// its guests. Throws core::InputError "label:line: message". Pure.
void read_merged_script(std::string_view text, const std::string& file, const std::filesystem::path& label,
                        Script& script);

}  // namespace kvmtest::suite::libreswan
