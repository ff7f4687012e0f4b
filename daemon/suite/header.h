#pragma once
// The header that files of several formats share: comment lines "key: value" at their top. Pure; any thread. Internal
// to suite/.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "suite/test.h"

namespace kvmtest::suite {

/// Reads header lines into a test.
class Header {
 public:
  /// What is done with a key that is none.
  enum class Unknown {
    refused,  ///< whatever looks like a key must be one
    text,     ///< free text, unless a single letter is wrong
  };
  /// `label`: the file, in messages. Hosts outside `known_hosts` are an error, unless that is null.
  Header(Test& test, const std::set<std::string>* known_hosts, std::string label, Unknown unknown = Unknown::refused)
      : test_(test), known_hosts_(known_hosts), label_(std::move(label)), unknown_(unknown) {}

  /// Takes in one line, without what marks it as a comment. False: it is free text. Throws core::InputError
  /// "file:line: message".
  bool read(std::string_view text, unsigned line);
  /// Reads hosts as after "hosts:". Throws core::InputError.
  void read_hosts(std::string_view value, unsigned line);

 private:
  [[noreturn]] void fail(unsigned line, const std::string& message) const;
  [[nodiscard]] std::string origin(std::string_view key, unsigned line) const;
  void take(const std::string& key, std::string_view value, unsigned line);

  Test& test_;
  const std::set<std::string>* known_hosts_;
  std::string label_;
  Unknown unknown_;
  std::map<std::string, unsigned> seen_;
};

/// "hosts" of "hosts: east"; empty when the text is free.
std::string header_key(std::string_view text);
/// Whether it is one that a header may have.
bool is_header_key(const std::string& key);

}  // namespace kvmtest::suite
