// kvmtest cp.

#include <csignal>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "archive/tree.h"
#include "base/descriptor.h"
#include "base/quoting.h"
#include "client/client.h"
#include "client/domains.h"
#include "client/screen.h"
#include "client/ssh_command.h"
#include "core/input_error.h"
#include "domains/templates.h"
#include "kvmtest/verbs.h"

namespace kvmtest::command {
namespace {

namespace fs = std::filesystem;
using core::InputError;

struct CopyOptions {
  std::vector<std::string> words;  ///< the last one is the destination
  bool recursive = false;
};

/// A file of a domain, or one of this machine.
struct Place {
  std::optional<std::string> domain;
  std::string path;
};

/// As scp(1) has it: what stands before the first colon is a domain, unless there is a slash in it.
Place place_from(const std::string& word, const domains::Templates& templates) {
  const auto colon = word.find(':');
  if (colon == std::string::npos || word.find('/') < colon) return {std::nullopt, word};
  const std::string domain = word.substr(0, colon);
  [[maybe_unused]] const auto known = templates.parse_domain(domain);  // or it is refused
  return {domain, colon + 1 == word.size() ? "." : word.substr(colon + 1)};
}

/// Both ends of a pipe; nobody dies of one that is not read any more.
struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw client::Refused("no pipe", 3);
    read = base::Descriptor(ends[0]);
    write = base::Descriptor(ends[1]);
  }
  base::Descriptor read;
  base::Descriptor write;
};

/// Does something on a thread beside a command; what it throws is thrown by join().
class Beside {
 public:
  explicit Beside(std::function<void()> work)
      : thread_([this, work = std::move(work)] {
          try {
            work();
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  ~Beside() {
    if (thread_.joinable()) thread_.join();
  }
  void join() {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
  std::thread thread_;
};

class Copying {
 public:
  Copying(client::Client& client, const CopyOptions& options) : client_(client), options_(options) {}

  void to_domain(const std::vector<Place>& from, const Place& to) const {
    const bool into = is_directory(to);
    if (!into && from.size() > 1) throw InputError(fmt::format("{}:{} is no directory", *to.domain, to.path));
    const fs::path above = fs::path(to.path).parent_path();
    const fs::path path = into ? fs::path(to.path) : above.empty() ? fs::path(".") : above;
    std::vector<archive::Item> items;
    for (const Place& each : from)
      items.push_back({each.path, into ? name_of(each.path) : fs::path(to.path).filename().string()});
    for (const auto& item : items) check_local(item.file);
    Pipe pipe;
    // Each end goes with who uses it, however that ends: the other side then waits for it no more.
    Beside packing([&] {
      const base::Descriptor into(pipe.write.release());
      archive::pack(items, into.number());
    });
    base::Descriptor packed(pipe.read.release());
    // Whose the files are there is who logs in.
    const auto unpack = fmt::format("cd -- {} && exec tar -xpof -", base::shell_quoted(path.string()));
    const Ran ran = run(*to.domain, unpack, packed.number(), [](std::string_view) {});
    packed = base::Descriptor();
    packing.join();
    check(*to.domain, ran);
  }

  void from_domain(const Place& from, const Place& to) const {
    if (!options_.recursive && is_directory(from))
      throw InputError(fmt::format("{}:{} is a directory: say -r", *from.domain, from.path));
    std::error_code error;
    const fs::path path = fs::path(from.path).lexically_normal();
    const fs::path plain = path.filename().empty() ? path.parent_path() : path;
    archive::Unpacking how;
    how.directory = to.path;
    if (!fs::is_directory(to.path, error)) {
      how.directory = fs::path(to.path).parent_path().empty() ? fs::path(".") : fs::path(to.path).parent_path();
      how.rename = fs::path(to.path).filename();
      if (!fs::is_directory(how.directory, error)) throw InputError(how.directory.string() + " is no directory");
    }
    Pipe pipe;
    archive::Unpacked unpacked;
    bool any = false;
    Beside unpacking([&] {
      const base::Descriptor from_pipe(pipe.read.release());
      unpacked = archive::unpack(from_pipe.number(), how);
    });
    base::Descriptor packed(pipe.write.release());
    const std::string above = plain.parent_path().empty() ? "." : plain.parent_path().string();
    const auto pack = fmt::format("cd -- {} && exec tar -cf - -- {}", base::shell_quoted(above),
                                  base::shell_quoted(plain.filename().string()));
    const Ran ran = run(*from.domain, pack, -1, [&](std::string_view bytes) {
      any = any || !bytes.empty();
      client::write_all(bytes, packed.number());  // why nobody takes it, the unpacking tells
    });
    packed = base::Descriptor();
    try {
      unpacking.join();
    } catch (const archive::Failed&) {
      if (ran.status == 0 || any) throw;
    }
    check(*from.domain, ran);
    if (!unpacked.left_out.empty()) throw client::Refused(unpacked.left_out, 3);
  }

 private:
  struct Ran {
    int status = 0;
    std::string errors;
  };

  Ran run(const std::string& domain, const std::string& command, int input,
          const std::function<void(std::string_view)>& output) const {
    Ran ran;
    ran.status = client::run_by_ssh(client_, domain, {command},
                                    {input, output, [&](std::string_view bytes) { ran.errors += bytes; }});
    return ran;
  }

  static void check(const std::string& domain, const Ran& ran) {
    if (ran.status == 0) return;
    const std::string first = ran.errors.substr(0, ran.errors.find('\n'));
    throw client::Refused(
        first.empty() ? fmt::format("{}: tar ended with {}", domain, ran.status) : domain + ": " + first, 3);
  }

  [[nodiscard]] bool is_directory(const Place& place) const {
    return run(*place.domain, fmt::format("[ -d {} ]", base::shell_quoted(place.path)), -1, [](std::string_view) {
           }).status == 0;
  }

  void check_local(const fs::path& file) const {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) throw InputError(file.string() + ": no such file");
    if (fs::is_directory(status) && !options_.recursive) throw InputError(file.string() + " is a directory: say -r");
  }

  static std::string name_of(const std::string& path) {
    const fs::path plain = fs::absolute(path).lexically_normal();
    return plain.filename().empty() ? plain.parent_path().filename() : plain.filename();
  }

  client::Client& client_;
  const CopyOptions& options_;
};

int cp(const Context& context, const CopyOptions& options) {
  const auto settings = context.common.settings();
  const domains::Templates templates(settings.domains.templates, settings.domains.ready);
  if (options.words.size() < 2) throw InputError("say what to copy, and where to: kvmtest cp FILE... a.east:DIRECTORY");
  std::vector<Place> from;
  for (const std::string& word : options.words) from.push_back(place_from(word, templates));
  const Place to = from.back();
  from.pop_back();
  for (const Place& each : from)
    if (each.domain.has_value() == to.domain.has_value())
      throw InputError(to.domain ? "from a domain to a domain: copy to this machine first"
                                 : "neither is of a domain: write a.east:/path");
  std::vector<std::string> domains;
  for (const Place& each : from)
    if (each.domain) domains.push_back(*each.domain);
  if (to.domain) domains.push_back(*to.domain);

  client::Client client(settings);
  std::signal(SIGPIPE, SIG_IGN);
  client.with_daemon(context.common.config, [&] {
    const auto status = client.get("/v1/status");
    for (const std::string& domain : domains)
      if (const auto state = client::state_of(status, templates.parse_domain(domain)); !state.up && !state.tested)
        client::bring_up(client, domain, {false, settings.workers, settings.reset.method});
  });
  const Copying copying(client, options);
  if (to.domain) {
    copying.to_domain(from, to);
  } else {
    for (const Place& each : from) copying.from_domain(each, to);
  }
  return 0;
}

}  // namespace

void add_cp(client::Command& program, Context& context) {
  auto options = std::make_shared<CopyOptions>();
  client::Command verb = add_verb(program, context, "cp", "copy files to a domain, or from one",
                                  [&context, options] { return cp(context, *options); });
  verb.add_words("FILE", options->words, "files, then where to; a domain's are a.east:PATH").required();
  verb.add_flag("-r,--recursive", options->recursive, "directories as well, with links as links");
  verb.footer(
      "By SSH: see ssh.network of the settings. A domain that is down is brought up first. Modes and times are kept; "
      "files belong to the login's user there, and to you here. Examples: kvmtest cp -r build a.east:/opt; kvmtest cp "
      "a.east:/var/log/messages .");
}

}  // namespace kvmtest::command
