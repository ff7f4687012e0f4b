#pragma once
// The native format: a test as a console session with its expected output. docs/formats.md is its definition. Pure
// except for transcript_format(), which reads files; any thread.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/input_error.h"
#include "judge/expected.h"
#include "suite/format.h"

namespace kvmtest::suite {

/// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// What one step is expected to print and return.
struct Expectation {
  std::vector<judge::ExpectedLine> lines;
  std::optional<int> status = 0;  ///< none: any
  Span head;                      ///< the step's command lines in the file, newline included
  Span body;                      ///< expected lines and status after it, without the separating blank lines
};

/// A parsed file.
struct Transcript {
  Test test;
  std::vector<Expectation> expectations;  ///< one a step
  std::string text;                       ///< the file as read
  std::string label;                      ///< its path in messages and diffs
  std::size_t header_end = 0;             ///< bytes of `text` that are its header
};

/// The suffix of the files.
inline constexpr const char* transcript_suffix = ".test";

/// Parses a file's text. `name` becomes Test::name. Throws core::InputError "path:line: message".
Transcript parse_transcript(std::string_view text, const std::filesystem::path& path, TestName name,
                            const std::set<std::string>* known_hosts = nullptr);

/// The file's text with expected lines and statuses as `execution` gave them. Lines that match stay as written; steps
/// that did not run or did not end stay; every other byte stays. What it writes parses again and matches the same
/// output.
std::string accept(const Transcript& transcript, const Execution& execution);

/// Judges an attempt at it.
Judgement judge_transcript(const Transcript& transcript, const Execution& execution, judge::Effort& effort);

/// Files *.test, and directories of them.
const Format& transcript_format();

}  // namespace kvmtest::suite
