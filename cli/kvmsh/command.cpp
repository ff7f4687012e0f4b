#include "kvmsh/command.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "client/domains.h"
#include "client/screen.h"
#include "core/input_error.h"
#include "wire/bytes.h"

namespace kvmtest::kvmsh {

using nlohmann::json;

namespace {

// The daemon's bound, console::longest_input: what is refused is refused before anything is started.
constexpr std::size_t longest_input = 4U << 20U;

}  // namespace

int run_command(client::Client& client, const std::string& domain, const Command& command) {
  // In a subshell, as with ssh: `exit 3` ends the command and not the console's shell.
  json request{{"command", wire::text_from_bytes(command.text)},
               {"subshell", true},
               {"reboot", command.reboot},
               {"token", command.token}};
  if (command.limit) request["timeout"] = *command.limit;
  if (command.input) request["stdin"] = wire::text_from_bytes(*command.input);
  int status = 3;
  bool ended = false;
  client.lines("POST", client::domain_path(domain, "exec"), request, [&](const json& line) {
    if (line.contains("output")) {
      client::write_all(wire::bytes_from_text(line.at("output").get<std::string>()));
      return true;
    }
    ended = true;
    if (line.contains("error"))
      std::cerr << "kvmsh: " << line.at("error").get<std::string>() << '\n';
    else
      status = line.at("status").get<int>();
    return false;
  });
  if (!ended) std::cerr << "kvmsh: the daemon went away\n";
  return status;
}

bool input_is_there() {
  struct stat status {};
  if (isatty(STDIN_FILENO) != 0 || fstat(STDIN_FILENO, &status) != 0) return false;
  return !S_ISCHR(status.st_mode) ||
         status.st_rdev != makedev(1, 3);  // /dev/null; Documentation/admin-guide/devices.txt
}

std::string read_input() {
  std::string input;
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::InputError(fmt::format("standard input: {}", std::strerror(errno)));
    if (got == 0) return input;
    input.append(buffer.data(), static_cast<std::size_t>(got));
    if (input.size() > longest_input)
      throw core::InputError(
          fmt::format("standard input is longer than {} MiB, the most that goes over a console; put larger files into "
                      "the guest's image or on a share, or see kvmsh -n",
                      longest_input >> 20U));
  }
}

}  // namespace kvmtest::kvmsh
