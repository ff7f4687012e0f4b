#pragma once
// What is wrong by a guest's HOST.pluto.log, however long that is. Any thread.

#include <cstdint>

namespace kvmtest::suite::libreswan {

/// Bytes of a log that are looked at.
inline constexpr std::uint64_t largest_log = 64U << 20U;

struct LogFindings {
  bool assertion = false;
  bool expectation = false;
  bool printf_null = false;
  bool control = false;  ///< a byte that is neither printable ASCII nor a line feed
  bool leak = false;
  bool whole = true;  ///< false: it goes on after largest_log bytes
};

/// Reads the file of a descriptor from where it stands, a piece at a time. Throws std::system_error.
LogFindings scan_log(int file);

}  // namespace kvmtest::suite::libreswan
