#include "settings/settings.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <map>
#include <system_error>

#include "settings/input_file.h"
#include "settings/table.h"

namespace kvmtest::settings {

namespace {

namespace fs = std::filesystem;

core::Place place_of(const fs::path& file, const YAML::Mark& mark) {
  if (mark.is_null()) return {file};
  return {file, static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

class Reader {
 public:
  Reader(fs::path file, Settings& settings) : file_(std::move(file)), settings_(settings) {
    for (const Entry& entry : table()) {
      entries_.emplace(entry.name, &entry);
      const std::size_t dot = entry.name.find('.');
      if (dot != std::string::npos) sections_.emplace(entry.name.substr(0, dot), true);
    }
  }

  /// Reads the settings of `map`, whose names begin with `section` ("" or "limits.").
  void read(const YAML::Node& map, const std::string& section) {
    std::map<std::string, core::Place> seen;
    for (const auto& item : map) {
      const core::Place place = place_of(file_, item.first.Mark());
      if (!item.first.IsScalar())
        throw core::InputError(place, "expected a setting's name, found " + kind_of(item.first));
      const std::string name = section + item.first.Scalar();
      const auto [first, fresh] = seen.emplace(name, place);
      if (!fresh) {
        throw core::InputError(place, "setting '" + name + "' is here for the second time; the first is in line " +
                                          std::to_string(first->second.line));
      }
      read_one(name, place, item.second);
    }
  }

 private:
  void read_one(const std::string& name, const core::Place& place, const YAML::Node& value) {
    if (sections_.contains(name)) {
      if (value.IsNull()) return;
      if (value.IsMap()) return read(value, name + ".");
      throw core::InputError(place_of(file_, value.Mark()), name + ": expected a section, found " + kind_of(value));
    }
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) throw core::InputError(place, "unknown setting '" + name + "'" + suggestion(name));
    // yaml-cpp has no place for a value that is not there; its name's will do.
    const core::Place at = value.IsNull() ? place : place_of(file_, value.Mark());
    entry->second->read(settings_, {value, at.text() + ": " + name, settings_.project});
  }

  [[nodiscard]] std::string suggestion(const std::string& name) const {
    const std::string leaf = name.substr(name.find('.') + 1);
    std::vector<std::string> known;
    for (const Entry& entry : table()) {
      if (entry.name.ends_with("." + leaf) || leaf == entry.name) return " (did you mean '" + entry.name + "'?)";
      known.push_back(entry.name);
    }
    for (const auto& section : sections_) known.push_back(section.first);
    return core::did_you_mean(name, known);
  }

  fs::path file_;
  Settings& settings_;
  std::map<std::string, const Entry*> entries_;
  std::map<std::string, bool> sections_;
};

const char* set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

std::map<std::string, std::string> Settings::Ssh::addresses() const {
  std::map<std::string, std::string> by_host;
  for (const std::string& item : hosts) {
    const auto equals = item.find('=');
    by_host[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return by_host;
}

Settings load_text(const std::string& text, const fs::path& file) {
  Settings settings = defaults(fs::absolute(file).parent_path());
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw core::InputError(place_of(file, documents[1].Mark()), "a second YAML document; settings are one");
    }
    if (!documents.empty() && !documents[0].IsNull()) {
      if (!documents[0].IsMap()) {
        throw core::InputError(place_of(file, documents[0].Mark()),
                               "expected settings, each 'name: value', found " + kind_of(documents[0]));
      }
      Reader(file, settings).read(documents[0], "");
    }
  } catch (const YAML::Exception& error) {
    throw core::InputError(place_of(file, error.mark), "not YAML: " + error.msg);
  }
  if (settings.state_dir.empty()) settings.state_dir = settings.project / base::StateDirectory::default_name;
  return settings;
}

Settings load(const std::optional<fs::path>& file) {
  std::error_code ignored;
  if (!file && !fs::exists(default_file, ignored)) return defaults(fs::current_path());
  const fs::path path = file.value_or(default_file);
  return load_text(read_input_file(path, path, "the settings"), path);
}

void apply_environment(Settings& settings) {
  if (const char* workers = set("KVM_WORKERS")) set_workers(settings, workers, "KVM_WORKERS");
  for (const char* variable : {"KVM_PREFIXES", "KVM_PREFIX"}) {
    if (const char* prefixes = set(variable)) {
      set_prefixes(settings, prefixes, variable);
      break;
    }
  }
  if (const char* directory = set("KVM_DOMAINS")) settings.domains.ready = fs::absolute(directory).lexically_normal();
  if (const char* uri = set("KVM_URI")) settings.hypervisor.uri = uri;
  if (const char* word = set("KVM_ACCELERATOR")) {
    settings.hypervisor.accelerator = parse_accelerator(word, "KVM_ACCELERATOR");
  }
  if (const char* word = set("KVM_SSH")) settings.ssh.network = parse_ssh_network(word, "KVM_SSH");
  if (const char* word = set("KVM_NETWORK")) settings.network = parse_network(word, "KVM_NETWORK");
  if (const char* word = set("KVM_GUEST")) settings.domains.guest = parse_guest(word, "KVM_GUEST");
  if (const char* word = set("KVM_GUEST_RELEASE")) settings.domains.release = parse_release(word, "KVM_GUEST_RELEASE");
  if (const char* word = set("KVM_RESET")) settings.reset.method = parse_reset_method(word, "KVM_RESET");
  if (const char* word = set("KVM_SPARES")) settings.reset.spares = parse_switch(word, "KVM_SPARES");
  if (const char* word = set("KVM_REQUIRE_SOME")) settings.require_some = parse_switch(word, "KVM_REQUIRE_SOME");
  if (const char* number = set("KVM_MAX_FAIL"))
    settings.max_fail = parse_number(number, "KVM_MAX_FAIL", 0, most_max_fail);
}

}  // namespace kvmtest::settings
