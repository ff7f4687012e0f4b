#pragma once
// What a program takes, as a part of its manual page in mdoc(7). `PROGRAM __manual` prints it when the pages are made,
// so that they tell what the program's --help does.

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace kvmtest::client {

/// The options of `app`, or, where it has verbs, a subsection of each; those that all verbs have come first, once.
std::string manual(const CLI::App& app);
/// Every setting with its default, from settings::describe(), a subsection each section of the file.
std::string settings_manual();

}  // namespace kvmtest::client
