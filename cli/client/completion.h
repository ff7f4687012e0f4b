#pragma once
// What can stand at a place of a command line, for shells to offer. `PROGRAM __complete WORD...` prints it, the last
// word being the one to complete; the scripts in completions/ only ask. So what is offered is what the program takes.

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace CLI {
class App;
}  // namespace CLI

namespace kvmtest::client {

struct Candidate {
  std::string word;
  std::string about;
};
/// What an option ("--reset") or a positional ("TESTS") takes; `verb`: of which subcommand, or empty.
using Values = std::function<std::vector<std::string>(const std::string& name, const std::string& verb)>;

/// `words`: all behind the program's name. Candidates that begin like the last one.
std::vector<Candidate> complete(const CLI::App& app, const std::vector<std::string>& words, const Values& values);
/// One line each: the word, a tab and what it is.
void print(std::ostream& out, const std::vector<Candidate>& candidates);

/// The domains of the settings' prefixes. Reads the templates; asks no daemon. Throws core::InputError.
std::vector<std::string> domain_names(const settings::Settings& settings);

}  // namespace kvmtest::client
