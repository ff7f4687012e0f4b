#include "kvmtest/text_look.h"

#include <cstdlib>

#include <unistd.h>

#include "client/screen.h"
#include "kvmtest/display.h"

namespace kvmtest::command {

unsigned terminal_width() { return client::window_size(STDOUT_FILENO).value_or(client::WindowSize{24, 100}).columns; }

void add_color(client::Command& verb, std::string& color) {
  verb.add_option("--color", color, "auto (on a terminal, unless NO_COLOR is set), always, never")
      .type_name("WHEN")
      .one_of({"auto", "always", "never"});
}

report::Options text_options(const std::string& color) {
  return {color == "auto" ? color_wanted() : color == "always", terminal_width()};
}

bool color_wanted() {
  const char* none = std::getenv("NO_COLOR");  // https://no-color.org: unless it is empty
  return can_draw() && (none == nullptr || *none == '\0');
}

}  // namespace kvmtest::command
