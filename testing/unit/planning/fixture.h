#pragma once
// What the tests of planning share.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/input_error.h"
#include "suite/format.h"

namespace kvmtest::planning {

inline constexpr std::uint64_t mib = 1ULL << 20U;

inline suite::LoadedTest test(const std::string& name, std::vector<std::string> hosts) {
  suite::LoadedTest loaded;
  loaded.test.name = name;
  loaded.test.hosts = std::move(hosts);
  return loaded;
}

/// The words of the core::InputError that it throws.
template <class Function>
std::string error(Function function) {
  try {
    function();
  } catch (const core::InputError& caught) {
    return caught.what();
  }
  return "no error";
}

}  // namespace kvmtest::planning
