#include "core/input_text.h"

#include <algorithm>
#include <string>

#include "core/input_error.h"

namespace kvmtest::core {
namespace {

/// By its byte order mark, or by the zeros of its first character: those of these files are ASCII.
bool is_utf16(std::string_view text) {
  if (text.size() < 2) return false;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  return (text[0] == '\0') != (text[1] == '\0');
}

}  // namespace

void check_text(std::string_view text, const std::filesystem::path& label, LineEnds ends) {
  const std::string file = "'" + label.string() + "'";
  if (is_utf16(text)) throw InputError({label}, "is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8 " + file);
  if (text.starts_with("\xef\xbb\xbf"))
    throw InputError({label, 1}, "begins with a byte order mark; take it away: sed -i '1s/^\\xef\\xbb\\xbf//' " + file);
  const auto at = text.find("\r\n");
  if (at == std::string_view::npos || ends == LineEnds::any) return;
  const auto line =
      static_cast<unsigned>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  throw InputError({label, line + 1}, "ends in CR LF; make that LF: sed -i 's/\\r$//' " + file);
}

}  // namespace kvmtest::core
