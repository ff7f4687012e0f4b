#pragma once
// Lines and words of the texts that formats read. Pure; any thread. Internal to suite/.

#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::suite {

/// The words of a text, separated by blanks.
std::vector<std::string> words(std::string_view text);
/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);
/// Separated by one blank.
std::string joined(const std::vector<std::string>& names);

/// Takes the next line off `text`, without LF or CR LF.
std::string_view take_line(std::string_view& text);

}  // namespace kvmtest::suite
