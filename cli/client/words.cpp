#include "client/words.h"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace kvmtest::client {
namespace {

// Behind this one, which no word of CLI11's begins with, a word is as it was typed.
constexpr char literally = ':';

/// Whether CLI11 might take the word for something else than a word.
bool is_special(const std::string& word) {
  return word.empty() || std::string_view(":-[{%+").find(word.front()) != std::string_view::npos;
}

std::string guarded(const std::string& word) { return is_special(word) ? literally + word : word; }

std::string unguarded(const std::string& word) { return word.starts_with(literally) ? word.substr(1) : word; }

const CLI::App* find_verb(const CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

bool wants_value(const CLI::Option* option) { return option != nullptr && option->get_items_expected_max() > 0; }

/// The option in such a word that waits for its value, if any: "--limit", "-e", "-qe".
const CLI::Option* waiting_option(const CLI::App& app, const std::string& word) {
  if (word.starts_with("--")) {
    if (word.find('=') != std::string::npos) return nullptr;
    const CLI::Option* option = find_option(app, word);
    return wants_value(option) ? option : nullptr;
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    const CLI::Option* option = find_option(app, std::string("-") + word[i]);
    if (wants_value(option)) return i + 1 == word.size() ? option : nullptr;  // else the rest is the value
  }
  return nullptr;
}

/// As CLI11 classifies it: "-" alone is none.
bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

void take_literally(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional())
      option->allow_extra_args(false);
    else if (option->get_items_expected_max() == 1)
      option->transform([](const std::string& word) { return unguarded(word); });
  }
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) take_literally(*verb);
}

}  // namespace

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options())
    if (!option->get_positional() && option->check_name(name)) return option;
  return nullptr;
}

Reading read_words(const CLI::App& app, const std::vector<std::string>& words) {
  Reading reading{.roles = {}, .app = &app};
  bool marked = false;
  int values = 0;  // that the last option still takes
  for (const std::string& word : words) {
    Role role = Role::positional;
    if (values > 0) {
      role = Role::value;
      if (--values == 0) reading.waiting = nullptr;
    } else if (!marked && word == "--") {
      role = Role::mark;
      marked = true;
    } else if (!marked && is_option(word)) {
      role = Role::option;
      reading.waiting = waiting_option(*reading.app, word);
      values = reading.waiting == nullptr ? 0 : std::max(1, reading.waiting->get_items_expected_min());
    } else if (const CLI::App* verb = reading.app == &app && !marked ? find_verb(app, word) : nullptr) {
      role = Role::verb;
      reading.app = verb;
      reading.verb = word;
    } else {
      ++reading.positionals;
    }
    reading.roles.push_back(role);
  }
  return reading;
}

CLI::Option* add_words(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                       const std::string& what) {
  const CLI::callback_t take = [&into](const CLI::results_t& words) {
    into.clear();
    for (const std::string& word : words) into.push_back(unguarded(word));
    return true;
  };
  return app.add_option(name, take, what)->type_name("TEXT")->expected(CLI::detail::expected_max_vector_size);
}

void parse(CLI::App& app, const std::vector<std::string>& words) {
  take_literally(app);
  const Reading reading = read_words(app, words);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i)
    out.push_back(reading.roles[i] == Role::positional ? guarded(words[i]) : words[i]);
  std::reverse(out.begin(), out.end());  // as CLI11 wants them
  app.parse(std::move(out));
}

std::size_t own_words(const CLI::App& app, const std::vector<std::string>& words) {
  const Reading reading = read_words(app, words);
  bool named = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (reading.roles[i] == Role::mark && named) return i + 1;
    if (reading.roles[i] == Role::positional && std::exchange(named, true)) return i;
  }
  return words.size();
}

void keep_from_first_word(const CLI::App& app, const std::string& verb, std::vector<std::string>& words) {
  const Reading reading = read_words(app, words);
  if (reading.verb != verb) return;
  for (std::size_t i = 0; i < words.size() && reading.roles[i] != Role::mark; ++i) {
    if (reading.roles[i] != Role::positional) continue;
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(i), "--");
    return;
  }
}

}  // namespace kvmtest::client
