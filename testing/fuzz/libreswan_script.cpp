// libreswan's scripts for all guests, all.*.sh.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/input_error.h"
#include "suite/libreswan/scripts.h"

using namespace kvmtest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  suite::libreswan::Script script;
  script.guests = {{"linuxeast", "east", "linux"}, {"netbsdrise", "rise", "netbsd"}};
  try {
    suite::libreswan::read_merged_script(text, "all.sh", "all.sh", script);
    for (const auto& command : script.commands) {
      if (command.number == 0 || command.line.find('\n') != std::string::npos) std::abort();
      if (command.guest == nullptr && !command.line.starts_with("# ")) std::abort();
    }
  } catch (const core::InputError& error) {
    if (!std::string_view(error.what()).starts_with("all.sh:")) std::abort();
  }
  return 0;
}
