#pragma once
// Reading and printing pugixml documents of domains.

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <pugixml.hpp>

namespace kvmtest::domains {

/// QEMU's own arguments, in order, whatever name the document gives to that namespace.
inline std::vector<std::string> qemu_arguments(pugi::xml_node domain) {
  const auto is = [](pugi::xml_node node, std::string_view local) {
    const std::string_view name = node.name();
    return name.substr(name.find(':') + 1) == local && name.size() > local.size();
  };
  std::vector<std::string> arguments;
  for (const auto& line : domain.children())
    for (const auto& word : is(line, "commandline") ? line.children() : pugi::xml_node().children())
      if (is(word, "arg")) arguments.emplace_back(word.attribute("value").value());
  return arguments;
}

inline std::string text_of(const pugi::xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

}  // namespace kvmtest::domains
