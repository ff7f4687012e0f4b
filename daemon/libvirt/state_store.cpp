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
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xxhash.h>
#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;
using nlohmann::json;

constexpr const char* about_file = "about.json";
constexpr const char* unnamed_about_file = "about.new";
constexpr const char* tmpfs = "/dev/shm";
// The store's directories in RAM begin so; what follows names the state directory.
constexpr const char* ram_name = "kvmtest-";

struct Descriptor {
  explicit Descriptor(int n) : number(n) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
  int number;
};

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
  const Descriptor in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.number < 0) fail(from, "cannot be read");
  const Descriptor out(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (out.number < 0) fail<CannotWrite>(to, "cannot be written");
  const auto remove = [&to] {
    const int error = errno;
    unlink(to.c_str());
    errno = error;
  };
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(), XXH3_freeState);
  XXH3_128bits_reset(hash.get());
  std::vector<char> buffer(1U << 20U);
  while (true) {
    const ssize_t got = read(in.number, buffer.data(), buffer.size());
    if (got < 0) {
      remove();
      fail(from, "cannot be read");
    }
    if (got == 0) break;
    XXH3_128bits_update(hash.get(), buffer.data(), static_cast<std::size_t>(got));
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = write(out.number, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0) {
        remove();
        fail<CannotWrite>(to, "cannot be written");
      }
      done += put;
    }
  }
  const XXH128_hash_t digest = XXH3_128bits_digest(hash.get());
  return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

std::uint64_t size_of(const fs::path& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

/// Whatever is removed meanwhile does not count, and disturbs nobody.
std::uint64_t bytes_in(const fs::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    bytes += entry->is_directory(gone) ? bytes_in(entry->path()) : size_of(entry->path());
  }
  return bytes;
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

StateStore::StateStore(Options options) : options_(std::move(options)) {
  fs::create_directories(options_.directory / "kept");
  const fs::path lock = options_.directory / "lock";
  lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) fail(lock, "cannot be made");
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_);
    throw HostFault(fmt::format("the saved states in {} are in use by another process", options_.directory.string()));
  }
  for (const fs::path& root : {options_.directory, options_.ram}) {
    if (root.empty()) continue;
    fs::remove_all(root / "live");
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / "kept", error))
      if (!about(entry.path())) fs::remove_all(entry.path());
  }
}

StateStore::~StateStore() {
  std::error_code error;
  for (const fs::path& root : {options_.directory, options_.ram})
    if (!root.empty()) fs::remove_all(root / "live", error);
  // Leaves nothing in RAM when nothing is kept there.
  if (!options_.ram.empty() &&
      (!fs::exists(options_.ram / "kept", error) || fs::is_empty(options_.ram / "kept", error)))
    fs::remove_all(options_.ram, error);
  close(lock_);
}

std::vector<engine::KeptStates::Kept> StateStore::list() {
  const std::shared_lock lock(kept_mutex_);
  std::vector<Kept> all;
  for (const fs::path& root : {options_.ram, options_.directory}) {
    std::error_code error;
    if (root.empty()) continue;
    for (const auto& entry : fs::directory_iterator(root / "kept", error)) {
      const auto read = about(entry.path());
      if (!read) continue;
      all.push_back({.state = core::StateId(entry.path().filename().string()),
                     .domain = read->value("domain", ""),
                     .inputs = read->value("inputs", ""),
                     .bytes = bytes_in(entry.path()),
                     .made = written(entry.path() / about_file),
                     .used = written(entry.path()),
                     .in_ram = root == options_.ram});
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used > b.used; });
  return all;
}

fs::path StateStore::find(const core::StateId& state) {
  for (const fs::path& root : {options_.ram, options_.directory})
    if (!root.empty() && fs::exists(root / "kept" / state.value / about_file)) return root / "kept" / state.value;
  return {};
}

bool StateStore::kept(const core::StateId& state) {
  const std::shared_lock lock(kept_mutex_);
  return !find(state).empty();
}

std::uint64_t StateStore::bytes_of(const core::StateId& state) {
  const std::shared_lock lock(kept_mutex_);
  const fs::path directory = find(state);
  return directory.empty() ? 0 : bytes_in(directory);
}

/// The root for so many bytes: RAM while the budget and the tmpfs hold them.
fs::path StateStore::choose(std::uint64_t bytes, bool spilled) {
  std::error_code error;
  if (!options_.ram.empty() && !spilled) {
    fs::create_directories(options_.ram, error);
    const auto space = fs::space(options_.ram, error);
    if (!error && space.available > bytes && in_ram() + bytes <= options_.ram_budget) return options_.ram;
  }
  const auto space = fs::space(options_.directory, error);
  if (error || space.available < bytes + options_.disk_reserve)
    throw HostFault(
        fmt::format("no room for {} MiB of a saved state, neither in RAM nor in {}: {}, of which {} MiB "
                    "stay so (state_min_free)",
                    bytes >> 20U, options_.directory.string(), engine::file_system_of(options_.directory),
                    options_.disk_reserve >> 20U));
  return options_.directory;
}

std::uint64_t StateStore::in_ram() { return options_.ram.empty() ? 0 : bytes_in(options_.ram); }

void StateStore::make_room(std::uint64_t bytes, const core::StateId& but) {
  if (bytes > options_.kept_limit)
    throw HostFault(fmt::format("a saved state of {} MiB is more than reset.kept_limit allows", bytes >> 20U));
  auto all = list();
  std::uint64_t total = bytes;
  for (const Kept& kept : all)
    if (kept.state != but) total += kept.bytes;
  while (total > options_.kept_limit && !all.empty()) {
    if (all.back().state != but) {
      drop(all.back().state);
      total -= all.back().bytes;
    }
    all.pop_back();
  }
}

void StateStore::keep(const core::StateId& state, const std::string& domain, const std::string& inputs,
                      const std::string& note, const std::vector<fs::path>& files) {
  std::uint64_t bytes = 0;
  for (const fs::path& file : files) bytes += size_of(file);
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
  const std::lock_guard placing(placing_);
  try {
    make_room(bytes, state);
    const fs::path root = choose(bytes, false);
    try {
      copy_all(root);
    } catch (const std::exception&) {  // the tmpfs is full after all
      if (root == options_.directory) throw;
      std::error_code error;
      fs::remove_all(made, error);
      copy_all(choose(bytes, true));
    }
    const std::unique_lock lock(kept_mutex_);
    for (const fs::path& old : {options_.ram, options_.directory})
      if (!old.empty()) fs::remove_all(old / "kept" / state.value);
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

std::string StateStore::take(const core::StateId& state, const std::map<std::string, fs::path>& to) {
  std::string problem;
  {
    const std::shared_lock lock(kept_mutex_);
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

bool StateStore::drop(const core::StateId& state) {
  const std::unique_lock lock(kept_mutex_);
  const fs::path directory = find(state);
  if (directory.empty()) return false;
  std::error_code error;
  fs::remove_all(directory, error);
  return true;
}

fs::path StateStore::live_memory(const std::string& domain, std::uint64_t bytes, bool spilled) {
  const std::lock_guard placing(placing_);
  const fs::path directory = choose(bytes, spilled) / "live" / domain;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw HostFault(fmt::format("{}: cannot be made: {}", directory.string(), error.message()));
  return directory / "memory.qcow2";
}

void StateStore::clear_live(const std::string& domain) {
  std::error_code error;
  for (const fs::path& root : {options_.directory, options_.ram})
    if (!root.empty()) fs::remove_all(root / "live" / domain, error);
}

fs::path ram_directory(const fs::path& state_dir) {
  struct statfs filesystem {};
  if (statfs(tmpfs, &filesystem) != 0 || filesystem.f_type != TMPFS_MAGIC || access(tmpfs, W_OK) != 0) return {};
  const fs::path mine =
      fs::path(tmpfs) / fmt::format("{}{:016x}", ram_name, XXH3_64bits(state_dir.c_str(), state_dir.string().size()));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tmpfs, error)) {
    if (!entry.path().filename().string().starts_with(ram_name) || entry.path() == mine) continue;
    std::string owner;
    std::ifstream in(entry.path() / "owner");
    if (std::getline(in, owner) && !fs::exists(owner, error)) fs::remove_all(entry.path(), error);
  }
  // Not somebody else's directory of that name, nor a link to one.
  if (mkdir(mine.c_str(), 0700) != 0) {
    struct stat status {};
    if (errno != EEXIST || lstat(mine.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
      return {};
  }
  std::ofstream(mine / "owner") << state_dir.string() << '\n';
  return mine;
}

}  // namespace kvmtest::libvirt
