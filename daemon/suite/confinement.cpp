#include "suite/confinement.h"

namespace kvmtest::suite {

process::Confinement confinement_for(const settings::Settings& settings) {
  process::Confinement confinement;
  // Below /run are the sandbox' own files and libvirt's.
  confinement.hidden = {settings.state_dir, settings.state_dir.ram(), "/run/kvmtest", "/run/libvirt"};
  confinement.memory = settings.limits.program_memory;
  confinement.processes = settings.limits.program_processes;
  return confinement;
}

}  // namespace kvmtest::suite
