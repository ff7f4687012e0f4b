#include "client/manual.h"

#include <set>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "client/options.h"

namespace kvmtest::client {
namespace {

constexpr std::size_t longest_line = 78;

/// Text as mdoc has it: short lines, a new one for each sentence, and none that looks like a request.
std::string text(const std::string& words) {
  std::istringstream in(words);
  std::string out;
  std::string line;
  for (std::string word; in >> word;) {
    if (!line.empty() && (line.size() + word.size() >= longest_line || line.ends_with('.'))) {
      out += line + '\n';
      line.clear();
    }
    line += line.empty() ? "" : " ";
    if (line.empty() && (word[0] == '.' || word[0] == '\'')) line += "\\&";
    if (word.size() <= 3 && word.ends_with('.')) word += "\x01";  // "a." ends no sentence
    for (const char c : word)
      line += c == '\\' ? std::string("\\e") : c == '\x01' ? std::string("\\&") : std::string(1, c);
  }
  return out + line + (line.empty() ? "" : "\n");
}

/// What stands for an option's value, without what CLI11 says of its bounds.
std::string placeholder(const CLI::Option& option) {
  std::string name = option.get_type_name();
  for (const char* bounds : {":{", ":INT in", ":UINT in", ":FLOAT in", ":value in", ":POSITIVE"})
    name = name.substr(0, name.find(bounds));
  return name.empty() ? "VALUE" : name;
}

std::string item(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += fmt::format("{}Fl {}", names.empty() ? "" : " , ", name);
  for (const std::string& name : option.get_lnames())
    names += fmt::format("{}Fl -{}", names.empty() ? "" : " , ", name);
  if (option.get_items_expected_max() > 0) names += " Ar " + placeholder(option);
  return ".It " + names + "\n" + text(option.get_description());
}

/// The options whose names are not in `known`, and then the footer.
std::string options(const CLI::App& app, const std::set<std::string>& known) {
  std::string items;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_positional() && !option->get_group().empty() && !known.contains(option->get_name()))
      items += item(*option);
  std::string arguments;
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional())
      arguments += ".It Ar " + option->get_name(true) + "\n" + text(option->get_description());
  std::string out;
  if (!(items + arguments).empty()) out += ".Bl -tag -width Ds\n" + arguments + items + ".El\n";
  if (!app.get_footer().empty()) out += ".Pp\n" + text(app.get_footer());
  return out;
}

}  // namespace

std::string manual(const CLI::App& app) {
  const auto verbs = app.get_subcommands([](const CLI::App*) { return true; });
  if (verbs.empty()) return options(app, {});
  Command options_of_all("");
  CommonOptions common;
  common.add_to(options_of_all);
  const CLI::App& shared = options_of_all.app();
  std::set<std::string> known;
  for (const CLI::Option* option : shared.get_options()) known.insert(option->get_name());
  std::string out = ".Ss All verbs\n" + options(shared, {});
  for (const CLI::App* verb : verbs)
    out += ".Ss kvmtest " + verb->get_name() + "\n" + text(verb->get_description() + ".") + options(*verb, known);
  return out;
}

std::string settings_manual() {
  std::istringstream in(settings::describe());
  std::string out;
  std::string doc;
  std::string section;
  bool list = false;
  const auto end_list = [&] {
    if (std::exchange(list, false)) out += ".El\n";
  };
  for (std::string line; std::getline(in, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (line.starts_with("# ")) {
      doc += line.substr(2) + " ";
    } else if (line.starts_with("#")) {
      const auto colon = line.find(": ");
      if (!std::exchange(list, true)) out += ".Bl -tag -width Ds\n";
      std::string value = line.substr(colon + 2);
      for (auto at = value.find('"'); at != std::string::npos; at = value.find('"', at + 4))
        value.replace(at, 1, "\\(dq");
      out += fmt::format(".It Ic {}\n{}Default:\n.Ql {}\n", section + line.substr(1, colon - 1), text(doc), value);
      doc.clear();
    } else if (line.ends_with(":")) {
      end_list();
      section = line.substr(0, line.size() - 1) + ".";
      out += ".Ss " + line.substr(0, line.size() - 1) + "\n";
    } else {
      // The head of the file ends here; and a section does when what follows is not indented.
      if (out.empty() && !doc.empty() && section.empty() && !list) doc.clear();
      if (in.peek() == '#' && !section.empty()) {
        end_list();
        section.clear();
        out += ".Ss Without a section\n";
      }
    }
  }
  end_list();
  return out;
}

}  // namespace kvmtest::client
