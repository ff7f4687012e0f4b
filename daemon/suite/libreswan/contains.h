#pragma once
// C++23's std::string_view::contains.

#include <string_view>

namespace kvmtest::suite::libreswan {

inline bool contains(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

}  // namespace kvmtest::suite::libreswan
