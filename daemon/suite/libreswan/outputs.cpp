#include "suite/libreswan/outputs.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "core/input_error.h"
#include "suite/files.h"
#include "suite/libreswan/format.h"
#include "suite/libreswan/judge.h"
#include "suite/parallel.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

/// Whichever host it was of: one attempt may have come as far as a single console, or to its log alone.
bool is_output(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator it(path, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name == "debug.log" || name.ends_with(".console.verbose.txt")) return true;
  }
  return false;
}

bool is_test(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / "description.txt", ignored) || fs::exists(path / "eastinit.sh", ignored);
}

/// The test directory of that name in the checkout that `from` is in; empty: there is none.
fs::path test_named(const std::string& name, fs::path from) {
  for (;; from = from.parent_path()) {
    for (const char* below : {"testing/pluto", "pluto", ""})
      if (!name.empty() && is_test(from / below / name)) return from / below / name;
    if (from == from.parent_path()) return {};
  }
}

struct Named {
  fs::path test;
  fs::path output;
};

/// What one directory with output is the output of; nothing when there is no such test.
std::optional<Named> saved_output(const fs::path& path, const fs::path& base) {
  const bool plain = path.filename() == "OUTPUT";
  const fs::path parent = path.parent_path();
  if (plain && is_test(parent)) return Named{parent, path};
  for (const std::string& name : {plain ? std::string() : path.filename().string(), parent.filename().string()}) {
    for (const fs::path& from : {parent, base})
      if (const fs::path test = test_named(name, from); !test.empty()) return Named{test, path};
  }
  return std::nullopt;
}

std::vector<fs::path> children(const fs::path& path) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(path, error); !error && it != fs::directory_iterator(); it.increment(error))
    if (it->is_directory(error) && !it->is_symlink(error)) found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

/// The directories with output in and below a directory of saved ones.
std::vector<fs::path> saved_outputs(const fs::path& path, unsigned depth) {
  if (is_output(path)) return {path};
  std::vector<fs::path> found;
  if (depth == 0) return found;
  for (const fs::path& child : children(path)) {
    auto more = saved_outputs(child, depth - 1);
    std::move(more.begin(), more.end(), std::back_inserter(found));
  }
  return found;
}

fs::path normal(const fs::path& base, const std::string& typed) {
  const fs::path path = (base / typed).lexically_normal();
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

/// Without links, but for an OUTPUT that may be one: a guest may have made it. As it is where there is nothing.
fs::path real_output(const fs::path& path) {
  std::error_code error;
  const bool plain = path.filename() == "OUTPUT";
  const fs::path real = fs::canonical(plain ? path.parent_path() : path, error);
  if (error) return path;
  return plain ? real / path.filename() : real;
}

}  // namespace

bool names_outputs(const std::vector<std::string>& words, const fs::path& base) {
  std::error_code ignored;
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    const fs::path path = normal(base, word);
    return fs::exists(path, ignored) && (libreswan_format().recognizes(path) || fs::is_directory(path, ignored));
  });
}

FoundOutputs find_outputs(const std::vector<std::string>& paths, const fs::path& base, const fs::path& cache,
                          const Filter& filter, const process::Confinement& confinement) {
  FoundOutputs found;
  LoadContext context;
  context.base = base;
  context.cache = cache;
  std::map<fs::path, std::shared_ptr<const Sanitizer>> sanitizers;
  const auto add = [&](std::vector<LoadedTest> tests, const fs::path& output) {
    auto ignored = ignore_by(filter, tests);
    std::move(ignored.begin(), ignored.end(), std::back_inserter(found.ignored));
    for (const LoadedTest& loaded : tests) {
      const fs::path testing = loaded.test.path.parent_path().parent_path();
      auto& sanitizer = sanitizers[testing];
      if (!sanitizer) sanitizer = std::make_shared<const Sanitizer>(testing, cache, confinement);
      const fs::path shown = output.empty() ? loaded.test.path : output;
      const std::string obstacle = guests_of(loaded.test).empty() ? loaded.test.obstacle : "";
      found.outputs.push_back({judged_test(loaded.test),
                               real_output(output.empty() ? loaded.test.path / "OUTPUT" : output),
                               label_of(shown, base).string(), sanitizer, obstacle});
    }
  };
  for (const std::string& typed : paths) {
    const fs::path path = normal(base, typed);
    if (libreswan_format().recognizes(path)) {
      add(libreswan_format().load(path, context), {});
      continue;
    }
    const auto saved = saved_outputs(path, 3);
    if (saved.empty())
      throw core::InputError(typed + ": neither a test of a libreswan checkout nor a directory with its output");
    for (const fs::path& output : saved) {
      if (const auto named = saved_output(output, base))
        add(libreswan_format().load(named->test, context), named->output);
      else
        found.passed_over.push_back(output.string() + ": there is no test of that name in the checkout around it");
    }
  }
  if (found.outputs.empty() && !found.passed_over.empty()) throw core::InputError(found.passed_over.front());
  return found;
}

std::vector<OutputJudgement> judge_outputs(const std::vector<KnownOutput>& outputs, Unstored unstored) {
  std::vector<OutputJudgement> judgements(outputs.size());
  for_each_in_parallel(outputs.size(), [&](std::size_t i) {
    const KnownOutput& output = outputs[i];
    try {
      judge::Effort effort;
      if (output.obstacle.empty())
        judgements[i] = judge_output(output.test, output.output, *output.sanitizer, unstored, effort);
    } catch (const std::exception& error) {
      judgements[i].verdict = ::kvmtest::core::Verdict::unresolved;
      judgements[i].issues.push_back({"", issue::output_missing, error.what()});
    }
  });
  return judgements;
}

}  // namespace kvmtest::suite::libreswan
