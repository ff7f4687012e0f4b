#include "suite/libreswan/scripts.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include "core/input_error.h"
#include "core/input_text.h"
#include "settings/input_file.h"
#include "suite/libreswan/beneath.h"

namespace kvmtest::suite::libreswan {

namespace {

namespace fs = std::filesystem;

// Lines as Python's text mode has them: LF, CR LF or CR ends one.
template <class Visit>
void each_line(std::string_view text, Visit visit) {
  unsigned number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    visit(text.substr(0, end), ++number);
    const bool both = text.substr(end).starts_with("\r\n");
    text.remove_prefix(std::min(end + (both ? 2 : 1), text.size()));
  }
}

std::string_view stripped(std::string_view line) {
  constexpr std::string_view blanks = " \t\r\n\v\f\x1c\x1d\x1e\x1f";
  const std::size_t begin = line.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(blanks) - begin + 1);
}

/// The names of the scripts in a directory, sorted.
std::set<std::string> script_files(const fs::path& directory, const fs::path& label) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename();
    std::error_code ignored;
    if (name.ends_with(".sh") && !name.starts_with('.') && fs::is_regular_file(it->path(), ignored)) names.insert(name);
  }
  if (error) throw core::InputError({label}, "cannot read the test's directory: " + error.message());
  return names;
}

/// Throws core::InputError.
std::string read_script(const fs::path& testing, const fs::path& file, const fs::path& label) {
  if (const auto wrong = settings::no_file(file)) throw core::InputError({label}, *wrong);
  try {
    std::string text = read_beneath(testing, file).value_or("");
    // Libreswan's own runner strips a carriage return with the blanks.
    core::check_text(text, label, core::LineEnds::any);
    return text;
  } catch (const base::FileError& error) {
    throw core::InputError({label}, std::string("cannot read the script: ") + error.what());
  }
}

void sort_by_name(std::vector<Guest>& guests) {
  std::sort(guests.begin(), guests.end(), [](const Guest& a, const Guest& b) { return a.name < b.name; });
  const auto same = [](const Guest& a, const Guest& b) { return a.name == b.name; };
  guests.erase(std::unique(guests.begin(), guests.end(), same), guests.end());
}

/// A script file and the guests it runs on, in that order.
struct Run {
  std::string file;
  std::vector<Guest> guests;
};

/// The files to run, of those that are there, in order; final.sh comes last, on all guests there are.
std::vector<Run> runs_of(std::set<std::string> files, const Checkout& checkout, std::vector<Guest>& guests) {
  std::vector<Run> runs;
  const auto add = [&](const std::string& file, const std::vector<Guest>& on) {
    if (on.empty() || files.erase(file) == 0) return;
    guests.insert(guests.end(), on.begin(), on.end());
    runs.push_back({file, on});
  };
  for (const char* suffix : {"init.sh", "run.sh"})
    for (const Guest& guest : checkout.linux_guests()) add(guest.host + suffix, {guest});
  for (const std::string& file : std::set(files)) add(file, checkout.named_in(file));
  sort_by_name(guests);
  add("final.sh", std::vector(guests));
  sort_by_name(guests);
  return runs;
}

}  // namespace

void read_merged_script(std::string_view text, const std::string& file, const fs::path& label, Script& script) {
  std::map<std::string, const Guest*, std::less<>> by_host;
  std::vector<std::string> hosts;
  for (const Guest& guest : script.guests) {
    by_host[guest.host] = &guest;
    hosts.push_back(guest.host);
  }
  each_line(text, [&](std::string_view line, unsigned number) {
    const std::size_t size = std::min(line.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), line.size());
    if (size == line.size() || line[size] != '#') return;
    const std::string_view host = line.substr(0, size);
    std::string_view command = line.substr(size + 1);
    if (command.starts_with(' ')) command.remove_prefix(1);
    const auto add = [&](const Guest* guest, std::string what) {
      script.commands.push_back({guest, std::move(what), file, number});
    };
    if (host.empty()) return add(nullptr, "# " + std::string(command));
    if (host == "final") {
      for (const Guest& guest : script.guests) add(&guest, std::string(command));
      return;
    }
    const auto found = by_host.find(host);
    if (found == by_host.end()) {
      throw core::InputError({label, number}, "host '" + std::string(host) + "' is not in the file's name" +
                                                  core::did_you_mean(host, hosts));
    }
    add(found->second, std::string(command));
  });
}

void read_scripts(const fs::path& directory, const fs::path& label, const Checkout& checkout, Script& script) {
  const std::set<std::string> files = script_files(directory, label);
  const auto text_of = [&](const std::string& file) {
    return read_script(checkout.testing(), directory / file, label / file);
  };
  std::vector<std::string> merged;
  std::copy_if(files.begin(), files.end(), std::back_inserter(merged), [](const std::string& name) {
    return name.starts_with("all.") && name.size() > std::string_view("all.sh").size();
  });
  if (merged.size() > 1)
    throw core::InputError({label}, "two scripts claim all guests: " + merged[0] + " and " + merged[1]);
  if (!merged.empty()) {
    script.guests = checkout.named_in(merged[0]);
    sort_by_name(script.guests);
    if (script.guests.empty()) throw core::InputError({label / merged[0]}, "the file's name has no guest");
    return read_merged_script(text_of(merged[0]), merged[0], label / merged[0], script);
  }
  const std::vector<Run> runs = runs_of(files, checkout, script.guests);
  if (runs.empty()) throw core::InputError({label}, "the test has no scripts: no file is called *GUEST*.sh");
  for (const Run& run : runs) {
    const std::string text = text_of(run.file);
    for (const Guest& on : run.guests) {
      const auto guest = std::find_if(script.guests.begin(), script.guests.end(),
                                      [&](const Guest& known) { return known.name == on.name; });
      each_line(text, [&](std::string_view line, unsigned number) {
        line = stripped(line);
        if (!line.empty()) script.commands.push_back({&*guest, std::string(line), run.file, number});
      });
    }
  }
}

}  // namespace kvmtest::suite::libreswan
