#include <algorithm>

#include "suite/transcript.h"
#include "suite/transcript_line.h"
#include "suite/transcript_text.h"

namespace kvmtest::suite {

namespace {

bool valid_status(int status) { return status >= 0 && status <= 255; }

}  // namespace

std::string status_line(const std::optional<int>& status) {
  return status && *status != 0 && valid_status(*status) ? "[" + std::to_string(*status) + "]" : "";
}

std::string output_text(std::string_view output, const std::string& status,
                        const std::vector<judge::ExpectedLine>& kept_lines,
                        const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::string out;
  out.reserve(output.size() + status.size() + 2);
  bool after_blank = false;
  auto kept = pairs.begin();
  for (std::size_t j = 0; !output.empty(); ++j) {
    const std::size_t end = output.find('\n');
    const bool newline = end != std::string_view::npos;
    const std::string_view actual = output.substr(0, end);
    output.remove_prefix(newline ? end + 1 : output.size());
    const Where where{j == 0, after_blank, output.empty() && status.empty()};
    const bool keep = kept != pairs.end() && kept->second == j;
    std::string line = keep ? kept_lines[kept->first].text : written(actual, newline);
    if (keep) ++kept;
    if (!plain_at(line, where)) line = escaped(actual, newline);
    after_blank = line.empty();
    out += line;
    out += '\n';
  }
  if (!status.empty()) out += status + "\n";
  return out;
}

std::string expectation_text(const Transcript& transcript, const StepResult& result, std::string_view output,
                             const judge::Alignment& alignment) {
  const Expectation& expectation = transcript.expectations[result.step];
  const std::string_view now =
      std::string_view(transcript.text).substr(expectation.body.begin, expectation.body.end - expectation.body.begin);
  const bool same_status = !expectation.status || expectation.status == result.status || !valid_status(*result.status);
  if (alignment.equal && same_status) return std::string(now);
  std::string status = status_line(result.status);
  if (same_status && !now.empty()) {
    // Keep what is there, if it is a status line: "[*]" and "[0]" say more than the status itself.
    std::string_view last = now.substr(0, now.size() - (now.ends_with('\n') ? 1 : 0));
    last = last.substr(last.rfind('\n') + 1);
    status = is_status(last) ? last : "";
  }
  return output_text(output, status, expectation.lines, alignment.pairs);
}

std::vector<const StepResult*> results_by_step(const Transcript& transcript, const Execution& execution) {
  std::vector<const StepResult*> results(transcript.test.steps.size(), nullptr);
  for (const StepResult& result : execution.results) {
    if (result.step < results.size()) results[result.step] = &result;
  }
  return results;
}

bool is_compared(const Step& step, const StepResult& result) {
  if (!result.status || step.kind == StepKind::background || step.kind == StepKind::reboot) return false;
  return step.kind != StepKind::requires_ || *result.status == 0;
}

std::string rewritten(const Transcript& transcript, const std::vector<std::optional<std::string>>& bodies) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (!bodies[i]) continue;
    const Span& body = transcript.expectations[i].body;
    out += std::string_view(transcript.text).substr(copied, body.begin - copied);
    if (!bodies[i]->empty() && !out.ends_with('\n')) out += '\n';
    out += *bodies[i];
    copied = body.end;
  }
  return out + transcript.text.substr(copied);
}

std::string accept(const Transcript& transcript, const Execution& execution) {
  std::vector<std::optional<std::string>> bodies(transcript.test.steps.size());
  const auto results = results_by_step(transcript, execution);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (results[i] == nullptr || !is_compared(transcript.test.steps[i], *results[i])) continue;
    judge::Effort effort;
    const auto alignment = judge::compare(transcript.expectations[i].lines, results[i]->output, effort);
    bodies[i] = expectation_text(transcript, *results[i], results[i]->output, alignment);
  }
  return rewritten(transcript, bodies);
}

}  // namespace kvmtest::suite
