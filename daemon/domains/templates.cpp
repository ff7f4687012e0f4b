#include "domains/templates.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <pugixml.hpp>

#include "core/input_error.h"
#include "core/input_text.h"
#include "domains/reach.h"
#include "domains/xml_text.h"

namespace kvmtest::domains {
namespace {

namespace fs = std::filesystem;
using core::InputError;
using core::Place;

const std::set<std::string> placeholders{"PREFIX", "HOST",       "DOMAIN",        "TYPE",
                                         "KERNEL", "INITRD",     "IMAGE",         "STATE",
                                         "SHARE",  "MEMORY_MIB", "PREFIX_NUMBER", "PREFIX_NUMBER_HEX"};
constexpr std::string_view number_name = "PREFIX_NUMBER";

/// What is to be made of a prefix's number: PREFIX_NUMBER*10+20000.
struct Arithmetic {
  std::uint64_t factor = 1;
  std::uint64_t addend = 0;
};

/// Digits at `text`'s beginning, which go; nothing without any, or with too many.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  constexpr std::size_t most = 9;
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  if (count == 0 || count > most) return std::nullopt;
  const std::uint64_t value = std::stoull(std::string(text.substr(0, count)));
  text.remove_prefix(count);
  return value;
}

/// Nothing: it is no arithmetic on the number.
std::optional<Arithmetic> arithmetic_of(std::string_view name) {
  if (!name.starts_with(number_name)) return std::nullopt;
  name.remove_prefix(number_name.size());
  Arithmetic arithmetic;
  for (const auto& [sign, value] : {std::pair('*', &arithmetic.factor), std::pair('+', &arithmetic.addend)}) {
    if (name.empty() || name.front() != sign) continue;
    name.remove_prefix(1);
    const auto digits = take_digits(name);
    if (!digits) return std::nullopt;
    *value = *digits;
  }
  return name.empty() ? std::optional(arithmetic) : std::nullopt;
}

std::string number_text(const std::string& name, unsigned number) {
  if (name == "PREFIX_NUMBER_HEX") {
    constexpr const char* digits = "0123456789abcdef";
    return {digits[number / 16 % 16], digits[number % 16]};
  }
  const Arithmetic arithmetic = arithmetic_of(name).value_or(Arithmetic{});
  return std::to_string(number * arithmetic.factor + arithmetic.addend);
}

Place place_at(const fs::path& file, const std::string& text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  const auto line = static_cast<unsigned>(std::count(text.begin(), end, '\n')) + 1;
  const auto start = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  return {file, line, static_cast<unsigned>(offset - (start == std::string::npos ? 0 : start + 1)) + 1};
}

/// Calls `value` for each placeholder and puts what it returns in its place.
template <class Value>
std::string substitute(const std::string& text, Value value) {
  std::string out;
  std::size_t from = 0;
  while (true) {
    const auto at = text.find("@@", from);
    if (at == std::string::npos) break;
    const auto end = text.find("@@", at + 2);
    if (end == std::string::npos) break;
    out.append(text, from, at - from);
    out += value(text.substr(at + 2, end - at - 2), at);
    from = end + 2;
  }
  return out.append(text, from);
}

std::string escaped_xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&apos;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string read_template(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored))
    throw InputError({file}, "is no file, or a link to none: remove it, or put a domain template there");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw InputError({file}, "cannot read this domain template");
  core::check_text(text.str(), file);
  return text.str();
}

void check_template(const fs::path& file, const std::string& text) {
  const std::string filled = substitute(text, [&](const std::string& name, std::size_t at) {
    const bool number = name.starts_with(number_name) && !placeholders.contains(name);
    if (number && !arithmetic_of(name))
      throw InputError(place_at(file, text, at),
                       "placeholder @@" + name +
                           "@@: write @@PREFIX_NUMBER@@, @@PREFIX_NUMBER+20000@@ or @@PREFIX_NUMBER*10+20000@@");
    if (!number && !placeholders.contains(name))
      throw InputError(place_at(file, text, at),
                       "unknown placeholder @@" + name + "@@" + core::did_you_mean(name, placeholders));
    return std::string("1");
  });
  pugi::xml_document document;
  const auto parsed = document.load_string(filled.c_str());
  if (!parsed) throw InputError(place_at(file, filled, static_cast<std::size_t>(parsed.offset)), parsed.description());
  const auto domain = document.child("domain");
  if (!domain) throw InputError({file}, "not a libvirt domain: the outermost element is not <domain>");
  const auto devices = domain.child("devices");
  if (!devices.child("console") && !devices.child("serial"))
    throw InputError({file}, "this domain template has no console: add <serial type='pty'/> to its <devices>");
}

/// The image's format, by its first bytes (QEMU, docs/interop/qcow2.txt).
const char* format_of(const fs::path& image) {
  char magic[4] = {};
  std::ifstream(image, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "QFI\xfb" ? "qcow2" : "raw";
}

void add_disk(pugi::xml_node devices, const fs::path& image) {
  auto disk = devices.append_child("disk");
  disk.append_attribute("type").set_value("file");
  disk.append_attribute("device").set_value("disk");
  auto driver = disk.append_child("driver");
  driver.append_attribute("name").set_value("qemu");
  driver.append_attribute("type").set_value(format_of(image));
  disk.append_child("source").append_attribute("file").set_value(image.c_str());
  auto target = disk.append_child("target");
  target.append_attribute("dev").set_value("vda");
  target.append_attribute("bus").set_value("virtio");
}

/// Whether it has something that only one domain can have at a time: a port of the host's, a socket, a context, a place
/// at a server for disks, which may serve one at a time and let others wait.
bool is_one_of_a_kind(const pugi::xml_node& domain) {
  const auto devices = domain.child("devices");
  if (devices.select_node("disk//source[@protocol]")) return true;
  const auto context = devices.child("vsock").child("cid");
  if (context.attribute("address") && std::string_view(context.attribute("auto").value()) != "yes") return true;
  for (const auto& graphics : devices.children("graphics"))
    if (graphics.attribute("port").as_int(-1) >= 0 && std::string_view(graphics.attribute("autoport").value()) != "yes")
      return true;
  for (const char* kind : {"serial", "console", "parallel", "channel"})
    for (const auto& device : devices.children(kind))
      if (std::string_view(device.child("source").attribute("mode").value()) == "bind") return true;
  for (const std::string& word : qemu_arguments(domain))
    for (const char* part : {"hostfwd=", "server", "guest-cid="})
      if (word.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

Templates::Templates(const fs::path& directory, const fs::path& ready) {
  if (ready.empty()) {
    read_templates(directory);
    return;
  }
  ready_ = read_ready_domains(ready);
  for (const auto& [domain, description] : ready_) hosts_.insert(domain.host.value);
}

void Templates::read_templates(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".xml") continue;
    const std::string host = entry.path().stem().string();
    std::string text = read_template(entry.path());
    check_template(entry.path(), text);
    hosts_.insert(host);
    texts_[host] = std::move(text);
    files_[host] = entry.path();
  }
  if (error) throw InputError({directory}, "cannot read the directory of domain templates: " + error.message());
  if (hosts_.empty()) throw InputError({directory}, "no domain templates (*.xml) here");
}

std::vector<std::string> Templates::networks() const {
  return ready_made() ? std::vector<std::string>{} : networks_of(core::Prefix{""});
}

std::vector<std::string> Templates::networks_of(const core::Prefix& prefix, const Substitutions& with) const {
  std::set<std::string> all;
  for (const std::string& host : hosts_)
    for (const std::string& bridge : bridges_of(render({prefix, core::Host{host}}, with, {}))) all.insert(bridge);
  return {all.begin(), all.end()};
}

core::Domain Templates::sample(const std::string& host) const {
  for (const auto& [domain, description] : ready_)
    if (domain.host.value == host) return domain;
  return {core::Prefix{""}, core::Host{host}};
}

const fs::path& Templates::file(const core::Domain& domain) const {
  return ready_made() ? ready_.at(domain).file : files_.at(domain.host.value);
}

void Templates::check_prefixes(const std::vector<std::string>& prefixes) const {
  if (!ready_made()) return;
  std::set<std::string> known;
  for (const auto& [domain, description] : ready_) known.insert(domain.prefix.value);
  for (const std::string& prefix : prefixes) {
    if (known.contains(prefix)) continue;
    throw InputError({ready_.begin()->second.file.parent_path()},
                     "no domain of prefix '" + prefix + "' is described here" + core::did_you_mean(prefix, known));
  }
}

core::Domain Templates::parse_domain(const std::string& name) const {
  const std::string* best = nullptr;
  for (const std::string& host : hosts_)
    if (name.ends_with(host) && (best == nullptr || host.size() > best->size())) best = &host;
  if (best == nullptr) {
    std::string known;
    for (const std::string& host : hosts_) known += (known.empty() ? "" : ", ") + host;
    throw InputError("'" + name + "' is not a domain: it should be a prefix and one of the hosts " + known);
  }
  return {core::Prefix{name.substr(0, name.size() - best->size())}, core::Host{*best}};
}

/// The domain's description without kvmtest's own additions.
std::string Templates::filled(const core::Domain& domain, const Substitutions& with) const {
  if (ready_made()) return ready_.at(domain).xml;
  return substitute(texts_.at(domain.host.value), [&](const std::string& name, std::size_t) -> std::string {
    if (name == "PREFIX") return escaped_xml(domain.prefix.value);
    if (name == "HOST") return escaped_xml(domain.host.value);
    if (name == "DOMAIN") return escaped_xml(domain.name());
    if (name == "TYPE") return with.type;
    if (name == "KERNEL") return escaped_xml(with.kernel);
    if (name == "INITRD") return escaped_xml(with.initrd);
    if (name == "IMAGE") return escaped_xml(with.image);
    if (name == "STATE") return escaped_xml(with.state_dir);
    if (name == "SHARE") return with.share ? escaped_xml(with.share(domain.prefix)) : std::string();
    if (name.starts_with(number_name))
      return number_text(name, with.prefix_number ? with.prefix_number(domain.prefix) : 0);
    return std::to_string(with.memory_mib);
  });
}

std::string Templates::render(const core::Domain& domain, const Substitutions& with, const std::string& uuid) const {
  pugi::xml_document document;
  document.load_string(filled(domain, with).c_str());
  auto root = document.child("domain");
  if (ready_made() && with.type == "qemu" && std::string_view(root.attribute("type").value()) == "kvm") {
    // The processor of a host that runs KVM is none that an emulator has.
    root.attribute("type").set_value("qemu");
    root.remove_child("cpu");
  }
  auto name = root.child("name");
  if (!name) name = root.prepend_child("name");
  name.text().set(domain.name().c_str());
  if (!uuid.empty()) {
    root.remove_child("uuid");
    root.insert_child_after("uuid", name).text().set(uuid.c_str());
  }
  auto metadata = root.child("metadata");
  if (!metadata) metadata = root.insert_child_after("metadata", uuid.empty() ? name : root.child("uuid"));
  const std::string mark = owner_mark({with.state_dir, domain.prefix.value, domain.host.value});
  metadata.append_buffer(mark.data(), mark.size());
  if (!ready_made() && !with.image.empty() && texts_.at(domain.host.value).find("@@IMAGE@@") == std::string::npos)
    add_disk(root.child("devices"), with.image);
  const std::string xml = text_of(document);
  return with.management || ready_made() ? xml : without_cards_on(xml, domain.prefix.value + management_network);
}

bool Templates::uses(const std::string& placeholder) const {
  return std::any_of(texts_.begin(), texts_.end(), [&](const auto& entry) {
    return entry.second.find("@@" + placeholder + "@@") != std::string::npos;
  });
}

std::string Templates::on_networks(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  for (auto interface : document.child("domain").child("devices").children("interface")) {
    auto type = interface.attribute("type");
    if (std::string_view(type.value()) != "bridge") continue;
    type.set_value("network");
    auto source = interface.child("source").attribute("bridge");
    source.set_name("network");
  }
  return text_of(document);
}

std::string Templates::alone(const std::string& domain_xml, const std::string& name) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  domain.child("name").text().set(name.c_str());
  auto devices = domain.child("devices");
  while (devices.remove_child("interface")) {
  }
  return text_of(document);
}

std::optional<std::string> Templates::unconnected(const std::string& domain_xml, const std::string& name,
                                                  const std::string& uuid) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  auto title = domain.child("name");
  title.text().set(name.c_str());
  if (is_one_of_a_kind(domain)) return std::nullopt;
  domain.remove_child("uuid");
  if (!uuid.empty()) domain.insert_child_after("uuid", title).text().set(uuid.c_str());
  for (auto interface : domain.child("devices").children("interface")) {
    auto type = interface.attribute("type");
    if (std::string_view(type.value()) != "bridge") return std::nullopt;
    // What libvirt would do on the bridge, and a name that the domain's other card has.
    for (const char* of_the_bridge : {"virtualport", "vlan", "port", "bandwidth", "filterref", "target", "script"})
      if (interface.child(of_the_bridge)) return std::nullopt;
    type.set_value("ethernet");
    interface.remove_child("source");
  }
  return text_of(document);
}

std::string Templates::without_announcements(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  // libvirt has no element for this property. Telling QEMU by migration parameters (announce-rounds 0) makes 7.2 crash.
  for (const char* word : {"-global", "virtio-net-device.guest_announce=off"})
    add_for_qemu(domain, "arg").append_attribute("value").set_value(word);
  return text_of(document);
}

std::string Templates::with_socket_console(const std::string& domain_xml, const std::string& socket) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto devices = document.child("domain").child("devices");
  const auto move = [&](pugi::xml_node device) {
    auto type = device.attribute("type");
    if (std::string_view(type.value()) != "pty") return;
    type.set_value("unix");
    device.remove_child("source");
    auto source = device.prepend_child("source");
    source.append_attribute("mode").set_value("bind");
    source.append_attribute("path").set_value(socket.c_str());
  };
  const auto console = devices.child("console");
  const std::string_view target = console.child("target").attribute("type").value();
  // A console of this kind is another name of the first serial port.
  if (!console || target.empty() || target == "serial") move(devices.child("serial"));
  if (console) move(console);
  return text_of(document);
}

std::string Templates::console_socket(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  const auto console = document.child("domain").child("devices").child("console");
  const auto source = console.child("source");
  const bool listens = std::string_view(source.attribute("mode").value()) == "bind";
  return std::string_view(console.attribute("type").value()) == "unix" && listens ? source.attribute("path").value()
                                                                                  : "";
}

std::string Templates::without_kernel(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  auto os = domain.child("os");
  if (os.child("kernel")) {
    // It would find nothing to boot.
    domain.remove_child("on_reboot");
    domain.append_child("on_reboot").text().set("destroy");
  }
  for (const char* part : {"kernel", "initrd", "cmdline"}) os.remove_child(part);
  return text_of(document);
}

std::string Templates::named(const std::string& domain_xml, const std::string& name) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  auto domain = document.child("domain");
  domain.child("name").text().set(name.c_str());
  domain.remove_child("uuid");
  return text_of(document);
}

std::string owner_mark(const Owner& owner) {
  pugi::xml_document document;
  auto mark = document.append_child("kvmtest:owner");
  mark.append_attribute("xmlns:kvmtest").set_value(owner_namespace);
  mark.append_attribute("state").set_value(owner.state_dir.c_str());
  mark.append_attribute("prefix").set_value(owner.prefix.c_str());
  mark.append_attribute("host").set_value(owner.host.c_str());
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return out.str();
}

std::optional<Owner> owner_from(const std::string& domain_xml) {
  pugi::xml_document document;
  if (!document.load_string(domain_xml.c_str())) return std::nullopt;
  for (const auto mark : document.child("domain").child("metadata").children()) {
    const std::string_view name = mark.name();
    if (name != "owner" && !name.ends_with(":owner")) continue;
    if (const auto state = mark.attribute("state"))
      return Owner{state.value(), mark.attribute("prefix").value(), mark.attribute("host").value()};
  }
  return std::nullopt;
}

std::uint64_t memory_of(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  const auto memory = document.child("domain").child("memory");
  const std::string_view unit = memory.attribute("unit").as_string("KiB");
  // libvirt's words (formatdomain.html, memory): a letter is a power of 1024, with "B" behind it a power of 1000.
  std::uint64_t factor = 1;
  const auto power = std::string_view("bkMGTPE").find(unit == "bytes" ? 'b' : unit.front() == 'K' ? 'k' : unit.front());
  for (std::size_t i = 0; i < power && power != std::string_view::npos; ++i)
    factor *= unit.size() == 2 && unit[1] == 'B' ? 1000 : 1024;
  return memory.text().as_ullong() * factor;
}

bool has_kernel(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  return static_cast<bool>(document.child("domain").child("os").child("kernel"));
}

std::vector<std::string> links_of(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  std::vector<std::string> links;
  for (const auto interface : document.child("domain").child("devices").children("interface"))
    if (const auto link = interface.child("target").attribute("dev"); link && *link.value())
      links.emplace_back(link.value());
  return links;
}

std::vector<std::string> bridges_of(const std::string& domain_xml) {
  pugi::xml_document document;
  document.load_string(domain_xml.c_str());
  std::vector<std::string> bridges;
  for (const auto interface : document.child("domain").child("devices").children("interface"))
    if (const auto bridge = interface.child("source").attribute("bridge"); bridge && *bridge.value())
      bridges.emplace_back(bridge.value());
  return bridges;
}

}  // namespace kvmtest::domains
