#pragma once
// What a person is told of an exception. Any thread.

#include <exception>
#include <new>
#include <string>

namespace kvmtest::base {

/// One line: what() of it, but for those that say nothing by it.
inline std::string words(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) return "there is no memory left";
  return e.what();
}

}  // namespace kvmtest::base
