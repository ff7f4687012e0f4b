#pragma once
// What judging one attempt gives, whatever the format of the test. Pure data.

#include <map>
#include <string>
#include <vector>

#include "core/verdict.h"

namespace kvmtest::judge {

struct Judgement {
  core::Verdict verdict = core::Verdict::passed;
  std::vector<core::Issue> issues;
  std::string diff;                          ///< unified, expected to actual; `patch -p1` applies it; empty when equal
  std::map<std::string, std::string> clean;  ///< by host: its commands and their output, printable
  std::string transcript;                    ///< all hosts' commands and output in the order they were run
  std::vector<core::Point> points;           ///< of a program that prints TAP
};

/// The names of issues that judges give. Each has one verdict.
namespace issue {
inline constexpr const char* output_different = "output-different";    ///< failed
inline constexpr const char* output_whitespace = "output-whitespace";  ///< failed; differs in white space alone
inline constexpr const char* output_truncated = "output-truncated";    ///< failed; more than is kept, or compared
inline constexpr const char* status_different = "status-different";    ///< failed
inline constexpr const char* timeout = "TIMEOUT";                      ///< failed
inline constexpr const char* panic = "PANIC";                          ///< failed; the guest's kernel panicked
inline constexpr const char* eof = "EOF";                              ///< unresolved; the console closed
inline constexpr const char* shell_ended = "shell-ended";              ///< failed; a command ended the console's shell
inline constexpr const char* not_rebooted =
    "not-rebooted";                                        ///< failed; a machine did not restart, or not come up again
inline constexpr const char* unsupported = "unsupported";  ///< unsupported; a requires step failed
inline constexpr const char* point_failed = "point-failed";      ///< failed; a program's TAP says not ok
inline constexpr const char* tap_invalid = "tap-invalid";        ///< failed; plan and points do not fit, or no plan
inline constexpr const char* bailed_out = "bailed-out";          ///< failed; TAP's Bail out!
inline constexpr const char* signal = "signal";                  ///< failed; a signal ended a program
inline constexpr const char* not_started = "not-started";        ///< unresolved; a program could not be started
inline constexpr const char* kernel_warning = "kernel-warning";  ///< failed, or only told: see core::KernelWarnings
inline constexpr const char* missing = "output-missing";         ///< unresolved; a step has no result, for no reason
}  // namespace issue

/// The verdict that one issue of this name makes by itself; failed for a name not listed above.
core::Verdict verdict_of(const std::string& issue_name);
/// All issues folded; passed when there are none, unsupported when that is all there is to say.
core::Verdict fold(const std::vector<core::Issue>& issues);

}  // namespace kvmtest::judge
