#include "process/limits.h"

#include "process/after_fork.h"

namespace kvmtest::process {
namespace {

rlimit before{};  ///< rlim_max of 0: the limit is as it was

}  // namespace

void allow_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) before = {};
}

void restore_open_files() {
  if (before.rlim_max != 0) setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace kvmtest::process
