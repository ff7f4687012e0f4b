#pragma once
// A guest on the other end of a console: a getty, a login and enough of a POSIX shell to be typed at. It answers at
// once and in this thread; a read that finds nothing returns at once.
//
// It can be saved and taken back, and knows what that needs of a guest: shares in /proc/mounts, umount and mount, and
// the program that waits in a saved state (guest/renew.c).

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
    std::string host_name = "guest";
    bool runs_programs = true;                             ///< that are typed at it
    enum class Shell { posix, csh } shell = Shell::posix;  ///< of csh it is left by exec
  };
  struct Mount {
    std::string source;
    std::string target;
    std::string type;
    std::string options;
    bool operator==(const Mount&) const = default;
  };
  /// What a saved state holds: the guest as it is, without what is on its way to whoever reads.
  struct State {
    enum class At { login, password, shell } at = At::login;
    std::string input;    ///< a line not ended yet
    std::string command;  ///< lines of a command not ended yet
    std::string name;
    bool echo = true;
    bool onlcr = true;
    bool hangs = false;
    bool own_prompt = false;
    bool left_csh = false;
    int status = 0;
    std::string program;  ///< path of the one that was typed at it
    std::string waiting;  ///< its token, while it waits for a line
    std::map<std::string, std::string> variables;
    std::vector<Mount> mounts;
  };

  explicit FakeGuest(Options options) : options_(std::move(options)), output_(options_.boot) {}
  /// One that was saved.
  FakeGuest(Options options, State state) : options_(std::move(options)), state_(std::move(state)) {}

  [[nodiscard]] const State& state() const { return state_; }
  /// Goes back; what was printed before can still be read.
  void go_back(State state) { state_ = std::move(state); }
  void mount(Mount mount) { state_.mounts.push_back(std::move(mount)); }

  std::string read(Deadline deadline) override;
  void write(std::string_view bytes, Deadline deadline) override;
  void interrupt() override { interrupted_ = true; }

  /// Prints, as a kernel or a program in the background does.
  void say(std::string_view text) { output_ += text; }
  /// Prints when the shell has printed so many bytes of its next prompt.
  void cut_prompt(std::size_t at, std::string text) { cut_ = {at, std::move(text)}; }
  /// The other end goes; what was printed can still be read.
  void close() { closed_ = true; }

  std::vector<std::string> typed;  ///< lines as the shell got them
  unsigned boots = 1;              ///< its boot has another number each time
  bool restarts = false;           ///< it closed because it rebooted
  struct Faults {
    bool silent = false;             ///< it takes in what is typed and does nothing
    std::set<std::string> busy;      ///< targets of mounts that somebody uses
    std::set<std::string> gone;      ///< sources that can no longer be mounted
    std::set<std::string> hanging;   ///< first words of commands that hang
    unsigned interrupt_prompts = 1;  ///< that a control-C brings
    int renewal = 0;                 ///< what the program that waited could not set, when its line is right
  } faults;
  /// Of the program that waits in a saved state.
  struct Program {
    std::set<std::string> seeds;  ///< that its random pool was given
    unsigned warmed = 0;          ///< times it was started again
  } program;
  /// What its kernel has logged, by the kernel's time in microseconds: "<4>[    1.000000] text".
  std::map<long, std::string> kernel_log;

 private:
  using At = State::At;

  void line(const std::string& line);
  void command_line(const std::string& line);
  bool set_up(const std::string& line);
  bool give_key(const std::string& line);
  void execute(const std::vector<std::string>& words);
  bool execute_for_state(const std::vector<std::string>& words);
  void leave_shell(const std::string& verb);
  void stty(const std::vector<std::string>& words);
  void print_mounts();
  void unmount(const std::string& target);
  void mount_again(const std::vector<std::string>& words);
  void install_program();
  void run_program(const std::vector<std::string>& words);
  void renew(const std::string& line);
  void print(std::string_view text);
  void prompt();
  [[nodiscard]] std::string expanded(std::string text) const;
  std::vector<std::vector<std::string>> parse(const std::string& text) const;

  Options options_;
  State state_;
  std::string output_;
  std::optional<std::pair<std::size_t, std::string>> cut_;
  bool closed_ = false;
  bool interrupted_ = false;
};

}  // namespace kvmtest::console
