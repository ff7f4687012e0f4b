#pragma once
// What an attempt left in its directory (docs/operations.md). A test's program may have written there, too: only plain
// files are read, no link is followed, and nothing is read without a bound. A file that is not there is empty.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "report/run_summary.h"

namespace kvmtest::command {

/// The plain files of `directory`, by name; none when there is no such directory.
std::vector<std::string> files_in(const std::filesystem::path& directory);

/// At most `limit` bytes of a file; of its end only, a line in front says how much is left out.
std::string first_bytes(const std::filesystem::path& directory, const std::string& name, std::size_t limit);
std::string last_bytes(const std::filesystem::path& directory, const std::string& name, std::size_t limit);

/// A file's JSON; a discarded value when there is none that can be read.
nlohmann::json json_in(const std::filesystem::path& directory, const std::string& name);

/// Calls `take` for a file's bytes, a piece at a time, which ends with a line where lines are shorter than a piece.
/// Throws base::FileError when it cannot be read.
void each_piece(const std::filesystem::path& directory, const std::string& name,
                const std::function<void(std::string_view)>& take);

/// Every difference from what was expected, at most a MiB of each file.
std::string read_diff(const std::filesystem::path& directory);

/// The same of an attempt, for report::summary_text.
inline std::string read_differences(const report::Attempt& attempt) { return read_diff(attempt.output); }

/// The hosts whose consoles are there, by name, and what its file is called: clean, or every byte as it came.
std::vector<std::string> console_hosts(const std::filesystem::path& directory);
std::string console_file(const std::string& host, bool raw);
/// The hosts whose kernels said something, by name, and what that file is called.
std::vector<std::string> kernel_hosts(const std::filesystem::path& directory);
std::string kernel_file(const std::string& host);

}  // namespace kvmtest::command
