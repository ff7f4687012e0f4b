#pragma once
// OUTPUT directories that exist already, to be judged again. Reads files; any thread.

#include <filesystem>
#include <string>
#include <vector>

#include "suite/filter.h"
#include "suite/format.h"
#include "suite/libreswan/output_judge.h"
#include "suite/libreswan/result_files.h"

namespace kvmtest::suite::libreswan {

struct KnownOutput {
  JudgedTest test;
  std::filesystem::path output;  ///< without links, but for its last component; may not exist: the test was not run
  std::string shown;             ///< the test's directory, or the output's where that was named
  std::shared_ptr<const Sanitizer> sanitizer;
  std::string obstacle{};  ///< why the test cannot be judged; empty: it can
};

struct FoundOutputs {
  std::vector<KnownOutput> outputs{};
  std::vector<Ignored> ignored{};          ///< tests that the filter leaves out
  std::vector<std::string> passed_over{};  ///< saved outputs of tests that the checkout does not have, a line each
};

/// Whether one of the words names what find_outputs() knows: anything but a bare name.
bool names_outputs(const std::vector<std::string>& words, const std::filesystem::path& base);

/// The outputs that `paths` mean: a checkout or list (each of its tests), a test directory, an OUTPUT directory of one,
/// a saved output called after its test (NAME, NAME/OUTPUT, NAME/DATE), and a directory of such. The tests of saved
/// outputs are looked for in the checkout around them, or around `base`. `confinement`: of their sanitizers. Throws
/// core::InputError.
FoundOutputs find_outputs(const std::vector<std::string>& paths, const std::filesystem::path& base,
                          const std::filesystem::path& cache, const Filter& filter,
                          const process::Confinement& confinement = {});

/// Judges all of them, on as many threads as there are cores; results are in the order given.
std::vector<OutputJudgement> judge_outputs(const std::vector<KnownOutput>& outputs, Unstored unstored);

}  // namespace kvmtest::suite::libreswan
