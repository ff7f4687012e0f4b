#include "suite/loader.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "settings/input_file.h"
#include "suite/confinement.h"
#include "suite/libreswan/format.h"
#include "suite/program.h"
#include "suite/transcript.h"

namespace kvmtest::suite {

namespace {

namespace fs = std::filesystem;

// What the parent directory has, without the suffixes, so that a misspelt test finds its name.
std::vector<std::string> siblings(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(path.parent_path(), error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const fs::path found = it->path().filename();
    if (found.string().starts_with('.')) continue;
    const bool suffix = found.extension() == transcript_suffix || found.extension() == list_suffix;
    names.push_back(suffix ? found.stem().string() : found.string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void refuse(const std::string& typed, const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw core::InputError(typed + ": no tests are in this directory");
  for (const std::string& suffix : {std::string(), std::string(transcript_suffix), std::string(list_suffix)})
    if (const auto wrong = settings::no_file(path.string() + suffix);
        wrong && !fs::is_directory(path.string() + suffix, ignored))
      throw core::InputError(typed + suffix + ": " + *wrong);
  if (fs::exists(path, ignored))
    throw core::InputError(typed + ": not a test; a test's name ends in " + transcript_suffix + " or " + list_suffix +
                           ", or it is an executable file");
  const fs::path parent = path.parent_path();
  if (!fs::is_directory(parent, ignored)) {
    throw core::InputError(typed + ": no such test or suite; there is no directory " + parent.string());
  }
  throw core::InputError(typed + ": no such test or suite" +
                         core::did_you_mean(path.filename().string(), siblings(path)));
}

const Format& forced_format(const std::string& forced) {
  std::vector<std::string> names;
  for (const Format* format : formats()) {
    if (format->name() == forced) return *format;
    names.emplace_back(format->name());
  }
  throw core::InputError("unknown format '" + forced + "'" + core::did_you_mean(forced, names));
}

// One, but for a directory that several may share.
std::vector<const Format*> formats_for(const std::string& typed, const fs::path& path, const std::string& forced) {
  std::error_code ignored;
  if (!forced.empty()) {
    const Format& format = forced_format(forced);
    if (!fs::exists(path, ignored) && !format.recognizes(path)) refuse(typed, path);
    return {&format};
  }
  std::vector<const Format*> found;
  for (const Format* format : formats()) {
    if (!found.empty() && !format->shares_directories()) continue;
    if (!format->recognizes(path)) continue;
    found.push_back(format);
    if (!format->shares_directories() || !fs::is_directory(path, ignored)) break;
  }
  if (found.empty()) refuse(typed, path);
  return found;
}

// Absolute, without "." and a slash at the end, so that the last component is the name.
fs::path normal(const fs::path& base, const std::string& typed) {
  fs::path path = (base / typed).lexically_normal();
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

}  // namespace

const std::vector<const Format*>& formats() {
  static const std::vector<const Format*> all{&libreswan_format(), &transcript_format(), &program_format()};
  return all;
}

std::vector<LoadedTest> load(const std::vector<std::string>& paths, const std::set<std::string>* known_hosts,
                             const fs::path& base, const std::string& format) {
  LoadContext context;
  context.base = base;
  context.known_hosts = known_hosts;
  return load(paths, std::move(context), format);
}

LoadContext context_for(const settings::Settings& settings, const std::set<std::string>* known_hosts) {
  return {settings.project,
          known_hosts,
          settings.state_dir.sanitized(),
          {settings.libreswan.directory, settings.libreswan.command_limit, settings.libreswan.prepare},
          confinement_for(settings)};
}

std::vector<LoadedTest> load(const std::vector<std::string>& paths, LoadContext context, const std::string& format) {
  context.base = normal(fs::absolute(context.base.empty() ? fs::current_path() : context.base), ".");
  std::vector<LoadedTest> tests;
  std::map<std::string, std::size_t> by_name;
  for (const std::string& typed : paths) {
    if (typed.empty()) throw core::InputError("the name of a test or suite is empty");
    const fs::path path = normal(context.base, typed);
    for (const Format* chosen : formats_for(typed, path, format)) {
      for (LoadedTest& loaded : chosen->load(path, context)) {
        const auto [first, fresh] = by_name.emplace(loaded.test.name, tests.size());
        if (fresh) {
          tests.push_back(std::move(loaded));
          continue;
        }
        LoadedTest& known = tests[first->second];
        if (known.test.path != loaded.test.path) {
          throw core::InputError("two tests are named '" + loaded.test.name.string() +
                                 "': " + known.test.path.string() + " and " + loaded.test.path.string());
        }
        // Whoever names a test itself wants it, whatever a list says of it.
        if (loaded.test.path == path) known = std::move(loaded);
      }
    }
  }
  return tests;
}

}  // namespace kvmtest::suite
