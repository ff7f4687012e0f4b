#pragma once
// What an attempt left in its directory (docs/operations.md). A file that is not there is empty.

#include <filesystem>
#include <string>
#include <vector>

#include "report/run_summary.h"

namespace kvmtest::command {

/// The files of `directory`, by name; none when there is no such directory.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory);

/// At most `limit` bytes of a file; of its end only, a line in front says how much is left out.
std::string first_bytes(const std::filesystem::path& file, std::streamoff limit);
std::string last_bytes(const std::filesystem::path& file, std::streamoff limit);

/// Every difference from what was expected, at most a MiB of each file.
std::string read_diff(const std::filesystem::path& directory);

/// The same of an attempt, for report::summary_text.
inline std::string read_differences(const report::Attempt& attempt) { return read_diff(attempt.output); }

/// The hosts whose consoles are there, by name, and where one is: clean, or every byte as it came.
std::vector<std::string> console_hosts(const std::filesystem::path& directory);
std::filesystem::path console_file(const std::filesystem::path& directory, const std::string& host, bool raw);
/// The hosts whose kernels said something, by name, and where that is.
std::vector<std::string> kernel_hosts(const std::filesystem::path& directory);
std::filesystem::path kernel_file(const std::filesystem::path& directory, const std::string& host);

}  // namespace kvmtest::command
