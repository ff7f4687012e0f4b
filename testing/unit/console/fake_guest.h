#pragma once
// A guest on the other end of a console: a getty, a login and enough of a POSIX shell to be typed at. It answers at
// once and in this thread; a read that finds nothing returns at once.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "console/stream.h"

namespace kvmtest::console {

/// Any thread may interrupt; else one thread.
class FakeGuest : public Stream {
 public:
  struct Options {
    std::string boot = "booting\r\nguest login: ";
    std::string user = "root";
    std::string password = "swan";  ///< none: nobody is asked for one
    std::string first_prompt = "guest:~# ";
    enum class Prompt { expands, literal, constant } prompt = Prompt::expands;
    std::size_t chunk = 4096;       ///< bytes a read gives at most
    std::string before_login = {};  ///< printed behind the password, as a last-login line is
  };
  explicit FakeGuest(Options options) : options_(std::move(options)), output_(options_.boot) {}

  std::string read(Deadline deadline) override;
  void write(std::string_view bytes, Deadline deadline) override;
  void interrupt() override { interrupted_ = true; }

  /// The other end goes; what was printed can still be read.
  void close() { closed_ = true; }

  std::vector<std::string> typed;  ///< lines as the shell got them
  bool silent = false;             ///< it takes in what is typed and does nothing

 private:
  enum class At { login, password, shell };

  void line(const std::string& line);
  void command_line(const std::string& line);
  void execute(const std::vector<std::string>& words);
  void stty(const std::vector<std::string>& words);
  void print(std::string_view text);
  void prompt();
  std::vector<std::vector<std::string>> parse(const std::string& text) const;

  Options options_;
  std::string output_;
  std::string input_;    ///< a line not ended yet
  std::string command_;  ///< lines of a command not ended yet
  At at_ = At::login;
  std::string name_;
  bool echo_ = true;
  bool onlcr_ = true;
  bool hangs_ = false;
  bool closed_ = false;
  bool interrupted_ = false;
  bool own_prompt_ = false;
  int status_ = 0;
  std::map<std::string, std::string> variables_;
};

}  // namespace kvmtest::console
