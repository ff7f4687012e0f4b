#pragma once
// What a program of somebody else's is kept from: files, all processes but its own, and more of the machine than its
// share.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace kvmtest::process {

/// The program runs with no rights but to files of other users, to other users' ids, and to raw sockets, none of which
/// it gets back (capabilities(7)). It sees its own processes alone, with the first one of its PID namespace, which it
/// cannot end. This takes CAP_SYS_ADMIN: see can_confine(). Without it, only `memory` counts.
struct Confinement {
  struct Shown {
    std::filesystem::path what;   ///< a directory or a file, looked up before anything is hidden; must be there
    std::filesystem::path where;  ///< absolute
    bool to_read = false;         ///< and not to write
  };
  /// Directories that are empty and read-only in its eyes, but for what is shown. Those that are not there do not
  /// matter.
  std::vector<std::filesystem::path> hidden{};
  std::vector<Shown> shown{};
  std::uint64_t memory = 0;  ///< bytes of address space that each of its processes may have; 0: no limit
  /// Processes and threads at a time; 0: no limit. With Linux 6.14 the program's own are counted. Before, all of its
  /// user's in the user namespace are, and those of the machine's root not at all (RLIMIT_NPROC).
  unsigned processes = 0;
};

/// Whether this process may make the namespaces that a confinement needs. Any thread.
bool can_confine();

/// For this process itself, in a mount namespace that it has of its own, with the rights for it and one thread: hides
/// and shows what `files` says, and makes all else read-only. Nothing else of it counts. Returns an errno, 0: done.
int see_no_more_than(const Confinement& files);

}  // namespace kvmtest::process
