#include "fake_guest.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>
#include <utility>

#include "console/shell_setup.h"

namespace kvmtest::console {
namespace {

// N_TTY_BUF_SIZE: what passes it is dropped.
constexpr std::size_t terminal_line = 4095;

bool name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool in_quotes(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == 0)
      ++i;
    else if (quote == 0 && (text[i] == '\'' || text[i] == '"'))
      quote = text[i];
    else if (text[i] == quote)
      quote = 0;
  }
  return quote != 0;
}

}  // namespace

std::string FakeGuest::read(Deadline) {
  if (interrupted_) throw Interrupted();
  if (output_.empty() && closed_) throw Closed();
  std::string bytes = output_.substr(0, options_.chunk);
  output_.erase(0, bytes.size());
  return bytes;
}

void FakeGuest::write(std::string_view bytes, Deadline) {
  if (interrupted_) throw Interrupted();
  if (closed_) throw Closed();
  if (faults.silent) return;
  for (const char c : bytes) {
    if (c == '\x03') {  // interrupts what is in the foreground
      state_.input.clear();
      state_.command.clear();
      if (state_.at != At::shell) continue;
      state_.status = 130;
      state_.hangs = false;
      state_.waiting.clear();
      if (state_.echo) print("^C");
      for (unsigned i = 0; i < faults.interrupt_prompts; ++i) prompt();
    } else if (c == '\x15') {
      state_.input.clear();
    } else if (c == '\n' || c == '\r') {
      if (state_.echo) print("\n");
      line(std::exchange(state_.input, {}));
    } else if (state_.input.size() < terminal_line) {
      state_.input.push_back(c);
      if (state_.echo && state_.at != At::password) print({&c, 1});
    }
  }
}

void FakeGuest::line(const std::string& line) {
  switch (state_.at) {
    case At::login:
      state_.name = line;
      if (line.empty()) {
        output_ += "\r\nguest login: ";
      } else if (options_.password.empty() && state_.name == options_.user) {
        state_.at = At::shell;
        output_ += options_.first_prompt;
      } else {
        state_.at = At::password;
        output_ += "Password: ";
      }
      break;
    case At::password:
      if (state_.name == options_.user && line == options_.password) {
        state_.at = At::shell;
        output_ += options_.before_login + options_.first_prompt;
      } else {
        state_.at = At::login;
        output_ += "\r\nLogin incorrect\r\nguest login: ";
      }
      break;
    case At::shell: command_line(line); break;
  }
}

void FakeGuest::command_line(const std::string& line) {
  if (state_.hangs) return;
  if (!state_.waiting.empty()) {
    renew(line);
    if (state_.waiting.empty()) prompt();
    return;
  }
  if (set_up(line)) return prompt();
  if (give_key(line)) return;
  typed.push_back(line);
  state_.command += line;
  if (in_quotes(state_.command)) {
    state_.command += "\n";
    print(expanded(state_.variables.contains("PS2") ? state_.variables["PS2"] : "> "));
    return;
  }
  // What a session puts before a command that may ask for the last status.
  if (state_.command.starts_with(restored_status())) {
    state_.status = std::stoi(state_.variables["__ks"]);
    state_.command.erase(0, restored_status().size());
  }
  for (const auto& words : parse(std::exchange(state_.command, {}))) {
    execute(words);
    if (closed_ || state_.hangs || !state_.waiting.empty() || words == std::vector<std::string>{"exec"}) return;
    if (state_.at != At::shell) return;
  }
  prompt();
}

/// The lines that make a login shell a plain one, see console/shell_setup.h.
bool FakeGuest::set_up(const std::string& line) {
  const bool csh = options_.shell == Options::Shell::csh && !state_.left_csh;
  const auto value = [&](const std::string& before, char end) {
    const auto at = line.find(before) + before.size();
    return line.substr(at, line.find(end, at) - at);
  };
  const auto prompt_variables = [&] {
    state_.variables["PS1"] = value("PS1='", '\'');
    state_.variables["PS2"] = value("PS2='", '\'');
    state_.variables["__kt"] = value("__kt=", ' ');
  };
  if (csh && line == "exec /bin/sh") {
    state_.left_csh = true;
  } else if (line.starts_with("echo kt") && line.ends_with("':1# '")) {
    print(value("echo ", '\'') + ":1# \n");
  } else if (csh && line.find("BASH_VERSION") != std::string::npos) {
    print("Bad : modifier in $ (-).\n");
  } else if (line.starts_with(" eval 'stty sane -echo -onlcr || :;")) {
    stty({"sane", "-echo", "-onlcr"});
    print(value(" __kvmtest=", ';') + ":0# ");
  } else if (line.starts_with(" stty sane -echo -onlcr; set +eu;")) {
    stty({"sane", "-echo", "-onlcr"});
    prompt_variables();
    state_.own_prompt = true;
  } else if (line.starts_with("PS2='")) {
    prompt_variables();
  } else if (line.starts_with("for __kvmtest in ")) {
    state_.variables["__kvmtest_n"] = "\n";
  } else if (!line.starts_with("unalias -a 2>/dev/null;") && !line.starts_with("{ [ ! -d /run/systemd/system ]")) {
    return false;
  }
  state_.status = 0;
  return true;
}

/// The line before a command, see console/shell_setup.h. It changes no status.
bool FakeGuest::give_key(const std::string& line) {
  const std::string before = "{ __ks=$? __kt=";
  if (!line.starts_with(before)) return false;
  state_.variables["__ks"] = std::to_string(state_.status);
  state_.variables["__kt"] = line.substr(before.size(), line.find(';') - before.size());
  auto cut = std::exchange(cut_, {});  // of the command's prompt
  prompt();
  cut_ = std::move(cut);
  return true;
}

/// Commands of words; quotes are gone and variables expanded. A newline in quotes is a newline.
std::vector<std::vector<std::string>> FakeGuest::parse(const std::string& text) const {
  std::vector<std::vector<std::string>> commands(1);
  std::string word;
  bool in_word = false;
  const auto end_word = [&] {
    if (in_word && word != "2>/dev/null") commands.back().push_back(word);
    word.clear();
    in_word = false;
  };
  const auto variable = [&](std::size_t& i) {
    std::string name;
    while (i + 1 < text.size() && name_char(text[i + 1])) name.push_back(text[++i]);
    const auto found = state_.variables.find(name);
    word += found == state_.variables.end() ? "" : found->second;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\'') {
      in_word = true;
      while (++i < text.size() && text[i] != '\'') word.push_back(text[i]);
    } else if (c == '"') {
      in_word = true;
      while (++i < text.size() && text[i] != '"') {
        if (text[i] == '$')
          variable(i);
        else
          word.push_back(text[i]);
      }
    } else if (c == '\\' && i + 1 < text.size()) {
      in_word = true;
      word.push_back(text[++i]);
    } else if (c == ';' || c == '\n') {
      end_word();
      commands.emplace_back();
    } else if (c == ' ') {
      end_word();
    } else {
      in_word = true;
      word.push_back(c);
    }
  }
  end_word();
  return commands;
}

void FakeGuest::execute(const std::vector<std::string>& words) {
  if (words.empty()) return;
  const std::string& verb = words[0];
  if (faults.hanging.contains(verb)) {
    state_.hangs = true;
    return;
  }
  const int before = std::exchange(state_.status, 0);
  if (const auto equals = verb.find('='); equals != std::string::npos && name_char(verb[0])) {
    state_.variables[verb.substr(0, equals)] = verb.substr(equals + 1);
    state_.own_prompt |= verb.starts_with("PS1=");
  } else if (verb == "echo") {
    for (std::size_t i = 1; i < words.size(); ++i) print((i > 1 ? " " : "") + words[i]);
    print("\n");
  } else if (verb == "printf") {
    if (words.size() > 1) print(words[1]);
  } else if (verb == "bytes") {
    print(std::string(std::stoul(words.at(1)), 'x'));
  } else if (verb == "all-bytes") {
    for (int c = 0; c < 256; ++c) output_.push_back(static_cast<char>(c));
  } else if (verb == "(exit") {
    state_.status = std::stoi(words.at(1));
  } else if (execute_for_state(words)) {
    return;
  } else if (verb == "eval") {
    for (const auto& command : parse(words.at(1))) {
      execute(command);
      if (closed_ || state_.hangs) return;
    }
  } else if (verb == "stty") {
    stty(words);
  } else if (verb == "hang") {
    state_.hangs = true;
  } else if (verb == "die" || verb == "reboot" || verb == "poweroff") {
    closed_ = true;
    restarts = verb == "reboot";
  } else if (verb == "exit" || verb == "exec" || verb == "kexec") {
    leave_shell(verb);
  } else if (verb == "true" || verb == "export" || verb == "unset" || verb == "set") {
    state_.status = 0;
  } else if (verb == "false") {
    state_.status = 1;
  } else if (verb == "again") {
    state_.status = before;
  } else if (verb == "cat" && words.at(1) == "/proc/sys/kernel/random/boot_id") {
    print("boot-" + std::to_string(boots) + "\n");
  } else if (verb == "uname") {
    print(options_.host_name + "\n");
  } else {
    print("sh: " + verb + ": not found\n");
    state_.status = 127;
  }
}

/// Whoever comes to the terminal next sets it up anew.
void FakeGuest::leave_shell(const std::string& verb) {
  State next;
  next.mounts = state_.mounts;
  if (verb == "kexec") ++boots;
  if (verb == "exec") next.at = At::shell;
  output_ += verb == "kexec" ? options_.boot : verb == "exec" ? options_.first_prompt : "\r\n\r\nguest login: ";
  state_ = std::move(next);
}

void FakeGuest::stty(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "sane") state_.echo = state_.onlcr = true;
    if (word == "-echo") state_.echo = false;
    if (word == "-onlcr") state_.onlcr = false;
  }
}

// ---- what a saved state needs ----

/// False: the words are no command of these.
bool FakeGuest::execute_for_state(const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  if (verb == "eval" && words.at(1).starts_with("for f in /dev/shm "))
    install_program();
  else if (verb == "cat" && words.at(1) == "/proc/mounts")
    print_mounts();
  else if (verb == "umount")
    unmount(words.at(1));
  else if (verb == "mount")
    mount_again(words);
  else if (verb == state_.program)
    run_program(words);
  else if (verb == "until" && words.at(1) == state_.program)
    run_program({words.begin() + 1, words.end()});
  else
    return false;
  return true;
}

void FakeGuest::print_mounts() {
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == ' ' ? "\\040" : c == '\\' ? "\\134" : std::string(1, c);
    return out;
  };
  print("rootfs / rootfs rw 0 0\nproc /proc proc rw,relatime 0 0\n");
  for (const Mount& mount : state_.mounts)
    print(escaped(mount.source) + " " + escaped(mount.target) + " " + mount.type + " " + mount.options + " 0 0\n");
}

void FakeGuest::unmount(const std::string& target) {
  const auto& mounts = state_.mounts;
  const auto found = std::find_if(mounts.rbegin(), mounts.rend(), [&](const Mount& m) { return m.target == target; });
  // What lies in it keeps it busy, too.
  const bool covered =
      std::any_of(mounts.rbegin(), found, [&](const Mount& m) { return m.target.starts_with(target + "/"); });
  if (found == mounts.rend() || covered || faults.busy.contains(target)) {
    print("umount: " + target + (found == mounts.rend() ? ": not mounted.\n" : ": target is busy.\n"));
    state_.status = 32;
    return;
  }
  state_.mounts.erase(std::next(found).base());
}

/// mount -t TYPE -o OPTIONS SOURCE TARGET
void FakeGuest::mount_again(const std::vector<std::string>& words) {
  if (words.size() != 7 || faults.gone.contains(words[5])) {
    print("mount: no such share\n");
    state_.status = 1;
    return;
  }
  mount({words[5], words[6], words[2], words[4]});
}

void FakeGuest::install_program() {
  if (options_.runs_programs) state_.program = "/run/.kvmtest-renew";
  print(state_.program + "\n");
}

void FakeGuest::run_program(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[1] == "log") {
    for (const auto& [stamp, line] : kernel_log)
      if (stamp > std::stol(words[2])) print(line + "\n");
    print("@" + std::to_string(kernel_log.empty() ? 0 : kernel_log.rbegin()->first) + " 1\n");
  } else if (words.size() == 3 && words[1] == "wait") {
    print("waiting\n");
    state_.waiting = words[2];
  }
}

void FakeGuest::renew(const std::string& line) {
  std::istringstream words(line);
  std::string mark;
  std::string seed;
  std::string seconds;
  std::string nanoseconds;
  words >> mark >> seed >> seconds >> nanoseconds;
  if (seed == "again") {
    ++program.warmed;
    print(mark + "\nwaiting\n");
    return;
  }
  const std::string token = std::exchange(state_.waiting, {});
  state_.status = 0;
  if (nanoseconds.empty()) return;
  program.seeds.insert(seed);
  const long newest = kernel_log.empty() ? 0 : kernel_log.rbegin()->first;
  print(mark + " " + token + " " + std::to_string(faults.renewal) + " " + options_.host_name + " " +
        std::to_string(newest) + "\n");
}

void FakeGuest::print(std::string_view text) {
  for (const char c : text) {
    if (c == '\n' && state_.onlcr) output_.push_back('\r');
    output_.push_back(c);
  }
}

void FakeGuest::prompt() {
  if (!state_.own_prompt) {
    output_ += options_.first_prompt;
    return;
  }
  std::string text = expanded(state_.variables["PS1"]);
  if (cut_) text.insert(std::min(text.size(), cut_->first), cut_->second);
  cut_.reset();
  output_ += text;
}

/// A prompt.
std::string FakeGuest::expanded(std::string text) const {
  constexpr std::string_view key = "${__kt}";
  const auto found = state_.variables.find("__kt");
  if (const auto at_key = text.find(key); at_key != std::string::npos && found != state_.variables.end())
    text.replace(at_key, key.size(), found->second);
  const auto at = text.find("$?");
  if (at != std::string::npos && options_.prompt != Options::Prompt::literal)
    text.replace(at, 2, options_.prompt == Options::Prompt::expands ? std::to_string(state_.status) : "0");
  return text;
}

}  // namespace kvmtest::console
