#pragma once
// A pugixml document as text. For libvirt's own sources.

#include <sstream>
#include <string>

#include <pugixml.hpp>

namespace kvmtest::libvirt {

inline std::string text_of(const pugi::xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ");
  return out.str();
}

}  // namespace kvmtest::libvirt
