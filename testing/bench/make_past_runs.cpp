// Makes a database of past runs to look at with kvmtest: make_past_runs DIRECTORY [RUNS [TESTS]], then
// kvmtest history --state-dir DIRECTORY.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "bench/past_runs.h"

int main(int argc, char** argv) {
  kvmtest::bench::PastRuns size;
  if (argc > 2) size.runs = static_cast<unsigned>(std::atoi(argv[2]));
  if (argc > 3) size.tests = static_cast<unsigned>(std::atoi(argv[3]));
  if (argc < 2 || argc > 4 || size.runs == 0 || size.tests == 0) {
    std::fprintf(stderr, "make_past_runs: say DIRECTORY [RUNS [TESTS]]\n");
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  if (std::filesystem::exists(directory / "kvmtest.db")) {
    std::fprintf(stderr, "make_past_runs: %s: holds a database already\n", directory.c_str());
    return 2;
  }
  try {
    std::filesystem::create_directories(directory);
    kvmtest::bench::write_past_runs(directory / "kvmtest.db", size);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "make_past_runs: %s\n", e.what());
    return 3;
  }
}
