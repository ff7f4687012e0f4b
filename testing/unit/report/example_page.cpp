// Prints the page of a run with something of everything, for a browser to open: example_page >page.html

#include <iostream>

#include "example_run.h"

int main() {
  std::cout << kvmtest::report::html_report(kvmtest::report::example(), kvmtest::report::texts);
  return 0;
}
