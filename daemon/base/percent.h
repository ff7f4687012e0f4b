#pragma once
// Percent-encoding of URIs (RFC 3986, 2.1). Pure; any thread.

#include <string>
#include <string_view>

namespace kvmtest::base {

/// Every byte but unreserved characters and those of `plain` as %XX: as part of a query, or with plain "/" as a path.
std::string percent_encoded(std::string_view text, std::string_view plain = {});

/// The bytes that were encoded. A % without two hexadecimal digits behind it stands for itself.
std::string percent_decoded(std::string_view text);

}  // namespace kvmtest::base
