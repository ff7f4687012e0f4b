#include "kvmtest/report_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/open_directory.h"
#include "core/input_error.h"
#include "kvmtest/attempt_files.h"
#include "report/run_report.h"
#include "telemetry/database.h"
#include "telemetry/run_report.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t console_limit = 64U << 10U;  ///< bytes of one console, its end
const std::vector<std::string> formats{"junit", "tap", "json", "html", "trace"};

void check_format(const std::string& format) {
  if (std::find(formats.begin(), formats.end(), format) == formats.end())
    throw core::InputError(fmt::format("unknown report format '{}'{}: say one of {}", format,
                                       core::did_you_mean(format, formats), report_formats()));
}

/// Reads what an attempt left behind, as far as the report wants it.
report::AttemptText files_of(const report::TestResult& test, const report::Attempt& attempt, Consoles consoles) {
  report::AttemptText out;
  if (attempt.output.empty() || (attempt.verdict == core::Verdict::passed && consoles != Consoles::all)) return out;
  const bool failed = test.verdict != core::Verdict::passed || test.flaky;
  const bool wanted = consoles == Consoles::all || (consoles == Consoles::failed && failed);
  out.diff = read_diff(attempt.output);
  if (!wanted) return out;
  for (const std::string& host : console_hosts(attempt.output))
    out.consoles.emplace_back(host, last_bytes(attempt.output, console_file(host, false), console_limit));
  for (const std::string& host : kernel_hosts(attempt.output))
    out.kernel.emplace_back(host, last_bytes(attempt.output, kernel_file(host), console_limit));
  return out;
}

/// Throws std::system_error.
void replace(const fs::path& path, const std::string& text) {
  // The directory may be a link of the user's; nothing in it is followed.
  std::error_code error;
  const fs::path directory = fs::canonical(path.parent_path(), error);
  if (error) throw std::system_error(error, path.string());
  base::OpenDirectory(directory).write(path.filename(), text);
}

}  // namespace

std::string report_formats() {
  std::string all;
  for (const std::string& format : formats) all += (all.empty() ? "" : ", ") + format;
  return all;
}

Consoles parse_consoles(const std::string& word) {
  if (word == "none") return Consoles::none;
  if (word == "failed") return Consoles::failed;
  if (word == "all") return Consoles::all;
  throw core::InputError(fmt::format("--consoles: '{}' is not one of none, failed, all", word));
}

Consoles usual_consoles(const std::string& format) { return format == "html" ? Consoles::failed : Consoles::none; }

std::string make_report(const settings::Settings& settings, core::RunId run, const std::string& format,
                        Consoles consoles) {
  check_format(format);
  telemetry::Database database(settings.state_dir.database());
  const report::RunReport report = telemetry::run_report(database, run);
  const report::Texts texts = [consoles](const report::TestResult& test, const report::Attempt& attempt) {
    return files_of(test, attempt, consoles);
  };
  if (format == "junit") return report::junit_report(report, texts);
  if (format == "tap") return report::tap_report(report);
  if (format == "json") return report::json_report(report);
  if (format == "html") return report::html_report(report, texts);
  return report::trace_report(report);
}

ReportFiles::ReportFiles(const settings::Settings& settings, const std::vector<std::string>& choices)
    : settings_(settings) {
  for (const std::string& choice : choices) {
    const auto colon = choice.find(':');
    if (colon == std::string::npos || colon + 1 == choice.size())
      throw core::InputError(fmt::format("--report: '{}' is not FORMAT:FILE, as in junit:results.xml", choice));
    const std::string format = choice.substr(0, colon);
    check_format(format);
    const fs::path path = fs::absolute(choice.substr(colon + 1));
    std::error_code error;
    if (fs::is_directory(path, error)) throw core::InputError({path}, "is a directory, not a file for a report");
    if (access(path.parent_path().c_str(), W_OK | X_OK) != 0)
      throw core::InputError({path}, fmt::format("the report cannot be written: {}", std::strerror(errno)));
    files_.push_back({format, path});
  }
}

bool ReportFiles::write_all(core::RunId run) {
  bool all = true;
  for (File& file : files_) {
    try {
      replace(file.path, make_report(settings_, run, file.format, usual_consoles(file.format)));
      file.told = false;
    } catch (const std::exception& e) {
      all = false;
      if (!std::exchange(file.told, true)) tell_(fmt::format("kvmtest: the report was not written: {}", e.what()));
    }
  }
  return all;
}

void ReportFiles::update(core::RunId run) {
  const auto start = std::chrono::steady_clock::now();
  if (files_.empty() || start < next_) return;
  write_all(run);
  // At most a twentieth of the time goes into writing, however many tests there are.
  const auto end = std::chrono::steady_clock::now();
  next_ = end + std::max<std::chrono::steady_clock::duration>(std::chrono::seconds(1), 20 * (end - start));
}

bool ReportFiles::finish(core::RunId run) { return write_all(run); }

}  // namespace kvmtest::command
