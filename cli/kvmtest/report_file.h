#pragma once
// Reports of a run as files: written anew beside the old one and put in its place, so that whoever reads finds a whole
// one at any time.

#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "settings/settings.h"

namespace kvmtest::command {

/// Whose consoles a report holds, at most the last 64 KiB of each.
enum class Consoles { none, failed, all };
/// Throws core::InputError for another word.
Consoles parse_consoles(const std::string& word);

/// "junit, tap, json, html, trace".
std::string report_formats();
/// The report's text. Throws core::InputError for an unknown format or run, telemetry::Error.
std::string make_report(const settings::Settings& settings, core::RunId run, const std::string& format,
                        Consoles consoles);
/// What `consoles` is when the user does not say.
Consoles usual_consoles(const std::string& format);

/// The reports that a run writes as it goes. One thread.
class ReportFiles {
 public:
  /// `choices`: FORMAT:FILE each. Throws core::InputError for what can be seen to be wrong before the run.
  ReportFiles(const settings::Settings& settings, const std::vector<std::string>& choices);

  /// How a line is told that nobody waits for; on standard error unless this is called.
  void tell_by(std::function<void(const std::string&)> tell) { tell_ = std::move(tell); }

  /// Something was decided: writes all of them, unless that was done too short a time ago for its cost. A file that
  /// cannot be written is told once, and tried again.
  void update(core::RunId run);
  /// Writes them for good. False: one could not be.
  bool finish(core::RunId run);

 private:
  struct File {
    std::string format;
    std::filesystem::path path;
    bool told = false;
  };
  bool write_all(core::RunId run);

  const settings::Settings& settings_;
  std::function<void(const std::string&)> tell_ = [](const std::string& line) { std::cerr << line << '\n'; };
  std::vector<File> files_;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace kvmtest::command
