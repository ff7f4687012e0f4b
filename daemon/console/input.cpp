#include "console/input.h"

#include <fmt/format.h>

#include "base/quoting.h"

namespace kvmtest::console {
namespace {

// With the command around it, a line that every terminal takes whole.
constexpr std::size_t most_escaped = 900;

/// The byte in a format of printf between single quotes.
std::string escaped(char c) {
  if (c == '%') return "%%";
  const auto code = static_cast<unsigned char>(c);
  if (code >= 0x20 && code < 0x7f && c != '\'' && c != '\\') return std::string(1, c);
  return fmt::format("\\{:03o}", code);
}

CommandResult run(Session& session, const std::string& command, GuestDeadline deadline) {
  auto result = session.run(command, std::chrono::duration_cast<std::chrono::microseconds>(deadline - session.now()));
  if (result.closed) throw Closed();
  return result;
}

}  // namespace

std::string place_input(Session& session, std::string_view bytes, GuestDeadline deadline) {
  const std::string name = ".kvmtest-input-" + make_nonce();
  const auto made = run(session,
                        fmt::format("for __kvmtest in /dev/shm /run /tmp /var/tmp /root \"$HOME\"; do (umask 77; : "
                                    ">\"$__kvmtest/{0}\") 2>/dev/null && echo \"$__kvmtest/{0}\" && break; done",
                                    name),
                        deadline);
  const std::string file = made.output.substr(0, made.output.find('\n'));
  if (made.status != 0 || !file.ends_with(name)) return {};
  while (!bytes.empty()) {
    std::string format;
    std::size_t taken = 0;
    for (; taken < bytes.size() && format.size() < most_escaped; ++taken) format += escaped(bytes[taken]);
    // A format must not begin with a dash, which would be an option's.
    const auto put = run(session, fmt::format("printf -- '{}' >>{}", format, base::shell_quoted(file)), deadline);
    if (put.status != 0) {
      run(session, "rm -f " + base::shell_quoted(file), deadline);
      return {};
    }
    bytes.remove_prefix(taken);
  }
  return file;
}

std::string with_input(std::string_view command, const std::string& file) {
  if (file == "/dev/null") return fmt::format("{{\n{}\n}} </dev/null", command);
  return fmt::format("{{ rm -f {0}\n{1}\n}} <{0}", base::shell_quoted(file), command);
}

}  // namespace kvmtest::console
