#include "core/verdict.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kvmtest::core {
namespace {
constexpr std::array<std::pair<Verdict, std::string_view>, 5> words{{
    {Verdict::passed, "passed"},
    {Verdict::failed, "failed"},
    {Verdict::unresolved, "unresolved"},
    {Verdict::untested, "untested"},
    {Verdict::unsupported, "unsupported"},
}};

int weight(Verdict v) {
  switch (v) {
    case Verdict::passed: return 0;
    case Verdict::unsupported: return 1;
    case Verdict::failed: return 2;
    case Verdict::unresolved: return 3;
    case Verdict::untested: return 4;
  }
  return 4;
}
}  // namespace

std::string_view to_string(Verdict verdict) {
  for (const auto& [v, word] : words)
    if (v == verdict) return word;
  return "unknown";
}

std::optional<Verdict> verdict_from(std::string_view word) {
  for (const auto& [v, w] : words)
    if (w == word) return v;
  return std::nullopt;
}

bool is_hosts_fault(const std::vector<Issue>& issues) {
  return std::any_of(issues.begin(), issues.end(),
                     [](const Issue& each) { return each.name == issue::host_fault || each.name == issue::starved; });
}

std::string_view to_string(KernelWarnings warnings) {
  if (warnings == KernelWarnings::fail) return "fail";
  return warnings == KernelWarnings::ignore ? "ignore" : "tell";
}

std::optional<KernelWarnings> kernel_warnings_from(std::string_view word) {
  for (const auto known : {KernelWarnings::tell, KernelWarnings::fail, KernelWarnings::ignore})
    if (word == to_string(known)) return known;
  return std::nullopt;
}

Verdict worse(Verdict a, Verdict b) { return weight(a) < weight(b) ? b : a; }

}  // namespace kvmtest::core
