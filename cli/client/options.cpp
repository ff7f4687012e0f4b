#include "client/options.h"

#include <cstdlib>
#include <iostream>

#include "base/quoting.h"
#include "client/client.h"
#include "core/input_error.h"

namespace kvmtest::client {

void CommonOptions::add_to(Command& command) {
  command.add_option("--config", config, "settings file (default: kvmtest.yaml in the current directory, if there)");
  command.add_option("--state-dir", state_dir, "directory of all state (default: .kvmtest)");
  command.add_option("--workers", workers,
                     "domains brought up at the same time, or auto; also KVM_WORKERS (default: auto)");
  command.add_option("--prefixes", prefixes, "sets of domains, one test at a time each, \"a. b.\"; also KVM_PREFIXES");
  command.add_option("--domains", domains,
                     "directory of domains that another set-up described, used instead of templates; also KVM_DOMAINS");
  command.add_option("--prefix", prefix_paths,
                     "DIR/PREFIX: --domains DIR and one of --prefixes in one; may be repeated");
  command.add_option("--uri", uri, "libvirt URI; also KVM_URI (default: embedded, under the state directory)");
  command.add_option("--accelerator", accelerator, "auto, kvm or emulated; also KVM_ACCELERATOR");
}

/// A path that is a directory has domains without a prefix; otherwise its last component is one.
void CommonOptions::take_prefix_paths(settings::Settings& settings) const {
  if (prefix_paths.empty()) return;
  if (prefixes || domains)
    throw core::InputError("--prefix DIR/PREFIX stands for --domains and --prefixes; leave these out");
  settings.prefixes.clear();
  settings.automatic.prefixes = false;
  for (const std::string& typed : prefix_paths) {
    const auto path = std::filesystem::absolute(typed).lexically_normal();
    const bool bare = std::filesystem::is_directory(path);
    auto directory = bare && !path.has_filename() ? path.parent_path() : bare ? path : path.parent_path();
    if (!settings.prefixes.empty() && directory != settings.domains.ready)
      throw core::InputError("--prefix " + typed + ": all prefixes must be in one directory, and another was in " +
                             settings.domains.ready.string());
    if (!std::filesystem::is_directory(directory))
      throw core::InputError("--prefix " + typed + ": there is no directory " + directory.string());
    settings.domains.ready = std::move(directory);
    settings.prefixes.push_back(bare ? "" : path.filename().string());
  }
  settings::check_prefixes(settings.prefixes, "--prefix");
}

settings::Settings CommonOptions::settings() const {
  auto settings = settings::load(config);
  settings::apply_environment(settings);
  if (state_dir) settings::move_state_dir(settings, *state_dir);
  if (workers) settings::set_workers(settings, *workers, "--workers");
  if (prefixes) settings::set_prefixes(settings, *prefixes, "--prefixes");
  if (domains) settings.domains.ready = std::filesystem::absolute(*domains).lexically_normal();
  take_prefix_paths(settings);
  if (uri) settings.hypervisor.uri = *uri;
  if (accelerator) settings.hypervisor.accelerator = settings::parse_accelerator(*accelerator, "--accelerator");
  // The daemon reads the environment, too; so it sees what the command line says.
  setenv("KVM_DOMAINS", settings.domains.ready.c_str(), 1);
  setenv("KVM_URI", settings.hypervisor.uri.c_str(), 1);
  setenv("KVM_ACCELERATOR", std::string(settings::to_string(settings.hypervisor.accelerator)).c_str(), 1);
  return settings;
}

std::string CommonOptions::again(bool all) const {
  std::string out;
  const auto add = [&](const char* name, const std::string& value) {
    out += std::string(" ") + name + ' ' + base::shell_word(value);
  };
  if (config) add("--config", config->string());
  if (state_dir) add("--state-dir", state_dir->string());
  if (!all) return out;
  if (workers) add("--workers", *workers);
  if (prefixes) add("--prefixes", *prefixes);
  if (domains) add("--domains", domains->string());
  for (const std::string& path : prefix_paths) add("--prefix", path);
  if (uri) add("--uri", *uri);
  if (accelerator) add("--accelerator", *accelerator);
  return out;
}

int with_errors(const char* program, const std::function<int()>& body) {
  const auto tell = [&](const std::exception& e) { std::cerr << program << ": " << e.what() << '\n'; };
  try {
    return body();
  } catch (const core::InputError& e) {
    tell(e);
    return 2;
  } catch (const Refused& e) {
    tell(e);
    return e.exit_status();
  } catch (const std::exception& e) {
    tell(e);
    return 3;
  }
}

}  // namespace kvmtest::client
