// kvmtest-qemu: what libvirt starts in an emulator's place (sandbox/emulator.h).

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unistd.h>

#include "sandbox/emulator.h"

int main(int argc, char** argv) {
  namespace sandbox = kvmtest::sandbox;
  std::string emulator = argc > 0 ? sandbox::emulator_of(argv[0]).string() : std::string();
  if (emulator.empty()) {
    std::fputs("kvmtest-qemu: libvirt starts this in the place of QEMU for kvmtestd\n", stderr);
    return 2;
  }
  if (const char* files = std::getenv(sandbox::emulator_files)) {
    const int error = sandbox::enter_emulators_view(sandbox::files_from(files));
    if (error != 0) {
      std::fprintf(stderr, "kvmtest-qemu: QEMU's view of the file system: %s\n", std::strerror(error));
      return 1;
    }
    unsetenv(sandbox::emulator_files);
  }
  argv[0] = emulator.data();  // what ps(1) shows
  execv(emulator.c_str(), argv);
  std::fprintf(stderr, "kvmtest-qemu: %s: %s\n", emulator.c_str(), std::strerror(errno));
  return 1;
}
