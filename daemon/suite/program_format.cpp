#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

#include "core/input_text.h"
#include "settings/input_file.h"
#include "suite/files.h"
#include "suite/program.h"
#include "suite/shelf.h"
#include "suite/transcript.h"

namespace kvmtest::suite {
namespace {

namespace fs = std::filesystem;

/// Bytes of a program in which its description must stand: it may be a binary of any size.
constexpr std::size_t description_bytes = 8192;

std::string beginning(const fs::path& file) {
  std::string text(description_bytes, '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in) throw core::InputError({file}, "cannot read the program, whose top may say which hosts it needs");
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  // Half a line would be read as a whole one.
  if (text.size() == description_bytes) text.resize(text.find_last_of('\n') + 1);
  return text;
}

class ProgramJudge final : public Judge {
 public:
  explicit ProgramJudge(std::vector<std::string> hosts) : hosts_(std::move(hosts)) {}
  [[nodiscard]] Judgement judge(const Execution& execution, judge::Effort&) const override {
    return judge_program(hosts_, execution);
  }
  [[nodiscard]] std::optional<JudgeAway> put_away(base::Spool&) const override {
    return JudgeAway{{}, [](const Test& test, std::string) {
                       std::shared_ptr<const Judge> judge = std::make_shared<ProgramJudge>(test.hosts);
                       return judge;
                     }};
  }

 private:
  const std::vector<std::string> hosts_;
};

LoadedTest loaded(Test test, const LoadContext& context) {
  auto judge = std::make_shared<ProgramJudge>(test.hosts);
  return put_away({std::move(test), std::move(judge)}, context);
}

bool is_list(const fs::path& path) {
  std::error_code ignored;
  return path.extension() == list_suffix && !path.stem().empty() && fs::is_regular_file(path, ignored);
}

bool has_permission(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  using fs::perms;
  return fs::is_regular_file(status) &&
         (status.permissions() & (perms::owner_exec | perms::group_exec | perms::others_exec)) != perms::none;
}

bool is_executable(const fs::path& path) {
  if (!has_permission(path) || is_list(path)) return false;
  return path.extension() != transcript_suffix || is_script(path);
}

/// The file that `path` names, and the one test of it that is meant; no test: all.
struct Named {
  fs::path file;
  std::string test;
};

/// "net/iperf", "net/iperf.tests" or "net/iperf/tcp": lists with or without suffix, and a test of one.
std::optional<Named> list_of(const fs::path& path) {
  for (const auto& [candidate, test] :
       {std::pair{path, std::string()}, {path.parent_path(), path.filename().string()}}) {
    fs::path with_suffix = candidate;
    with_suffix += list_suffix;
    for (const fs::path& file : {candidate, with_suffix})
      if (is_list(file)) return Named{file, test};
  }
  return std::nullopt;
}

/// A script is no program with a byte order mark or CR LF. Throws core::InputError when it would be a test without.
void check_script(const std::string& top, const fs::path& label) {
  if (top.starts_with("\xff\xfe#") || top.starts_with("\xfe\xff")) return core::check_text(top, label);
  std::string plain = top;
  if (plain.starts_with("\xef\xbb\xbf")) plain.erase(0, 3);
  std::erase(plain, '\r');
  if (plain.size() < top.size() && plain.starts_with('#') && parse_program(plain, label, {}))
    core::check_text(top, label);
}

std::optional<Test> described(const fs::path& file, const LoadContext& context) {
  const std::string top = beginning(file);
  const fs::path label = label_of(file, context.base);
  check_script(top, label);
  auto test = parse_program(top, label, {}, context.known_hosts);
  if (!test) return std::nullopt;
  test->name = test_name_of(file, file.filename().string(), label);
  test->path = file;
  test->program = Program{{file.string()}, file.parent_path()};
  return test;
}

bool is_list_or_executable(const fs::path& path) { return is_list(path) || is_executable(path); }

class ProgramFormat final : public Format {
 public:
  [[nodiscard]] std::string_view name() const override { return "program"; }
  [[nodiscard]] bool shares_directories() const override { return true; }

  [[nodiscard]] bool recognizes(const fs::path& path) const override {
    if (list_of(path) || is_executable(path)) return true;
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) return false;
    bool found = false;
    walk(path, is_list_or_executable, [&](const fs::path& file) {
      // A mistake in it is told when it is loaded.
      try {
        found = is_list(file) || described(file, {path, nullptr});
      } catch (const core::InputError&) {
        found = true;
      }
      return !found;
    });
    return found;
  }

  [[nodiscard]] std::vector<LoadedTest> load(const fs::path& path, const LoadContext& context) const override {
    std::vector<LoadedTest> tests;
    std::error_code ignored;
    if (const auto list = list_of(path)) {
      add_list(*list, context, tests);
      return tests;  // a list says in which order
    }
    if (fs::is_directory(path, ignored)) {
      std::vector<fs::path> files;
      walk(path, is_list_or_executable, [&](const fs::path& file) {
        files.push_back(file);
        return true;
      });
      std::sort(files.begin(), files.end());
      for (const fs::path& file : files) {
        if (is_list(file))
          add_list({file, {}}, context, tests);
        else if (auto test = described(file, context))
          tests.push_back(loaded(std::move(*test), context));
      }
    } else if (is_executable(path)) {
      auto test = described(path, context);
      if (!test)
        throw core::InputError({label_of(path, context.base), 1},
                               "the comment at the program's top does not say which hosts it needs: '# hosts: east "
                               "west'; a program that cannot be changed is named in a list (*.tests)");
      tests.push_back(loaded(std::move(*test), context));
    }
    if (tests.empty())
      throw core::InputError({label_of(path, context.base)},
                             "no programs are here: neither executable files with '# hosts: …', nor lists (*.tests)");
    return tests;
  }

 private:
  static void add_list(const Named& named, const LoadContext& context, std::vector<LoadedTest>& tests) {
    const fs::path label = label_of(named.file, context.base);
    const std::string suite = named.file.stem().string();
    std::vector<std::string> names;
    const std::size_t before = tests.size();
    for (Test& test : parse_list(settings::read_input_file(named.file, label, "the list"), label, suite,
                                 named.file.parent_path(), context.known_hosts)) {
      names.push_back(test.name.string().substr(suite.size() + 1));
      if (!named.test.empty() && named.test != names.back()) continue;
      test.path = named.file;
      tests.push_back(loaded(std::move(test), context));
    }
    if (tests.size() == before)
      throw core::InputError({label}, "there is no test '" + named.test + "'" + core::did_you_mean(named.test, names));
  }
};

}  // namespace

bool is_script(const fs::path& file) { return has_permission(file) && beginning(file).starts_with("#!"); }

const Format& program_format() {
  static const ProgramFormat format;
  return format;
}

}  // namespace kvmtest::suite
