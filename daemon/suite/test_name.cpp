#include "suite/test_name.h"

#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/input_error.h"
#include "suite/transcript_line.h"

namespace kvmtest::suite {
namespace {

/// What is wrong with it as one name; empty: nothing.
std::string problem_of(std::string_view part) {
  if (part.empty()) return "has an empty part; parts are separated by one slash, and none stands before the first";
  if (part == "." || part == "..") return "has '" + std::string(part) + "' in it";
  if (part.size() > TestName::longest)
    return "has a part of " + std::to_string(part.size()) + " bytes; " + std::to_string(TestName::longest) +
           " are the most";
  while (!part.empty()) {
    const std::size_t size = utf8_size(part);
    if (size == 0) return "is not UTF-8";
    const auto first = static_cast<unsigned char>(part[0]);
    // C1 controls are two bytes: U+0080 to U+009F.
    if (first < 0x20 || first == 0x7f || (first == 0xc2 && static_cast<unsigned char>(part[1]) < 0xa0))
      return "has a control character in it";
    part.remove_prefix(size);
  }
  return {};
}

std::string problem_of_all(std::string_view name) {
  while (true) {
    const std::size_t slash = name.find('/');
    if (std::string problem = problem_of(name.substr(0, slash)); !problem.empty()) return problem;
    if (slash == std::string_view::npos) return {};
    name.remove_prefix(slash + 1);
  }
}

constexpr std::size_t name_shown = 80;

std::string told(const std::string& name) { return "the test's name '" + printable(name, name_shown) + "' "; }

}  // namespace

TestName::TestName(std::string text) : text_(std::move(text)) {
  if (const std::string problem = problem_of_all(text_); !problem.empty())
    throw core::InputError(told(text_) + problem);
}

std::filesystem::path TestName::path() const {
  if (text_.empty()) throw std::logic_error("a test without a name has no directory");
  return text_;
}

TestName test_name(std::string text, const std::filesystem::path& file, unsigned line) {
  try {
    return {std::move(text)};
  } catch (const core::InputError& error) {
    throw core::InputError({printable(file.string(), 4 * name_shown), line}, error.what());
  }
}

TestName test_name_of(const std::filesystem::path& file, const std::string& base, const std::filesystem::path& label) {
  const std::string directory = file.parent_path().filename().string();
  if (directory.empty())
    throw core::InputError({label},
                           "a test is named after its directory, and this one lies in the root directory; "
                           "move it into a directory of its own");
  return test_name(directory + "/" + base, label);
}

}  // namespace kvmtest::suite
