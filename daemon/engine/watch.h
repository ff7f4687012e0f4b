#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "console/live_text.h"

namespace kvmtest::engine {

/// A console at which a test is running, for somebody who watches or even types.
struct Watch {
  std::string test;
  std::shared_ptr<console::LiveText> text;
  /// Types into it; the log tells once that somebody does. Throws Closed, Interrupted.
  std::function<void(std::string_view)> type;
};

}  // namespace kvmtest::engine
