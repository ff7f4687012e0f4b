#include "suite/libreswan/sanitizer.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/open_directory.h"
#include "process/run.h"
#include "settings/input_file.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

// A pipeline of some thirty small filters; one that takes longer hangs.
constexpr std::chrono::seconds sanitizer_limit{120};
constexpr std::size_t output_bound = 64U << 20U;  // bytes; of a console a sanitizer prints less than it is given
constexpr std::chrono::hours keep_unused{24 * 14};
constexpr std::chrono::hours keep_places{24};

/// Bytes that are told apart from their neighbours: by length.
std::string part(std::string_view bytes) { return std::to_string(bytes.size()) + ":" + std::string(bytes); }

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find_first_of("\r\n"))); }

/// What filters of text go by is the same whoever asks: an answer that the daemon stored is one for commands, too.
std::vector<std::string> filters_environment() {
  std::vector<std::string> out{"LC_ALL=C.UTF-8"};
  for (const std::string& entry : process::own_environment())
    for (const std::string_view name : {"PATH=", "TMPDIR="})
      if (entry.starts_with(name)) out.push_back(entry);
  return out;
}

/// What the sanitizer printed.
struct Printed {
  int status = 0;       ///< 128 + signal for a death by signal
  std::string output;   ///< standard output
  std::string errors;   ///< standard error
  std::string error{};  ///< why it could not be run, or was ended, one line; empty: it ran
};

Printed run_sanitizer(std::vector<std::string> words, const fs::path& directory,
                      const process::Confinement& confinement, int stop) {
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
                                     .environment = filters_environment(),
                                     .directory = directory,
                                     .limit = sanitizer_limit,
                                     .stop = stop,
                                     .take_output = into(printed.output),
                                     .take_errors = into(printed.errors),
                                     .confinement = confinement});
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

const std::string place_prefix = "running-";

/// A directory for one run, gone with it.
class Place {
 public:
  /// Throws base::FileError.
  explicit Place(const fs::path& parent) : parent_(base::OpenDirectory::made(parent)), name_(made_in(parent)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    try {
      parent_.remove(name_);
    } catch (const base::FileError&) {
      // prune_answers() tries again.
    }
  }

  [[nodiscard]] base::OpenDirectory open() const { return parent_.open(name_); }

 private:
  static std::string made_in(const fs::path& parent) {
    std::string path = parent / (place_prefix + "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) throw base::FileError(errno, parent);
    return fs::path(path).filename();
  }

  base::OpenDirectory parent_;
  std::string name_;
};

}  // namespace

Sanitizer::Sanitizer(fs::path testing, fs::path cache, process::Confinement confinement)
    : testing_(std::move(testing)), cache_(std::move(cache)), confinement_(std::move(confinement)), copy_(testing_) {}

fs::path Sanitizer::place_of(const std::string& key) const { return cache_ / key.substr(0, 2) / key; }

Sanitizer::Answer Sanitizer::sanitize(const std::string& raw_name, std::string_view raw,
                                      const SanitizerParameters& parameters, Unstored unstored, int stop) const {
  if (!copy_.obstacle().empty()) return {{}, copy_.obstacle()};
  if (!parameters.obstacle.empty()) return {{}, parameters.obstacle};
  fs::path place;
  if (!cache_.empty()) {
    place = place_of(base::digest_of(copy_.key() + part(parameters.test) + (parameters.text ? "+" : "-") +
                                     part(parameters.text.value_or("")) + part(raw_name) + base::digest_of(raw)));
    if (auto kept = settings::file_text(place)) {
      std::error_code ignored;
      const auto now = fs::file_time_type::clock::now();
      if (fs::last_write_time(place, ignored) + std::chrono::hours(24) < now) fs::last_write_time(place, now, ignored);
      return {std::move(kept)};
    }
  }
  if (unstored == Unstored::leave) return {{}, "what sanitizer.sh makes of it is not stored", true};
  Answer answer = run(raw_name, raw, parameters, stop);
  if (!answer.text || place.empty()) return answer;
  try {
    base::OpenDirectory::made(place.parent_path()).write(place.filename(), *answer.text);
  } catch (const base::FileError&) {
    // The next one who asks runs it again.
  }
  return answer;
}

Sanitizer::Answer Sanitizer::run(const std::string& raw_name, std::string_view raw,
                                 const SanitizerParameters& parameters, int stop) const {
  Printed ran;
  try {
    const Place place(cache_.empty() ? fs::temp_directory_path() : cache_);
    const base::OpenDirectory directory = place.open();
    copy_.lay_out(directory, parameters, raw_name, raw);
    process::Confinement confinement = confinement_;
    confinement.shown.push_back({directory.path(), directory.path()});
    ran = run_sanitizer(
        {SanitizerCopy::program_in(directory.path()), SanitizerCopy::raw_in(directory.path(), parameters, raw_name),
         SanitizerCopy::test_in(directory.path(), parameters)},
        SanitizerCopy::test_in(directory.path(), parameters), confinement, stop);
  } catch (const std::exception& error) {
    return {{}, "sanitizer.sh cannot be run: " + std::string(error.what())};
  }
  if (!ran.error.empty()) return {{}, "sanitizer.sh " + ran.error};
  if (ran.status != 0 || !ran.errors.empty())
    return {{},
            "sanitizer.sh exited with " + std::to_string(ran.status) +
                (ran.errors.empty() ? "" : " and said: " + first_line(ran.errors))};
  return {std::move(ran.output)};
}

void prune_answers(const fs::path& cache) {
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  std::vector<fs::path> old;
  for (fs::recursive_directory_iterator it(cache, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    std::error_code ignored;
    const bool place = it.depth() == 0 && it->path().filename().string().starts_with(place_prefix);
    if (place) it.disable_recursion_pending();
    if (!place && !it->is_regular_file(ignored)) continue;
    if (it->last_write_time(ignored) < now - (place ? keep_places : keep_unused) && !ignored) old.push_back(it->path());
  }
  for (const fs::path& path : old) fs::remove_all(path, error);
}

}  // namespace kvmtest::suite::libreswan
