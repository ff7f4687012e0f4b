#include "suite/libreswan/format.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/quoting.h"
#include "core/input_error.h"
#include "settings/input_file.h"
#include "suite/files.h"
#include "suite/libreswan/beneath.h"
#include "suite/libreswan/checkout.h"
#include "suite/libreswan/judge.h"
#include "suite/libreswan/scripts.h"
#include "suite/libreswan/testlist.h"
#include "suite/shelf.h"

namespace kvmtest::suite {

namespace {

namespace fs = std::filesystem;
using namespace libreswan;

// What a test directory that is named directly counts as, and which tests of a list are wanted unless told otherwise.
constexpr const char* default_kind = "kvmplutotest";
constexpr const char* default_status = "good";

bool is_test_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) &&
         (fs::exists(path / "description.txt", ignored) || fs::exists(path / "eastinit.sh", ignored));
}

// The test directories right in a checkout's directory of tests that has no list, sorted; elsewhere none.
std::vector<fs::path> unlisted(const fs::path& path) {
  std::vector<fs::path> found;
  std::error_code error;
  if (!fs::is_directory(path.parent_path() / "kvm/vm", error)) return found;
  for (fs::directory_iterator it(path, error); !error && it != fs::directory_iterator(); it.increment(error))
    if (is_test_directory(it->path())) found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

// The text of the first line of description.txt that has any.
std::string title_of(const fs::path& testing, const fs::path& directory) {
  std::string text;
  try {
    text = read_beneath(testing, directory / "description.txt").value_or("");
  } catch (const base::FileError&) {
    // It is for people alone: nothing that is wrong with it matters.
  }
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  const std::string line = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

void take_commands(Test& test, const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    Step step;
    if (command.guest != nullptr) step.host = domain_host(*command.guest);
    if (command.is_comment()) step.kind = StepKind::comment;
    step.command = command.line;
    step.file = command.file;
    step.line = command.number;
    test.steps.push_back(std::move(step));
  }
}

constexpr const char* post_mortem = "../../guestbin/post-mortem.sh";

void add_post_mortem(Test& test) {
  for (const std::string& host : test.hosts) {
    Step step;
    step.host = host;
    step.command = post_mortem;
    step.post_mortem = true;
    test.steps.push_back(std::move(step));
  }
}

/// The command with the test's name in place of @@TEST@@.
std::string with_name(std::string command, const std::string& name) {
  constexpr std::string_view word = "@@TEST@@";
  for (auto at = command.find(word); at != std::string::npos; at = command.find(word, at + name.size()))
    command.replace(at, word.size(), name);
  return command;
}

void add_preparation(Test& test, const LoadContext& context) {
  const auto add = [&](const std::string& command) {
    for (const std::string& host : test.hosts) {
      Step step;
      step.host = host;
      step.command = command;
      test.preparation.push_back(std::move(step));
    }
  };
  if (!context.in_guests.prepare.empty())
    add(with_name(context.in_guests.prepare, base::shell_word(test.name.string())));
  // A login shell tells of its jobs; some of the suite's expected output has that.
  add("set -m; cd " + (context.in_guests.directory.empty() ? "/testing" : context.in_guests.directory) + "/pluto/" +
      base::shell_word(test.name.string()));
}

// Why a group cannot be had; empty when it can.
std::string missing_domain(const Test& test, const std::vector<Guest>& guests, const std::set<std::string>* known) {
  for (std::size_t i = 0; known != nullptr && i < test.hosts.size(); ++i) {
    if (!known->contains(test.hosts[i]))
      return "it needs guest " + guests[i].name + ", and there is no domain '" + test.hosts[i] + "' for it";
  }
  for (std::size_t i = 0; i < guests.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (guests[i].host == guests[j].host)
        return "it needs guests " + guests[j].name + " and " + guests[i].name + ", which are one host";
    }
  }
  return {};
}

class LibreswanFormat final : public Format {
 public:
  [[nodiscard]] std::string_view name() const override { return "libreswan"; }

  [[nodiscard]] bool recognizes(const fs::path& path) const override {
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path.filename().string().starts_with("TESTLIST");
    return find_testlist(path).has_value() || is_test_directory(path) || !unlisted(path).empty();
  }

  [[nodiscard]] std::vector<LoadedTest> load(const fs::path& path, const LoadContext& context) const override {
    Checkouts checkouts;
    if (const auto list = find_testlist(path)) return load_list(*list, context, checkouts);
    std::vector<LoadedTest> tests;
    for (const fs::path& directory : is_test_directory(path) ? std::vector{path} : unlisted(path))
      tests.push_back(load_test({default_kind, {}, default_status, 0}, directory, context, checkouts));
    if (!tests.empty()) return tests;
    throw core::InputError(
        {label_of(path, context.base)},
        "neither a libreswan test (no description.txt or eastinit.sh) nor a directory with a TESTLIST");
  }

 private:
  static std::vector<LoadedTest> load_list(const fs::path& list, const LoadContext& context, Checkouts& checkouts) {
    const fs::path label = label_of(list, context.base);
    std::vector<LoadedTest> tests;
    std::error_code ignored;
    for (const ListedTest& listed :
         parse_testlist(settings::read_input_file(list, label, "the list of tests"), label)) {
      const fs::path directory = list.parent_path() / listed.name.path();
      if (!fs::is_directory(directory, ignored)) {
        throw core::InputError({label, listed.line}, "test " + listed.name.string() + " has no directory " +
                                                         label_of(directory, context.base).string());
      }
      tests.push_back(load_test(listed, directory, context, checkouts));
    }
    if (tests.empty()) throw core::InputError({label}, "the list names no test");
    return tests;
  }

  static LoadedTest load_test(const ListedTest& listed, const fs::path& directory, const LoadContext& context,
                              Checkouts& checkouts) {
    const fs::path real = fs::canonical(directory);
    const auto checkout = checkouts.at(real.parent_path().parent_path());
    Test test;
    test.name = test_name(real.filename(), label_of(directory, context.base));
    test.path = real;
    test.attributes = {{std::string(attribute::kind), {listed.kind}, default_kind},
                       {std::string(attribute::status), {listed.status}, default_status}};
    test.title = title_of(checkout->testing(), real);
    test.command_limit = context.in_guests.command_limit;
    // The verdict is libreswan's own: see KERNEL.
    test.kernel_warnings = core::KernelWarnings::tell;
    Script script;
    try {
      read_scripts(real, label_of(directory, context.base), *checkout, script);
      take_guests(test, script.guests);
      take_commands(test, script.commands);
      add_post_mortem(test);
      add_preparation(test, context);
      test.obstacle = missing_domain(test, script.guests, context.known_hosts);
    } catch (const core::InputError& error) {
      // Of more than a thousand tests, one that is broken must not keep the others from running.
      test.obstacle = error.what();
    }
    // The suite limits commands, not tests.
    test.limit = context.in_guests.command_limit * (test.steps.size() + test.preparation.size() + 1);
    return put_away(with_judge(std::move(test), checkouts.sanitizer(*checkout, context)), context);
  }
};

}  // namespace

const Format& libreswan_format() {
  static const LibreswanFormat format;
  return format;
}

}  // namespace kvmtest::suite
