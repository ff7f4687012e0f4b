#include "client/command_line.h"

#include <filesystem>
#include <iostream>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

#include "client/words.h"
#include "core/wrapped.h"

namespace kvmtest::client {
namespace {

constexpr std::size_t help_columns = 100;

/// CLI11's help, in lines that fit: it wraps nothing itself, and indents what is behind a line feed.
class WrappedHelp final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return core::wrapped(Formatter::make_description(app), help_columns);
  }
  std::string make_footer(const CLI::App* app) const override {
    return core::wrapped(Formatter::make_footer(app), help_columns);
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    return beside_names(Formatter::make_option_desc(option));
  }
  std::string make_subcommand(const CLI::App* verb) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, verb->get_display_name(true), beside_names(verb->get_description()),
                             get_column_width());
    return out.str();
  }

 private:
  [[nodiscard]] std::string beside_names(const std::string& text) const {
    std::string lines = core::wrapped(text, help_columns - get_column_width());
    if (!lines.empty()) lines.pop_back();  // the line feed at the end
    return lines;
  }
};

}  // namespace

Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}
Option& Option::required() {
  option_->required();
  return *this;
}
Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}
Option& Option::group(const std::string& heading) {
  option_->group(heading);
  return *this;
}
Option& Option::expected(int values) {
  option_->expected(values);
  return *this;
}
Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}
Option& Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}
Option& Option::one_of(const std::map<std::string, bool>& words) {
  option_->transform(CLI::CheckedTransformer(words, CLI::ignore_case));
  return *this;
}
template <class Number>
Option& Option::within(Number least, Number most) {
  option_->check(CLI::Range(least, most));
  return *this;
}
Option& Option::positive() {
  // CLI::PositiveNumber tells a bound of 309 digits.
  option_->check([](const std::string& word) {
    double value = 0;
    return CLI::detail::lexical_cast(word, value) && value > 0 && value <= 1e9
               ? std::string()
               : "'" + word + "' is not a number above 0";
  });
  return *this;
}

template Option& Option::within(int, int);
template Option& Option::within(long, long);
template Option& Option::within(unsigned, unsigned);

Command::Command(const std::string& what) : app_(std::make_shared<CLI::App>(what)) {
  app_->formatter(std::make_shared<WrappedHelp>());
}

Command::Command(CLI::App* verb) : app_(std::shared_ptr<CLI::App>(), verb) {}

template <class Value>
Option Command::add_option(const std::string& name, Value& into, const std::string& what) {
  return Option(app_->add_option(name, into, what));
}

template Option Command::add_option(const std::string&, int&, const std::string&);
template Option Command::add_option(const std::string&, long&, const std::string&);
template Option Command::add_option(const std::string&, unsigned&, const std::string&);
template Option Command::add_option(const std::string&, std::size_t&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<unsigned>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<bool>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<unsigned>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<double>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, std::optional<std::filesystem::path>&, const std::string&);

Option Command::add_words(const std::string& name, std::vector<std::string>& into, const std::string& what) {
  return Option(client::add_words(*app_, name, into, what));
}
Option Command::add_flag(const std::string& name, bool& into, const std::string& what) {
  return Option(app_->add_flag(name, into, what));
}
Option Command::add_flag(const std::string& name, std::function<void()> given, const std::string& what) {
  return Option(app_->add_flag_callback(name, std::move(given), what));
}

Command Command::add_verb(const std::string& name, const std::string& what, std::function<void()> chosen) {
  Command verb(app_->add_subcommand(name, what));
  verb.app_->callback(std::move(chosen));
  return verb;
}

void Command::footer(const std::string& text) { app_->footer(text); }
void Command::version(const std::string& text) { app_->set_version_flag("--version", text); }
void Command::require_verb() { app_->require_subcommand(1); }

std::vector<std::string> Command::verbs() const {
  std::vector<std::string> names;
  for (const CLI::App* verb : app_->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

std::optional<int> Command::parse(const char* program, const std::vector<std::string>& words) {
  try {
    client::parse(*app_, words);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);
    std::cerr << program << ": " << error.what() << " (see " << program << " --help)\n";
    return 2;
  }
}

}  // namespace kvmtest::client
