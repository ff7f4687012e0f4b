#pragma once

#include <string>

#include "core/actions.h"
#include "core/time.h"

namespace kvmtest::engine {

/// What a domain's last reset took; for doctor.
struct ResetTimes {
  core::Method method = core::Method::boot;
  core::Duration total{};
  core::Duration boot{};
  core::Duration login{};
  core::Duration save{};
  core::Duration load{};
  core::Duration verify{};
  std::string note{};  ///< why the state was not saved
};

}  // namespace kvmtest::engine
