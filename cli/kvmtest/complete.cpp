// What the verbs' options and arguments take, for shells to offer.

#include <algorithm>
#include <map>
#include <set>

#include "client/completion.h"
#include "core/verdict.h"
#include "domains/templates.h"
#include "kvmtest/complete.h"
#include "kvmtest/load_tests.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> verdicts() {
  std::vector<std::string> out;
  for (const auto verdict : {core::Verdict::passed, core::Verdict::failed, core::Verdict::unresolved,
                             core::Verdict::untested, core::Verdict::unsupported})
    out.emplace_back(core::to_string(verdict));
  return out;
}

const std::map<std::string, std::vector<std::string>>& words() {
  static const std::map<std::string, std::vector<std::string>> table{
      {"--accelerator", {"auto", "kvm", "emulated"}},
      {"--reset", {"snapshot", "auto", "boot"}},
      {"--order", {"auto", "listed", "reverse", "longest", "failed", "shuffle"}},
      {"--consoles", {"none", "failed", "all"}},
      {"--run-post-mortem", {"y", "n"}},
      {"--report", {"junit:", "tap:", "json:", "html:", "trace:"}},
      {"FORMAT", {"junit", "tap", "json", "html", "trace"}},
      {"--skip", verdicts()},
      {"--result", verdicts()}};
  return table;
}

/// The newest first: what one asks for most.
std::vector<std::string> runs(const settings::Settings& settings) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(settings.state_dir.runs(), error))
    out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a > b;
  });
  return out;
}

/// As paths from here, where tests are named by their files; else as results name them.
std::vector<std::string> tests(const settings::Settings& settings, bool as_paths) {
  std::set<std::string> out;
  for (const auto& loaded : load_tests(settings, {}, "")) {
    const fs::path path = (settings.project / loaded.test.path).lexically_normal();
    out.insert(as_paths ? path.lexically_relative(fs::current_path()).string() : loaded.test.name.string());
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> values(const Context& context, const std::string& name, const std::string& verb) {
  static const std::set<std::string> by_path{"run", "list", "plan", "bisect"};
  if (const auto found = words().find(name); found != words().end()) return found->second;
  const bool of_settings = name == "--prefixes" || name == "HOST" || name == "DOMAINS" || name == "RUN" ||
                           name == "--run" || name == "--baseline" || name == "TESTS" || name == "TEST" ||
                           name == "--start-at" || name == "--pair";
  if (!of_settings) return {};
  const auto settings = context.common.settings();
  if (name == "--prefixes") return settings.prefixes;
  if (name == "HOST") {
    const domains::Templates templates(settings.domains.templates, settings.domains.ready);
    return {templates.hosts().begin(), templates.hosts().end()};
  }
  if (name == "DOMAINS") return client::domain_names(settings);
  if (name == "RUN" || name == "--run" || name == "--baseline") return runs(settings);
  return tests(settings, by_path.contains(verb) && name.starts_with("TEST"));
}

}  // namespace

int complete(const client::Command& program, const Context& context, const std::vector<std::string>& typed,
             std::ostream& out) {
  client::print(out, client::complete(program.app(), typed, [&](const std::string& name, const std::string& verb) {
                  try {
                    return values(context, name, verb);
                  } catch (const std::exception&) {
                    return std::vector<std::string>();  // a shell that waits for candidates is no place for errors
                  }
                }));
  return 0;
}

}  // namespace kvmtest::command
