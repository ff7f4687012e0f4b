#include "judge/judgement.h"

namespace kvmtest::judge {

core::Verdict verdict_of(const std::string& issue_name) {
  for (const char* open : {issue::eof, issue::missing, issue::not_started})
    if (issue_name == open) return core::Verdict::unresolved;
  if (issue_name == issue::unsupported) return core::Verdict::unsupported;
  return core::Verdict::failed;
}

core::Verdict fold(const std::vector<core::Issue>& issues) {
  core::Verdict verdict = core::Verdict::passed;
  for (const core::Issue& issue : issues) verdict = core::worse(verdict, verdict_of(issue.name));
  return verdict;
}

}  // namespace kvmtest::judge
