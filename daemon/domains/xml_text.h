#pragma once
// Reading and printing pugixml documents of domains.

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <pugixml.hpp>

namespace kvmtest::domains {

/// Whether a node is one of QEMU's own, whatever name the document gives to that namespace.
inline bool is_qemus(pugi::xml_node node, std::string_view local) {
  const std::string_view name = node.name();
  return name.substr(name.find(':') + 1) == local && name.size() > local.size();
}

/// QEMU's own arguments, in order.
inline std::vector<std::string> qemu_arguments(pugi::xml_node domain) {
  std::vector<std::string> arguments;
  for (const auto& line : domain.children())
    for (const auto& word : is_qemus(line, "commandline") ? line.children() : pugi::xml_node().children())
      if (is_qemus(word, "arg")) arguments.emplace_back(word.attribute("value").value());
  return arguments;
}

/// A new node of QEMU's own command line, which is made if there is none.
inline pugi::xml_node add_for_qemu(pugi::xml_node domain, const std::string& local) {
  pugi::xml_node commandline = domain.find_child([](pugi::xml_node child) { return is_qemus(child, "commandline"); });
  if (!commandline) {
    if (!domain.attribute("xmlns:qemu"))
      domain.append_attribute("xmlns:qemu").set_value("http://libvirt.org/schemas/domain/qemu/1.0");
    commandline = domain.append_child("qemu:commandline");
  }
  const std::string name = commandline.name();
  return commandline.append_child((name.substr(0, name.find(':') + 1) + local).c_str());
}

inline std::string text_of(const pugi::xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

}  // namespace kvmtest::domains
