#include "service/ssh_commands.h"

#include <exception>

#include <fmt/format.h>

#include "base/threads.h"
#include "engine/errors.h"

namespace kvmtest::service {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds answer_patience{10};  // for each of a server's answers

Clock::time_point deadline_of(const SshCommand& command) {
  constexpr std::chrono::hours for_ever{24 * 365};
  const auto limit = command.limit ? std::chrono::duration_cast<Clock::duration>(*command.limit) : for_ever;
  return Clock::now() + limit;
}

/// Of a test's command, for its record.
constexpr std::size_t most_kept = 1U << 20U;

/// Passes on what the command prints, to its end or the client's. `kept`: its beginning.
void pass_output(ssh::Channel& channel, Clock::time_point deadline, ConsoleClient& client,
                 console::CommandResult& kept) {
  bool there = true;
  while (there) {
    const auto part = channel.read(deadline);
    if (!part) break;
    kept.output_bytes += part->bytes.size();
    kept.output.append(part->bytes, 0, most_kept - kept.output.size());
    kept.truncated = kept.output_bytes > kept.output.size();
    there = part->error ? client.errors(part->bytes) : client.output(part->bytes);
  }
  client.end_input();
}

void take_input(ssh::Channel& channel, ConsoleClient& client) {
  while (const auto input = client.input()) {
    if (const auto* bytes = std::get_if<std::string>(&*input)) channel.write(*bytes);
    if (const auto* size = std::get_if<console::TerminalSize>(&*input)) channel.resize(size->rows, size->columns);
    if (std::holds_alternative<ConsoleClient::InputEnd>(*input)) channel.end_input();
  }
}

}  // namespace

ConsoleEnd SshCommands::run(const core::Domain& domain, const SshCommand& command, ConsoleClient& client) {
  base::Companion output("a command");
  if (!command.token.empty()) engine_.check_under_test(domain, command.token);
  const auto going = engine_.keep_going(domain);
  const auto channel = start(domain, command);
  const auto begun = Clock::now();
  const auto deadline = deadline_of(command);
  client.begin("");
  console::CommandResult kept;
  output.begin([&] { pass_output(*channel, deadline, client, kept); });
  try {
    take_input(*channel, client);
  } catch (const std::exception&) {
    // The client does not keep to its protocol, and is left.
  }
  channel->close();  // over already, unless the client has gone
  output.join();
  ConsoleEnd end;
  end.took = std::chrono::duration_cast<core::Duration>(Clock::now() - begun);
  end.status = kept.status = channel->status();
  kept.took = end.took;
  if (!command.token.empty()) engine_.command_ran(domain, command.token, command.text, kept);
  if (!end.status)
    end.error = Clock::now() >= deadline ? fmt::format("the command took longer than {} s", command.limit->count())
                                         : domain.name() + " went away";
  return end;
}

std::unique_ptr<ssh::Channel> SshCommands::start(const core::Domain& domain, const SshCommand& command) {
  std::optional<ssh::Terminal> terminal;
  if (command.terminal)
    terminal = ssh::Terminal{command.terminal->type, command.terminal->size.rows, command.terminal->size.columns};
  try {
    const auto connection = connection_to(domain);
    try {
      return connection->start(command.text, terminal);
    } catch (const ssh::Failed&) {
      // It was cut a moment ago, or its server let it go: the next one tells.
      if (connection->is_open()) throw;
    }
    return connection_to(domain)->start(command.text, terminal);
  } catch (const ssh::Failed& e) {
    throw engine::NoWay(fmt::format("{}: {}", domain.name(), e.what()));
  }
}

std::shared_ptr<SshCommands::Open> SshCommands::place_of(const core::Domain& domain) {
  const base::Lock lock(mutex_);
  auto& place = open_[domain];
  if (!place) place = std::make_shared<Open>();
  return place;
}

std::shared_ptr<ssh::Connection> SshCommands::connection_to(const core::Domain& domain) {
  const auto place = place_of(domain);
  const base::Lock lock(place->mutex);
  if (place->connection && place->connection->is_open()) return place->connection;
  place->connection.reset();
  place->registered.reset();
  // Known before it is made: a domain that goes back meanwhile ends it, too.
  struct Cut {
    base::Mutex mutex;
    std::weak_ptr<ssh::Connection> connection GUARDED_BY(mutex);
    bool done GUARDED_BY(mutex) = false;
  };
  const auto cut = std::make_shared<Cut>();
  place->registered = engine_.open_connection(
      domain,
      [cut] {
        const base::Lock cutting(cut->mutex);
        cut->done = true;
        if (const auto connection = cut->connection.lock()) connection->cut();
      },
      false);
  auto connection = std::make_shared<ssh::Connection>(
      ways_.connect(domain, access_.port, answer_patience),
      ssh::Identity{access_.user, access_.key, engine_.host_keys(domain)}, answer_patience);
  const base::Lock connecting(cut->mutex);
  cut->connection = connection;
  if (cut->done) throw engine::Busy(domain.name() + " goes back to its clean state");
  place->connection = std::move(connection);
  return place->connection;
}

}  // namespace kvmtest::service
