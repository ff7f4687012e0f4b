#include "engine/clean_state.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "console/prompt.h"
#include "engine/renew_program.h"

namespace kvmtest::engine {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

// The shell's own: not exported, so that no program of a test sees it.
constexpr const char* variable = "__kvmtest_state";

std::string quoted(const std::string& text) { return console::quoted(text); }

/// Runs a command that must end well within the time that is left. Throws NotClean with `what` and its last line.
std::string must(console::Session& session, const std::string& command, console::Deadline deadline,
                 const std::string& what) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - steady_clock::now());
  const auto result = session.run(command, std::max(left, std::chrono::microseconds(0)));
  if (result.closed) throw console::Closed();
  if (!result.status) throw NotClean(what + ": no answer in time");
  if (*result.status == 0) return result.output;
  std::string words = result.output.substr(0, result.output.find_last_not_of(" \r\n") + 1);
  words = words.substr(words.rfind('\n') + 1);
  throw NotClean(fmt::format("{}: {}", what, words.empty() ? fmt::format("exit status {}", *result.status) : words));
}

/// What /proc/mounts writes as \040 and the like.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1, text.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                    [](char c) { return c >= '0' && c <= '7'; })) {
      out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::vector<CleanState::Mount> shares_in(const std::string& mounts) {
  std::vector<CleanState::Mount> shares;
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    CleanState::Mount mount;
    words >> mount.source >> mount.target >> mount.type >> mount.options;
    if (mount.type != "9p" && mount.type != "virtiofs") continue;
    mount.source = unescaped(mount.source);
    mount.target = unescaped(mount.target);
    shares.push_back(std::move(mount));
  }
  return shares;
}

std::string mount_command(const CleanState::Mount& share) {
  return fmt::format("mount -t {} -o {} {} {}", share.type, quoted(share.options), quoted(share.source),
                     quoted(share.target));
}

/// Puts renew where the guest lets programs run, and returns its path.
std::string install_program(console::Session& session, console::Deadline deadline) {
  std::string bytes;
  for (const unsigned char byte : renew_program) bytes += fmt::format("\\{:03o}", byte);
  const std::string output =
      must(session,
           fmt::format("for f in /dev/shm /run /tmp /var/tmp /root; do f=$f/.kvmtest-renew; printf '{}' >$f && "
                       "chmod 700 $f && [ \"$($f)\" = renew ] && break; rm -f $f; f=; done 2>/dev/null; echo \"$f\"",
                       bytes),
           deadline, "the guest runs no program of ours");
  const std::string path = output.substr(0, output.find_first_of("\r\n"));
  if (path.empty())
    throw NotClean("the guest runs no program of ours: saved states need an x86-64 Linux, and a directory of it "
                   "where programs may run");
  return path;
}

std::string random_hex() {
  std::random_device device;
  std::string hex;
  for (int i = 0; i < 8; ++i) hex += fmt::format("{:08x}", device());
  return hex;
}

/// The arguments that make renew give the guest the host's time and randomness of now.
std::string renew_command(const CleanState& state) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{} {} {} {}", state.program, random_hex(),
                     std::chrono::duration_cast<std::chrono::seconds>(now).count(), (now % 1s) / 1ns);
}

}  // namespace

std::string CleanState::to_text() const {
  json mounts = json::array();
  for (const Mount& share : shares)
    mounts.push_back({{"source", share.source}, {"target", share.target}, {"type", share.type},
                      {"options", share.options}});
  return json{{"token", token}, {"program", program}, {"host_name", host_name}, {"shares", std::move(mounts)}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
}

CleanState CleanState::from_text(const std::string& text) {
  try {
    const json read = json::parse(text);
    CleanState state{read.at("token"), read.at("program"), read.at("host_name"), {}};
    for (const json& share : read.at("shares"))
      state.shares.push_back({share.at("source"), share.at("target"), share.at("type"), share.at("options")});
    return state;
  } catch (const json::exception& e) {
    throw NotClean(std::string("the note of the saved state is damaged: ") + e.what());
  }
}

CleanState prepare_to_save(console::Session& session, console::Deadline deadline) {
  CleanState state;
  state.shares = shares_in(must(session, "cat /proc/mounts", deadline, "the guest's mounts cannot be read"));
  std::size_t unmounted = state.shares.size();
  try {
    // The one mounted last first: it may lie in another.
    for (; unmounted > 0; --unmounted) {
      const auto& share = state.shares[unmounted - 1];
      must(session, "umount " + quoted(share.target), deadline, "the share on " + share.target + " stands in the way");
    }
    state.program = install_program(session, deadline);
    must(session, state.program + " zero", deadline, "the guest's free memory cannot be cleared");
    state.token = console::make_nonce();
    const std::string output =
        must(session, fmt::format("{}={}; {}", variable, state.token, renew_command(state)), deadline,
             "the guest's clock and random pool cannot be set");
    const auto space = output.find(' ');
    if (space == std::string::npos) throw NotClean("the guest does not tell its host name");
    state.host_name = output.substr(space + 1, output.find_first_of("\r\n", space) - space - 1);
    return state;
  } catch (const NotClean&) {
    state.shares.erase(state.shares.begin(), state.shares.begin() + static_cast<std::ptrdiff_t>(unmounted));
    mount_shares(session, state, deadline);
    throw;
  }
}

void mount_shares(console::Session& session, const CleanState& state, console::Deadline deadline) {
  for (const auto& share : state.shares)
    must(session, mount_command(share), deadline, "the share on " + share.target + " cannot be mounted again");
}

void renew(console::Session& session, const CleanState& state, console::Deadline deadline) {
  const std::string mark = console::make_nonce();
  // In one line, so that it is one trip to the console: the token as it is, then another one in its place, so that a
  // guest that was not taken back next time shows.
  std::string command = fmt::format("echo {0}=${1}=; {1}={0}; {2}", mark, variable, renew_command(state));
  const auto result = session.rejoin(command, deadline);
  const std::string expected = fmt::format("{}={}=", mark, state.token);
  const auto at = result.output.find(mark + "=");
  if (!result.status) throw NotClean("its shell does not answer");
  if (at == std::string::npos) throw NotClean("its shell does not do what it is told");
  if (result.output.compare(at, expected.size(), expected) != 0) throw NotClean("it is not in the state that was saved");
  if (*result.status != 0)
    throw NotClean(fmt::format("{} could not be set after going back",
                               *result.status == 1   ? "its random pool"
                               : *result.status == 2 ? "its clock"
                                                     : "its random pool and clock"));
  const std::string rest = result.output.substr(at + expected.size());
  const auto space = rest.find(' ');
  const std::string name = space == std::string::npos ? "" : rest.substr(space + 1, rest.find_first_of("\r\n", space) - space - 1);
  if (name != state.host_name)
    throw NotClean(fmt::format("its host name is '{}', not '{}'", name, state.host_name));
  mount_shares(session, state, deadline);
}

}  // namespace kvmtest::engine
