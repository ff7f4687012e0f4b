#include "suite/libreswan/testlist.h"

#include <map>
#include <system_error>

#include "core/input_error.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view blanks = " \t\r\v\f";

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  line = line.substr(0, line.find('#'));
  for (std::size_t at = 0; (at = line.find_first_not_of(blanks, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    fields.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return fields;
}

}  // namespace

std::vector<ListedTest> parse_testlist(std::string_view text, const fs::path& label) {
  std::vector<ListedTest> tests;
  std::map<std::string, unsigned> first_lines;
  unsigned number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto fields = fields_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (fields.empty()) continue;
    const auto fail = [&](const std::string& what) { throw core::InputError({label, number}, what); };
    const std::string form = "; a line is 'kind name status [reference]'";
    if (fields.size() < 3) fail("too few fields" + form);
    if (fields.size() > 4) fail("too many fields" + form);
    const auto [first, fresh] = first_lines.emplace(fields[1], number);
    if (!fresh)
      fail("test " + fields[1] + " is here for the second time; the first is in line " + std::to_string(first->second));
    TestName name = test_name(std::move(fields[1]), label, number);
    tests.push_back({std::move(fields[0]), std::move(name), std::move(fields[2]), number});
  }
  return tests;
}

std::optional<fs::path> find_testlist(const fs::path& path) {
  std::error_code ignored;
  for (const char* below : {"", "TESTLIST", "pluto/TESTLIST", "testing/pluto/TESTLIST"}) {
    fs::path candidate = *below == '\0' ? path : path / below;
    if (fs::is_regular_file(candidate, ignored)) return candidate;
    // A directory of that name, or a link to nowhere, is a mistake to be told of, not a suite without a list.
    if (*below != '\0' && fs::exists(fs::symlink_status(candidate, ignored))) return candidate;
  }
  return std::nullopt;
}

}  // namespace kvmtest::suite::libreswan
