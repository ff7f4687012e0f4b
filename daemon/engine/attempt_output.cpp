#include "engine/attempt_output.h"

#include <system_error>

#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "engine/hypervisor.h"
#include "suite/execution_json.h"
#include "suite/kernel.h"
#include "wire/record_json.h"

namespace kvmtest::engine {

namespace fs = std::filesystem;

namespace {

constexpr unsigned most_of_a_number = 1000;

[[noreturn]] void fault(const base::FileError& error, const fs::path& place) {
  throw HostFault(error.what() + if_full(place));
}

}  // namespace

base::OpenDirectory AttemptDirectory::open() {
  try {
    const auto run = base::OpenDirectory::made(run_);
    if (!made_.empty()) return run.open(made_);
    for (unsigned same = 1;; ++same) {
      fs::path name = wanted_;
      if (same > 1) name += "-" + std::to_string(same);
      try {
        base::OpenDirectory directory = run.make_new(name);
        made_ = std::move(name);
        return directory;
      } catch (const base::FileError& error) {
        if (error.code() != std::errc::file_exists || same == most_of_a_number) throw;
      }
    }
  } catch (const base::FileError& error) {
    fault(error, run_);
  }
}

void write_file(const base::OpenDirectory& directory, const std::string& name, std::string_view bytes, mode_t mode) {
  try {
    directory.write(name, bytes, mode);
  } catch (const base::FileError& error) {
    fault(error, directory.path());
  }
}

void write_attempt(const base::OpenDirectory& directory, const AttemptFiles& files) {
  for (const auto& [host, bytes] : files.raw) write_file(directory, host + ".console.raw", bytes);
  for (const auto& [host, text] : files.judgement.clean) write_file(directory, host + ".console.txt", text);
  for (const auto& [host, lines] : files.execution.kernel)
    write_file(directory, host + ".kernel.txt", suite::kernel_text(lines));
  write_file(directory, "transcript.txt", files.judgement.transcript);
  if (!files.judgement.diff.empty()) write_file(directory, "transcript.diff", files.judgement.diff);
  if (const auto& program = files.execution.program) {
    write_file(directory, "stdout.txt", program->output);
    write_file(directory, "stderr.txt", program->errors);
  }
  write_file(directory, "execution.json", wire::dump(suite::to_json(files.execution)) + "\n");

  nlohmann::json result{{"test", files.test.name.string()},
                        {"file", files.test.path.string()},
                        {"title", files.test.title},
                        {"hosts", files.test.hosts},
                        {"tags", files.test.tags},
                        {"attempt", files.attempt.value},
                        {"number", files.number},
                        {"prefix", files.prefix.value},
                        {"verdict", core::to_string(files.judgement.verdict)},
                        {"issues", wire::to_json(files.judgement.issues)},
                        {"test_seconds", core::seconds(files.test_time)}};
  if (!files.judgement.points.empty()) result["points"] = wire::to_json(files.judgement.points);
  write_file(directory, "result.json", wire::dump(result) + "\n");
}

}  // namespace kvmtest::engine
