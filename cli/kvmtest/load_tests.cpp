#include "kvmtest/load_tests.h"

#include "domains/templates.h"
#include "suite/loader.h"

namespace kvmtest::command {

namespace fs = std::filesystem;

Paths resolve(const settings::Settings& settings, const std::vector<std::string>& paths) {
  // What the user types is relative to where they stand; what the settings say, to the project.
  if (paths.empty()) return {settings.tests, settings.project};
  Paths out{{}, settings.project};
  for (const std::string& path : paths) {
    const fs::path absolute = fs::absolute(path).lexically_normal();
    const fs::path relative = absolute.lexically_relative(settings.project);
    out.tests.push_back(relative.empty() || relative.string().starts_with("..") ? absolute.string()
                                                                                : relative.string());
  }
  return out;
}

std::vector<suite::LoadedTest> load_tests(const settings::Settings& settings, const std::vector<std::string>& paths,
                                          const std::string& format) {
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  const Paths resolved = resolve(settings, paths);
  auto context = suite::context_for(settings, &templates.hosts());
  context.base = resolved.base;
  return suite::load(resolved.tests, std::move(context), format);
}

}  // namespace kvmtest::command
