#pragma once
// A program's options, words and verbs, as CLI11 reads them. CLI11 is all header and takes a compiler seconds, so it is
// compiled behind this (docs/adr/0019-quick-builds.md). All of this is in one thread.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kvmtest::client {

/// An option or a word while it is declared: CLI::Option. A copy is the same one.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  /// What stands for its value in --help, manual page and completion.
  Option& type_name(const std::string& name);
  Option& required();
  Option& excludes(const Option& other);
  /// The heading that it stands under in --help; empty: it is not told.
  Option& group(const std::string& heading);
  /// So many values each time.
  Option& expected(int values);
  /// --help tells the value that it has now.
  Option& show_default();
  /// Anything else is refused.
  Option& one_of(const std::vector<std::string>& words);
  /// The same, and each word stands for what it is mapped to; the case does not matter.
  Option& one_of(const std::map<std::string, bool>& words);
  /// Both included. For int, long and unsigned.
  template <class Number>
  Option& within(Number least, Number most);
  Option& positive();

 private:
  CLI::Option* option_;
};

/// A program or one of its verbs: CLI::App. A copy is the same one.
class Command {
 public:
  /// A program.
  explicit Command(const std::string& what);

  /// "-e,--escape" is an option, "TEST" a word. A value that cannot be what `into` holds is refused. For the types that
  /// command_line.cpp names.
  template <class Value>
  Option add_option(const std::string& name, Value& into, const std::string& what);
  /// See words.h.
  Option add_words(const std::string& name, std::vector<std::string>& into, const std::string& what);
  Option add_flag(const std::string& name, bool& into, const std::string& what);
  Option add_flag(const std::string& name, std::function<void()> given, const std::string& what);
  /// `chosen` is called when it was given, and all is well.
  Command add_verb(const std::string& name, const std::string& what, std::function<void()> chosen);
  /// Under its --help.
  void footer(const std::string& text);
  /// What --version prints.
  void version(const std::string& text);
  /// It is nothing without a verb.
  void require_verb();

  [[nodiscard]] std::vector<std::string> verbs() const;
  /// Nothing: all is well. Else the exit status, once what is wrong was told in one line, or the help was printed.
  std::optional<int> parse(const char* program, const std::vector<std::string>& words);

  [[nodiscard]] CLI::App& app() const { return *app_; }

 private:
  explicit Command(CLI::App* verb);

  std::shared_ptr<CLI::App> app_;  ///< a verb is its program's
};

}  // namespace kvmtest::client
