#include "libvirt/state_store.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/mutex.h"
#include "base/open_directory.h"
#include "engine/file_system.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;
using nlohmann::json;

constexpr const char* about_file = "state.json";  // an older kvmtest's about.json may hold a password
constexpr const char* unnamed_about_file = "state.new";

/// The place that files go to is at fault, not what is kept.
class CannotWrite : public HostFault {
 public:
  using HostFault::HostFault;
};

template <class Error = HostFault>
[[noreturn]] void fail(const fs::path& file, const char* what) {
  const int error = errno;
  throw Error(fmt::format("{}: {}: {}{}", file.string(), what, std::strerror(error), engine::if_full(file)));
}

/// Copies and returns the checksum of what was copied. Throws CannotWrite for `to`, HostFault for `from`; what was
/// written so far is removed.
std::string copied(const fs::path& from, const fs::path& to) {
  const base::Descriptor in(open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in) fail(from, "cannot be read");
  const base::Descriptor out(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out) fail<CannotWrite>(to, "cannot be written");
  const auto remove = [&to] {
    const int error = errno;
    unlink(to.c_str());
    errno = error;
  };
  base::Digest digest;
  std::vector<char> buffer(1U << 20U);
  while (true) {
    const ssize_t got = read(in.number(), buffer.data(), buffer.size());
    if (got < 0) {
      remove();
      fail(from, "cannot be read");
    }
    if (got == 0) break;
    digest.add({buffer.data(), static_cast<std::size_t>(got)});
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = write(out.number(), buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0) {
        remove();
        fail<CannotWrite>(to, "cannot be written");
      }
      done += put;
    }
  }
  return digest.text();
}

std::optional<json> about(const fs::path& directory) {
  std::ifstream in(directory / about_file);
  json read = json::parse(in, nullptr, false);
  if (!read.is_object()) return std::nullopt;
  return read;
}

core::WallTime written(const fs::path& file) {
  struct stat status {};
  stat(file.c_str(), &status);
  return core::WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                        std::chrono::microseconds(status.st_mtim.tv_nsec / 1000));
}

}  // namespace

StateStore::StateStore(Options options)
    : kept_limit_(options.kept_limit),
      places_({std::move(options.directory), std::move(options.ram), options.ram_budget, options.disk_reserve}) {
  try {
    const auto directory = base::OpenDirectory::made(places_.directory(), 0700);
    (void)directory.make("kept", 0700);
    lock_ = directory.open_or_create("lock", 0600);
  } catch (const base::FileError& error) {
    throw HostFault(error.what());
  }
  if (flock(lock_.number(), LOCK_EX | LOCK_NB) != 0)
    throw HostFault(fmt::format("the saved states in {} are in use by another process", places_.directory().string()));
  for (const fs::path& root : places_.roots()) {
    fs::remove_all(root / "live");
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / "kept", error))
      if (!about(entry.path())) fs::remove_all(entry.path());
  }
}

StateStore::~StateStore() {
  std::error_code error;
  for (const fs::path& root : places_.roots()) fs::remove_all(root / "live", error);
  // Leaves nothing in RAM when nothing is kept there.
  if (!places_.ram().empty() &&
      (!fs::exists(places_.ram() / "kept", error) || fs::is_empty(places_.ram() / "kept", error)))
    fs::remove_all(places_.ram(), error);
}

std::vector<engine::KeptStates::Kept> StateStore::list() {
  const base::ReadLock lock(kept_mutex_);
  std::vector<Kept> all;
  for (const fs::path& root : places_.roots()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / "kept", error)) {
      const auto read = about(entry.path());
      if (!read) continue;
      all.push_back({.state = core::SavedStateId(entry.path().filename().string()),
                     .domain = read->value("domain", ""),
                     .inputs = read->value("inputs", ""),
                     .bytes = bytes_in(entry.path()),
                     .made = written(entry.path() / about_file),
                     .used = written(entry.path()),
                     .in_ram = root == places_.ram()});
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used > b.used; });
  return all;
}

fs::path StateStore::find(const core::SavedStateId& state) {
  for (const fs::path& root : places_.roots())
    if (fs::exists(root / "kept" / state.value / about_file)) return root / "kept" / state.value;
  return {};
}

bool StateStore::kept(const core::SavedStateId& state) {
  const base::ReadLock lock(kept_mutex_);
  return !find(state).empty();
}

std::uint64_t StateStore::bytes_of(const core::SavedStateId& state) {
  const base::ReadLock lock(kept_mutex_);
  const fs::path directory = find(state);
  return directory.empty() ? 0 : bytes_in(directory);
}

void StateStore::make_room(std::uint64_t bytes, const core::SavedStateId& but) {
  if (bytes > kept_limit_)
    throw HostFault(fmt::format("a saved state of {} MiB is more than reset.kept_limit allows", bytes >> 20U));
  auto all = list();
  std::uint64_t total = bytes;
  for (const Kept& kept : all)
    if (kept.state != but) total += kept.bytes;
  while (total > kept_limit_ && !all.empty()) {
    if (all.back().state != but) {
      drop(all.back().state);
      total -= all.back().bytes;
    }
    all.pop_back();
  }
}

void StateStore::keep(const core::SavedStateId& state, const std::string& domain, const std::string& inputs,
                      const std::string& note, const std::vector<fs::path>& files) {
  std::uint64_t bytes = 0;
  for (const fs::path& file : files) bytes += bytes_in_file(file);
  fs::path made;
  const auto copy_all = [&](const fs::path& root) {
    made = root / "kept" / fmt::format("{}.new-{}", state.value, domain);
    fs::remove_all(made);
    fs::create_directories(made);
    json sums = json::object();
    for (const fs::path& file : files) sums[file.filename().string()] = copied(file, made / file.filename());
    const json list{{"domain", domain}, {"inputs", inputs}, {"note", note}, {"files", std::move(sums)}};
    // Without a list of the right name it is no state yet.
    std::ofstream out(made / unnamed_about_file);
    if (!(out << list.dump(-1, ' ', false, json::error_handler_t::replace)).flush())
      fail(made / unnamed_about_file, "cannot be written");
  };
  // Until it has its name: the next one is to count it.
  const Places::Turn turn(places_);
  try {
    make_room(bytes, state);
    const fs::path root = turn.choose(bytes, false);
    try {
      copy_all(root);
    } catch (const std::exception&) {  // the tmpfs is full after all
      if (root == places_.directory()) throw;
      std::error_code error;
      fs::remove_all(made, error);
      copy_all(turn.choose(bytes, true));
    }
    const base::WriteLock lock(kept_mutex_);
    for (const fs::path& old : places_.roots()) fs::remove_all(old / "kept" / state.value);
    const fs::path place = made.parent_path() / state.value;
    fs::rename(made, place);
    made = place;
    fs::rename(place / unnamed_about_file, place / about_file);
  } catch (const std::exception& e) {  // what the library throws for a file system's errors, too
    std::error_code error;
    fs::remove_all(made, error);
    throw HostFault(e.what());
  }
}

std::string StateStore::take(const core::SavedStateId& state, const std::map<std::string, fs::path>& to) {
  std::string problem;
  {
    const base::ReadLock lock(kept_mutex_);
    const fs::path directory = find(state);
    if (directory.empty()) throw HostFault("the saved state is gone");
    utimensat(AT_FDCWD, directory.c_str(), nullptr, 0);  // when it was used last
    try {
      const json read = about(directory).value_or(json::object());
      for (const auto& [name, file] : to)
        if (copied(directory / name, file) != read.at("files").at(name).get<std::string>())
          throw HostFault(name + " is not what was saved");
      return read.at("note").get<std::string>();
    } catch (const json::exception&) {
      problem = "its list of files is damaged";
    } catch (const CannotWrite&) {
      throw;
    } catch (const HostFault& e) {
      problem = e.what();
    }
  }
  drop(state);
  throw HostFault("the saved state is damaged: " + problem);
}

bool StateStore::drop(const core::SavedStateId& state) {
  const base::WriteLock lock(kept_mutex_);
  const fs::path directory = find(state);
  if (directory.empty()) return false;
  std::error_code error;
  fs::remove_all(directory, error);
  return true;
}

fs::path StateStore::live_memory(const std::string& domain, std::uint64_t bytes, bool spilled) {
  const Places::Turn turn(places_);
  const fs::path directory = turn.choose(bytes, spilled) / "live" / domain;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw HostFault(fmt::format("{}: cannot be made: {}", directory.string(), error.message()));
  return directory / "memory.qcow2";
}

std::vector<fs::path> StateStore::live_files_of(const std::string& domain) const {
  std::vector<fs::path> files;
  for (const fs::path& root : places_.roots()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / "live" / domain, error)) files.push_back(entry.path());
  }
  return files;
}

void StateStore::clear_live(const std::string& domain) {
  std::error_code error;
  for (const fs::path& root : places_.roots()) fs::remove_all(root / "live" / domain, error);
}

}  // namespace kvmtest::libvirt
