#include "kvmtest/pager.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include <unistd.h>

#include "kvmtest/display.h"
#include "process/run.h"

namespace kvmtest::command {
namespace {

/// Empty: none is wanted, or there is none.
std::string pager_command() {
  if (!can_draw()) return {};
  const char* wanted = std::getenv("PAGER");
  const std::string command = wanted != nullptr ? wanted : process::find_program("less").empty() ? "" : "less";
  return command == "cat" ? "" : command;
}

}  // namespace

Pager::Pager() {
  const std::string command = pager_command();
  if (command.empty()) return;
  std::cout.flush();
  // Colors pass, lines that fit on a screen stay there. Who has set LESS knows better.
  setenv("LESS", "FRX", 0);
  // What it inherits: a pager that is left ends what writes to it.
  std::signal(SIGPIPE, SIG_DFL);
  pager_ = popen(command.c_str(), "we");
  std::signal(SIGPIPE, SIG_IGN);
  if (pager_ == nullptr) return;
  // Control-C is for the pager, which stays: so do we.
  std::signal(SIGINT, SIG_IGN);
  dup2(fileno(pager_), STDOUT_FILENO);
}

Pager::~Pager() {
  if (pager_ == nullptr) return;
  std::cout.flush();
  close(STDOUT_FILENO);
  pclose(pager_);
}

}  // namespace kvmtest::command
