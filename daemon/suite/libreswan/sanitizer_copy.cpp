#include "suite/libreswan/sanitizer_copy.h"

#include <cerrno>
#include <exception>

#include "base/digest.h"
#include "suite/libreswan/beneath.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;
using base::FileError;
using base::OpenDirectory;

// Libreswan's are 36 files of 80 KiB together.
constexpr std::size_t largest_script = 1U << 20U;
constexpr std::size_t most_scripts = 1000;
constexpr std::size_t largest_copy = 16U << 20U;

const char* const program_name = "utils/sanitizer.sh";
const char* const parameters_name = "testparams.sh";

}  // namespace

SanitizerParameters read_parameters(const fs::path& testing, const fs::path& test) {
  SanitizerParameters parameters{test.filename()};
  try {
    parameters.text = read_beneath(testing, test / parameters_name, largest_script);
  } catch (const std::exception& error) {
    parameters.obstacle = error.what();
  }
  return parameters;
}

SanitizerCopy::SanitizerCopy(const fs::path& testing) {
  try {
    read(testing);
  } catch (const std::exception& error) {
    obstacle_ = error.what();
    files_.clear();
  }
  base::Digest digest;
  for (const auto& [file, text] : files_)
    for (const std::string& part : {file, text}) digest.add(std::to_string(part.size()) + ":" + part);
  key_ = digest.text();
}

void SanitizerCopy::read(const fs::path& testing) {
  for (const char* file : {program_name, "default-testparams.sh"}) add(testing, file);
  if (!files_.contains(program_name)) throw FileError(ENOENT, testing / program_name);
  const fs::path scripts = "sanitizers";
  std::error_code error;
  const fs::path real = fs::canonical(testing / scripts, error);
  if (error) return;  // the program says what it misses
  for (const auto& entry : open_unlinked(real).list(most_scripts))
    if (entry.kind != OpenDirectory::Kind::directory) add(testing, scripts / entry.name);
}

void SanitizerCopy::add(const fs::path& testing, const fs::path& file) {
  auto text = read_beneath(testing, testing / file, largest_script);
  if (!text) return;
  std::size_t size = text->size();
  for (const auto& [known, contents] : files_) size += contents.size();
  if (size > largest_copy) throw FileError(EFBIG, testing, "its sanitizers are larger than 16 MiB together");
  files_.emplace(file.string(), std::move(*text));
}

fs::path SanitizerCopy::program_in(const fs::path& place) { return place / program_name; }

fs::path SanitizerCopy::test_in(const fs::path& place, const SanitizerParameters& parameters) {
  return place / "pluto" / parameters.test;
}

fs::path SanitizerCopy::raw_in(const fs::path& place, const SanitizerParameters& parameters,
                               const std::string& raw_name) {
  return test_in(place, parameters) / "OUTPUT" / raw_name;
}

void SanitizerCopy::lay_out(const OpenDirectory& place, const SanitizerParameters& parameters,
                            const std::string& raw_name, std::string_view raw) const {
  constexpr mode_t script = 0700;
  for (const auto& [file, text] : files_) {
    if (const fs::path parent = fs::path(file).parent_path(); !parent.empty()) (void)place.make(parent);
    place.write(file, text, file == program_name ? script : 0600);
  }
  const fs::path test = test_in({}, parameters);
  const OpenDirectory output = place.make(test / "OUTPUT");
  if (parameters.text) place.write(test / parameters_name, *parameters.text, 0600);
  output.write(raw_name, raw, 0600);
}

}  // namespace kvmtest::suite::libreswan
