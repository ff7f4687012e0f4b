#pragma once
// Writing transcripts: what accept() and the judge share. Pure; any thread. Internal to suite/.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/transcript.h"

namespace kvmtest::suite {

/// "[1]" for a status other than 0, else empty.
std::string status_line(const std::optional<int>& status);

/// Output and status line as they stand after a command in a file. Lines in `pairs` (kept line, output line) are taken
/// from `kept_lines` as written there.
std::string output_text(std::string_view output, const std::string& status,
                        const std::vector<judge::ExpectedLine>& kept_lines = {},
                        const std::vector<std::pair<std::size_t, std::size_t>>& pairs = {});

/// What the file should say after the command for `result`, which must have a status. `output`: the result's, as far as
/// it is to be written.
std::string expectation_text(const Transcript& transcript, const StepResult& result, std::string_view output,
                             const judge::Alignment& alignment);

/// By step; null for those that did not run. The last one counts where there are several.
std::vector<const StepResult*> results_by_step(const Transcript& transcript, const Execution& execution);

/// Whether the step's output and status are to be as expected: it ended, and has an expectation.
bool is_compared(const Step& step, const StepResult& result);

/// The file's text with the given expectations in place of its own, by step; nothing: as it is.
std::string rewritten(const Transcript& transcript, const std::vector<std::optional<std::string>>& bodies);

}  // namespace kvmtest::suite
