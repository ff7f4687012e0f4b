#include "suite/libreswan/sanitizer.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "base/digest.h"
#include "process/run.h"
#include "settings/input_file.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

// A pipeline of some thirty small filters; one that takes longer hangs.
constexpr std::chrono::seconds sanitizer_limit{120};
constexpr std::size_t output_bound = 64U << 20U;  // bytes; of a console a sanitizer prints less than it is given
constexpr std::chrono::hours keep_unused{24 * 14};

/// Bytes that are told apart from their neighbours: by length.
std::string part(std::string_view bytes) { return std::to_string(bytes.size()) + ":" + std::string(bytes); }

/// Everything that the checkout's sanitizer may read for any test.
std::vector<fs::path> shared_files(const fs::path& testing) {
  std::vector<fs::path> files{testing / "utils/sanitizer.sh", testing / "default-testparams.sh"};
  std::error_code error;
  std::map<std::string, fs::path> scripts;
  for (fs::directory_iterator it(testing / "sanitizers", error); !error && it != fs::directory_iterator();
       it.increment(error))
    scripts.emplace(it->path().filename(), it->path());
  for (auto& [name, path] : scripts) files.push_back(std::move(path));
  return files;
}

/// What tells a file that was written from the same one before, without reading it.
std::string stamp_of(const fs::path& file) {
  std::error_code error;
  const auto written = fs::last_write_time(file, error);
  if (error) return "-";
  return std::to_string(written.time_since_epoch().count()) + "," + std::to_string(fs::file_size(file, error));
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find_first_of("\r\n"))); }

/// Filters of text go by the locale.
std::string locale() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  return {};
}

/// What the sanitizer printed.
struct Printed {
  int status = 0;       ///< 128 + signal for a death by signal
  std::string output;   ///< standard output
  std::string errors;   ///< standard error
  std::string error{};  ///< why it could not be run, or was ended, one line; empty: it ran
};

Printed run_sanitizer(std::vector<std::string> words, int stop) {
  Printed printed;
  bool too_much = false;
  const auto into = [&](std::string& text) {
    return [&text, &too_much](std::string_view bytes) {
      text += bytes;
      too_much = too_much || text.size() > output_bound;
      return !too_much;
    };
  };
  const auto not_run = [&](int error) {
    printed.error = std::string("cannot be run: ") + std::strerror(error);
    return printed;
  };
  try {
    const auto ended = process::run({.command = std::move(words),
                                     .environment = process::own_environment(),
                                     .limit = sanitizer_limit,
                                     .stop = stop,
                                     .take_output = into(printed.output),
                                     .take_errors = into(printed.errors)});
    if (ended.start_error != 0) return not_run(ended.start_error);
    printed.status = process::exit_status(ended);
    if (ended.stopped) printed.error = "was stopped";
    if (ended.timed_out) printed.error = "took longer than " + std::to_string(sanitizer_limit.count()) + " s";
  } catch (const std::system_error& error) {
    return not_run(error.code().value());
  }
  if (too_much) printed.error = "printed more than " + std::to_string(output_bound >> 20U) + " MiB";
  return printed;
}

/// A number that no other call of this machine gets at the same time: for names of temporary files.
std::uint64_t file_token() {
  static std::atomic<std::uint64_t> next{0};
  return static_cast<std::uint64_t>(getpid()) << 32U | ++next;
}

}  // namespace

Sanitizer::Sanitizer(fs::path testing, fs::path cache) : testing_(std::move(testing)), cache_(std::move(cache)) {}

/// Of the scripts as they are now: somebody may be working on them while tests run.
std::string Sanitizer::scripts_key(const fs::path& test) {
  const std::vector<fs::path> files = shared_files(testing_);
  std::string stamp;
  for (const fs::path& file : files) stamp += part(file.string()) + stamp_of(file) + ";";
  std::string shared;
  {
    const base::Lock lock(mutex_);
    if (stamp != stamp_) {
      std::string all;
      for (const fs::path& file : files)
        all += part(file.filename().string()) + part(settings::file_text(file).value_or(""));
      shared_key_ = base::digest_of(all);
      stamp_ = stamp;
    }
    shared = shared_key_;
  }
  return shared + part(settings::file_text(test / "testparams.sh").value_or("")) + part(test.string()) + part(locale());
}

fs::path Sanitizer::place_of(const std::string& key) const { return cache_ / key.substr(0, 2) / key; }

Sanitizer::Answer Sanitizer::sanitize(const fs::path& raw_file, std::string_view raw, const fs::path& test, int stop) {
  fs::path place;
  if (!cache_.empty()) {
    place = place_of(base::digest_of(scripts_key(test) + part(raw_file.filename().string()) + base::digest_of(raw)));
    if (auto kept = settings::file_text(place)) {
      std::error_code ignored;
      const auto now = fs::file_time_type::clock::now();
      if (fs::last_write_time(place, ignored) + std::chrono::hours(24) < now) fs::last_write_time(place, now, ignored);
      return {std::move(kept)};
    }
  }
  const Printed ran = run_sanitizer({testing_ / "utils/sanitizer.sh", raw_file, test}, stop);
  if (!ran.error.empty()) return {std::nullopt, "sanitizer.sh " + ran.error};
  if (ran.status != 0 || !ran.errors.empty())
    return {std::nullopt, "sanitizer.sh exited with " + std::to_string(ran.status) +
                              (ran.errors.empty() ? "" : " and said: " + first_line(ran.errors))};
  if (!place.empty()) {
    // Written beside it first: a reader never sees half of one.
    std::error_code ignored;
    fs::create_directories(place.parent_path(), ignored);
    const fs::path fresh = place.string() + "." + std::to_string(file_token());
    std::ofstream out(fresh, std::ios::binary);
    out << ran.output;
    out.close();
    if (out) fs::rename(fresh, place, ignored);
    if (!out || ignored) fs::remove(fresh, ignored);
  }
  return {ran.output};
}

void prune_answers(const fs::path& cache) {
  std::error_code error;
  const auto oldest = fs::file_time_type::clock::now() - keep_unused;
  for (fs::recursive_directory_iterator it(cache, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored) && it->last_write_time(ignored) < oldest && !ignored) fs::remove(*it, ignored);
  }
}

}  // namespace kvmtest::suite::libreswan
