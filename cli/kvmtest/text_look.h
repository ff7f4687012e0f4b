#pragma once
// How text for standard output is to look.

#include <string>

#include "client/command_line.h"
#include "report/text.h"

namespace kvmtest::command {

/// --color auto, always or never.
void add_color(client::Command& verb, std::string& color);
/// How text for standard output is to look. `color` auto: in color on a terminal, unless NO_COLOR is set.
report::Options text_options(const std::string& color = "auto");
/// Columns and color of the terminal behind standard output.
unsigned terminal_width();
bool color_wanted();

}  // namespace kvmtest::command
