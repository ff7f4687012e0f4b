#pragma once
// What the commands write is shown as text, whoever had a say in it: other users, guests, suites, libvirt.

#include <memory>
#include <ostream>

namespace kvmtest::client {

/// While it exists, control characters and whatever else a terminal might act on reach neither standard output nor
/// standard error: they are written as escapes (report::escaped). Line feeds and tabs stay, and on standard output the
/// sequences that choose colors. The main thread's.
class PlainOutput {
 public:
  PlainOutput();
  PlainOutput(const PlainOutput&) = delete;
  PlainOutput& operator=(const PlainOutput&) = delete;
  ~PlainOutput();

 private:
  class Filter;
  std::unique_ptr<Filter> output_;
  std::unique_ptr<Filter> errors_;
};

/// Standard output without that: for bytes that a user asked for as they are, and for what moves a terminal's cursor.
/// Any thread.
std::ostream& raw_output();

}  // namespace kvmtest::client
