#pragma once
// One connection to a state directory's database. What its tables hold is said in telemetry/schema.cpp.
//
// Invariants: the file is in WAL mode, a commit is on the disk when it returns (synchronous=FULL), foreign keys hold,
// and the schema is this version's. Several connections, also of several processes, may be open at once.

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace SQLite {
class Database;
}

namespace kvmtest::telemetry {

/// The database cannot be opened, read or written. One line: the path, what failed, in SQLite's words.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is to be written can never be: it contradicts what is there, or the database itself is broken.
class NeverWritable : public Error {
 public:
  using Error::Error;
};

/// One thread at a time.
class Database {
 public:
  /// The daemon of a state directory writes its database, commands read it.
  enum class User { command, daemon };
  /// Opens `path`, creates it when it is not there (its directory must be), and brings an older schema up to date; a
  /// command does so only where no daemon, which would have to be of that older kvmtest, is using it. Waits up to 10 s
  /// for another process that holds it. Throws Error, also for a database of a newer kvmtest or of another program.
  explicit Database(std::filesystem::path path, User user = User::command);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// For telemetry itself.
  [[nodiscard]] SQLite::Database& connection() { return *connection_; }
  /// What a user is told when `what` failed: "<path>: <what>".
  [[nodiscard]] Error error(const std::string& what) const;
  /// Throws Error while another kvmtest has changed the schema.
  void check_schema();

 private:
  std::filesystem::path path_;
  std::unique_ptr<SQLite::Database> connection_;
};

}  // namespace kvmtest::telemetry
