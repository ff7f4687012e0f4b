#include "engine/clean_state.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/quoting.h"
#include "console/prompt.h"
#include "engine/renew_program.h"

namespace kvmtest::engine {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// What the program says when it does.
constexpr const char* waiting = "waiting\n";

std::string first_line(const std::string& text) { return text.substr(0, text.find_first_of("\r\n")); }

/// Runs a command that must end well within the time that is left. Throws NotClean with `what` and its last line.
std::string must(console::Session& session, const std::string& command, console::GuestDeadline deadline,
                 const std::string& what) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - session.now());
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
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                    text.begin() + static_cast<std::ptrdiff_t>(i) + 4, [](char c) { return c >= '0' && c <= '7'; })) {
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

/// Puts renew where the guest lets programs run, and returns its path.
std::string install_program(console::Session& session, console::GuestDeadline deadline) {
  std::string bytes;
  for (const unsigned char byte : renew_program) bytes += fmt::format("\\{:03o}", byte);
  const std::string output =
      must(session,
           fmt::format("for f in /dev/shm /run /tmp /var/tmp /root; do f=$f/.kvmtest-renew; printf '{}' >$f && "
                       "chmod 700 $f && [ \"$($f)\" = renew ] && break; rm -f $f; f=; done 2>/dev/null; echo \"$f\"",
                       bytes),
           deadline, "the guest runs no program of ours");
  const std::string path = first_line(output);
  if (path.empty())
    throw NotClean(
        "the guest runs no program of ours: saved states need an x86-64 Linux, and a directory of it "
        "where programs may run");
  return path;
}

/// So many random bits, a multiple of 32, as hexadecimal digits.
std::string random_hex(unsigned bits) {
  std::random_device device;
  std::string hex;
  for (unsigned i = 0; i < bits / 32; ++i) hex += fmt::format("{:08x}", device());
  return hex;
}

void mount_shares(console::Session& session, const std::vector<CleanState::Mount>& shares,
                  console::GuestDeadline deadline) {
  for (const auto& share : shares)
    must(session,
         fmt::format("mount -t {} -o {} {} {}", share.type, base::shell_quoted(share.options),
                     base::shell_quoted(share.source), base::shell_quoted(share.target)),
         deadline, "the share on " + share.target + " cannot be mounted again");
}

// How the program ends tells the shell whether to start it again: see warm_up().
void begin_waiting(console::Session& session, const CleanState& state, console::GuestDeadline deadline) {
  if (!session.begin_waiting(fmt::format("until {} wait {}; do /bin/true; :; done", state.program, state.token),
                             waiting, deadline))
    throw NotClean("the guest runs no program of ours any more");
}

/// Gives the program that waits in the guest what it waits for, and checks its answer.
void end_waiting(console::Session& session, const CleanState& state, console::GuestDeadline deadline) {
  const std::string mark = random_hex(64);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto result =
      session.end_waiting(state.prompt,
                          fmt::format("{} {} {} {}", mark, random_hex(256),
                                      std::chrono::duration_cast<std::chrono::seconds>(now).count(), (now % 1s) / 1ns),
                          mark, deadline);
  if (result.output.empty()) throw NotClean("it does not answer, or is not in the state that was saved");
  if (!result.status) throw NotClean("its shell does not answer");
  std::istringstream words(first_line(result.output));
  std::string token;
  std::string unset;
  std::string name;
  std::int64_t stamp = 0;
  words >> token >> token >> unset >> name >> stamp;
  if (token != state.token) throw NotClean("it is not in the state that was saved");
  if (unset == "1") throw NotClean("its random pool could not be set");
  if (unset == "2") throw NotClean("its clock could not be set");
  if (unset != "0") throw NotClean("its random pool and clock could not be set");
  if (name != state.host_name) throw NotClean(fmt::format("its host name is '{}', not '{}'", name, state.host_name));
  session.set_kernel_log({state.program, stamp});
}

}  // namespace

std::string CleanState::to_text() const {
  json mounts = json::array();
  for (const Mount& share : shares)
    mounts.push_back(
        {{"source", share.source}, {"target", share.target}, {"type", share.type}, {"options", share.options}});
  return json{{"token", token},     {"prompt", prompt},       {"host_name", host_name},
              {"program", program}, {"host_keys", host_keys}, {"shares", std::move(mounts)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

CleanState CleanState::from_text(const std::string& text) {
  try {
    const json read = json::parse(text);
    CleanState state{read.at("token"),           read.at("prompt"), read.at("host_name"), read.at("program"), {},
                     read.value("host_keys", "")};
    for (const json& share : read.at("shares"))
      state.shares.push_back({share.at("source"), share.at("target"), share.at("type"), share.at("options")});
    return state;
  } catch (const json::exception& e) {
    throw NotClean(std::string("the note of the saved state is damaged: ") + e.what());
  }
}

CleanState prepare_to_save(console::Session& session, console::GuestDeadline deadline) {
  CleanState state;
  state.shares = shares_in(must(session, "cat /proc/mounts", deadline, "the guest's mounts cannot be read"));
  std::size_t unmounted = state.shares.size();
  try {
    // The one mounted last first: it may lie in another.
    for (; unmounted > 0; --unmounted) {
      const auto& share = state.shares[unmounted - 1];
      must(session, "umount " + base::shell_quoted(share.target), deadline,
           "the share on " + share.target + " stands in the way");
    }
    state.program = install_program(session, deadline);
    must(session, state.program + " zero", deadline, "the guest's free memory cannot be cleared");
    state.host_name = first_line(must(session, "uname -n", deadline, "the guest does not tell its host name"));
    state.token = random_hex(64);
    state.prompt = session.prompt_nonce();
    // Once to see that it works: where nobody may set the clock, a saved state would be of no use.
    begin_waiting(session, state, deadline);
    end_waiting(session, state, deadline);
    begin_waiting(session, state, deadline);
    return state;
  } catch (const NotClean&) {
    mount_shares(session, {state.shares.begin() + static_cast<std::ptrdiff_t>(unmounted), state.shares.end()},
                 deadline);
    throw;
  }
}

void renew(console::Session& session, const CleanState& state, console::GuestDeadline deadline) {
  end_waiting(session, state, deadline);
  mount_shares(session, state.shares, deadline);
}

void wake(console::Session& session, const CleanState& state, console::GuestDeadline deadline) {
  // It takes an empty line for none of its kind, and ends.
  if (!session.end_waiting(state.prompt, "", state.prompt + ":0# ", deadline).status)
    throw NotClean("its shell does not answer");
}

void warm_up(console::Session& session, console::GuestDeadline deadline) {
  const std::string mark = random_hex(64);
  if (!session.begin_waiting(mark + " again", mark + '\n' + waiting, deadline))
    throw NotClean("it does not answer, or is not in the state that was saved");
}

}  // namespace kvmtest::engine
