#include "fake_guest.h"

#include <cctype>
#include <utility>

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
  if (silent) return;
  for (const char c : bytes) {
    if (c == '\x03') {  // interrupts what is in the foreground
      input_.clear();
      command_.clear();
      if (at_ != At::shell) continue;
      status_ = 130;
      hangs_ = false;
      if (echo_) print("^C");
      prompt();
    } else if (c == '\x15') {
      input_.clear();
    } else if (c == '\n' || c == '\r') {
      if (echo_) print("\n");
      line(std::exchange(input_, {}));
    } else if (input_.size() < terminal_line) {
      input_.push_back(c);
      if (echo_ && at_ != At::password) print({&c, 1});
    }
  }
}

void FakeGuest::line(const std::string& line) {
  switch (at_) {
    case At::login:
      name_ = line;
      if (options_.password.empty() && name_ == options_.user) {
        at_ = At::shell;
        output_ += options_.first_prompt;
      } else {
        at_ = At::password;
        output_ += "Password: ";
      }
      break;
    case At::password:
      if (name_ == options_.user && line == options_.password) {
        at_ = At::shell;
        output_ += options_.before_login + options_.first_prompt;
      } else {
        at_ = At::login;
        output_ += "\r\nLogin incorrect\r\nguest login: ";
      }
      break;
    case At::shell: command_line(line); break;
  }
}

void FakeGuest::command_line(const std::string& line) {
  if (hangs_) return;
  typed.push_back(line);
  command_ += line;
  if (in_quotes(command_)) {
    command_ += "\n";
    print(variables_.contains("PS2") ? variables_["PS2"] : "> ");
    return;
  }
  for (const auto& words : parse(std::exchange(command_, {}))) {
    execute(words);
    if (closed_ || hangs_) return;
  }
  prompt();
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
    const auto found = variables_.find(name);
    word += found == variables_.end() ? "" : found->second;
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
  const int before = std::exchange(status_, 0);
  if (const auto equals = verb.find('='); equals != std::string::npos && name_char(verb[0])) {
    variables_[verb.substr(0, equals)] = verb.substr(equals + 1);
    own_prompt_ |= verb.starts_with("PS1=");
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
    status_ = std::stoi(words.at(1));
  } else if (verb == "eval") {
    for (const auto& command : parse(words.at(1))) {
      execute(command);
      if (closed_ || hangs_) return;
    }
  } else if (verb == "stty") {
    stty(words);
  } else if (verb == "hang") {
    hangs_ = true;
  } else if (verb == "die") {
    closed_ = true;
  } else if (verb == "true" || verb == "export" || verb == "unset" || verb == "set") {
    status_ = 0;
  } else if (verb == "false") {
    status_ = 1;
  } else if (verb == "again") {
    status_ = before;
  } else {
    print("sh: " + verb + ": not found\n");
    status_ = 127;
  }
}

void FakeGuest::stty(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "sane") echo_ = onlcr_ = true;
    if (word == "-echo") echo_ = false;
    if (word == "-onlcr") onlcr_ = false;
  }
}

void FakeGuest::print(std::string_view text) {
  for (const char c : text) {
    if (c == '\n' && onlcr_) output_.push_back('\r');
    output_.push_back(c);
  }
}

void FakeGuest::prompt() {
  if (!own_prompt_) {
    output_ += options_.first_prompt;
    return;
  }
  std::string text = variables_["PS1"];
  const auto at = text.find("$?");
  if (at != std::string::npos && options_.prompt != Options::Prompt::literal)
    text.replace(at, 2, options_.prompt == Options::Prompt::expands ? std::to_string(status_) : "0");
  output_ += text;
}

}  // namespace kvmtest::console
