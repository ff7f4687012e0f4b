#include "client/completion.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "client/words.h"
#include "domains/templates.h"

namespace kvmtest::client {
namespace {

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? "-" + option.get_snames().front() : "--" + option.get_lnames().front();
}

/// How the words before the last one are to be read. bash splits at "=", which then is a word.
Reading place_of(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> before;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] != "=") before.push_back(words[i]);
  return read_words(app, before);
}

std::vector<Candidate> options_of(const CLI::App& app) {
  std::vector<Candidate> out;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_positional() && !option->get_group().empty())
      out.push_back({long_name(*option), option->get_description()});
  return out;
}

/// The `nth` positional, or the last one, which then takes several.
const CLI::Option* positional_of(const CLI::App& app, std::size_t nth) {
  const CLI::Option* found = nullptr;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    found = option;
    if (nth-- == 0) break;
  }
  return found;
}

}  // namespace

std::vector<Candidate> complete(const CLI::App& app, const std::vector<std::string>& words, const Values& values) {
  if (words.empty()) return {};
  const Reading place = place_of(app, words);
  std::string last = words.back() == "=" ? "" : words.back();
  std::vector<Candidate> all;
  const auto add_values = [&](const std::string& name, const std::string& before) {
    for (const std::string& value : values(name, place.verb)) all.push_back({before + value, ""});
  };
  if (place.waiting != nullptr) {
    add_values(long_name(*place.waiting), "");
  } else if (last.starts_with("-")) {
    const auto equals = last.find('=');
    const CLI::Option* option = equals == std::string::npos ? nullptr : find_option(*place.app, last.substr(0, equals));
    if (option != nullptr)
      add_values(long_name(*option), last.substr(0, equals + 1));
    else
      all = options_of(*place.app);
  } else if (const auto verbs = place.app->get_subcommands([](const CLI::App*) { return true; }); !verbs.empty()) {
    for (const CLI::App* verb : verbs) all.push_back({verb->get_name(), verb->get_description()});
  } else if (const CLI::Option* positional = positional_of(*place.app, place.positionals)) {
    add_values(positional->get_name(true), "");
  }
  std::erase_if(all, [&](const Candidate& candidate) { return !candidate.word.starts_with(last); });
  return all;
}

void print(std::ostream& out, const std::vector<Candidate>& candidates) {
  for (const Candidate& candidate : candidates)
    out << candidate.word << '\t' << candidate.about.substr(0, candidate.about.find('\n')) << '\n';
}

std::vector<std::string> domain_names(const settings::Settings& settings) {
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  std::vector<std::string> names;
  for (const std::string& prefix : settings.prefixes)
    for (const std::string& host : templates.hosts()) names.push_back(prefix + host);
  return names;
}

}  // namespace kvmtest::client
