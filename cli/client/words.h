#pragma once
// The words of a command line, taken as they were typed. CLI11 finds options and verbs; what it would make of the other
// words is kept from it: to it "[a,b]" is a list, "{}" and "%%" are marks, and "++" ends a verb (CLI/Option.hpp,
// CLI/TypeTools.hpp of 2.1 to 2.7). All of this is in one thread.

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kvmtest::client {

/// What a word is for.
enum class Role { verb, option, value, mark, positional };

/// How a command line is to be read.
struct Reading {
  std::vector<Role> roles;        ///< a word each; `mark` is the "--" behind which all words are positional
  const CLI::App* app = nullptr;  ///< of the verb, if there was one
  std::string verb{};
  const CLI::Option* waiting = nullptr;  ///< the last word is an option that waits for its value
  std::size_t positionals = 0;
};
/// `words`: all behind the program's name. Options that there are not are options without a value.
Reading read_words(const CLI::App& app, const std::vector<std::string>& words);

/// The option of that name, with its dashes; null: there is none.
const CLI::Option* find_option(const CLI::App& app, const std::string& name);

/// A positional that takes all words from its place on, each as it is. Every positional of several words is to be added
/// by this; those of one word may be added as CLI11 has it.
CLI::Option* add_words(CLI::App& app, const std::string& name, std::vector<std::string>& into, const std::string& what);

/// Parses. An option takes one value for each time that it is given (or as many as it must have), so that a test behind
/// it is not taken for another one. Throws CLI::ParseError.
void parse(CLI::App& app, const std::vector<std::string>& words);

/// How many words belong to the program itself, where everything behind its first positional and the options around
/// that is somebody else's, as with ssh. A "--" behind that positional belongs to the program and is its last word.
std::size_t own_words(const CLI::App& app, const std::vector<std::string>& words);

/// Puts a "--" before the first positional of that verb, so that all from there on is taken as it is, as with ssh. No
/// other verb is changed.
void keep_from_first_word(const CLI::App& app, const std::string& verb, std::vector<std::string>& words);

}  // namespace kvmtest::client
