#pragma once
// The table of all settings: each is declared once, with its name, its reader, how it is shown, and what it means.
// Internal to settings/.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace YAML {
class Node;
}

namespace kvmtest::settings {

/// One value in the file.
struct Reading {
  const YAML::Node& node;
  std::string origin;               ///< "file:line:column: name", for errors
  std::filesystem::path directory;  ///< what relative paths are relative to
};

struct Entry {
  std::string name;      ///< dotted, at most one dot
  std::string doc;       ///< one or more sentences, on one line
  std::string fallback;  ///< the default as describe() shows it, where that depends on the machine; else empty
  std::function<void(Settings&, const Reading&)> read;
  std::function<std::string(const Settings&)> show;  ///< as YAML
  bool secret = false;                               ///< what its file says is for its reader alone
};

const std::vector<Entry>& table();

/// What a node is, for errors: "a list", "a section", "nothing", or "'text'".
std::string kind_of(const YAML::Node& node);

}  // namespace kvmtest::settings
