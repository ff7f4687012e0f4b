#pragma once
// What is said of an attempt in the end. The words are those of POSIX test tools and of libreswan's result pages.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmtest::core {

enum class Verdict { passed, failed, unresolved, untested, unsupported };

/// The word users see; the inverse of verdict_from.
std::string_view to_string(Verdict verdict);
/// The verdict of that word, or nothing.
std::optional<Verdict> verdict_from(std::string_view word);

/// Names of the issues that the scheduler itself finds.
namespace issue {
inline constexpr const char* host_fault = "HOST-FAULT";
inline constexpr const char* boot_failed = "BOOT-FAILED";
inline constexpr const char* starved = "STARVED";
}  // namespace issue

/// One reason for a verdict, on one host ("" when it concerns the whole test).
struct Issue {
  std::string host;
  std::string name;    ///< TIMEOUT, EOF, output-different, status-different, HOST-FAULT, …
  std::string detail;  ///< one line for a person; may be empty
  friend bool operator==(const Issue&, const Issue&) = default;
};

/// Whether the host is to blame for what came of an attempt with these issues: it says nothing of its test.
bool is_hosts_fault(const std::vector<Issue>& issues);

/// One of the results that a test itself tells apart, as a program does in TAP.
struct Point {
  unsigned number = 0;
  std::string description{};
  std::string result{};   ///< ok, not ok, skip, todo, xfail, xpass, timeout, error; missing: there was none
  std::string reason{};   ///< why, in the test's words
  unsigned level = 0;     ///< 0 of the test itself, 1 of a point's parts, which follow it, and so on
  std::string details{};  ///< a YAML document of the test's own, or empty
  std::string notes{};    ///< lines that the test printed about it
  friend bool operator==(const Point&, const Point&) = default;
};

/// What a kernel's warnings mean for the test during which it gave them.
enum class KernelWarnings {
  tell,    ///< they are told, and the verdict stands
  fail,    ///< the test has failed
  ignore,  ///< nothing; what the kernel said is kept all the same
};
std::string_view to_string(KernelWarnings warnings);
/// The inverse, or nothing.
std::optional<KernelWarnings> kernel_warnings_from(std::string_view word);

/// Folds a further issue's verdict into one so far: unresolved wins over failed, failed over passed.
Verdict worse(Verdict a, Verdict b);

}  // namespace kvmtest::core
