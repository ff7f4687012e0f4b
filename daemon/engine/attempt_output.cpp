#include "engine/attempt_output.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <nlohmann/json.hpp>

#include "engine/file_system.h"
#include "engine/hypervisor.h"
#include "suite/execution_json.h"
#include "suite/kernel.h"
#include "wire/record_json.h"

namespace kvmtest::engine {

namespace fs = std::filesystem;

fs::path attempt_directory(const fs::path& run, const std::string& test, unsigned number) {
  return run / test / std::to_string(number);
}

void write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (out) return;
  const std::string words = std::strerror(errno);
  throw HostFault(path.string() + ": " + words + if_full(path));
}

void write_attempt(const fs::path& directory, const AttemptFiles& files) {
  std::error_code error;
  // A program has written files of its own already, into an empty directory.
  if (!files.execution.program) fs::remove_all(directory, error);
  fs::create_directories(directory, error);
  if (error) throw HostFault(directory.string() + ": " + error.message() + if_full(directory));

  for (const auto& [host, bytes] : files.raw) write_file(directory / (host + ".console.raw"), bytes);
  for (const auto& [host, text] : files.judgement.clean) write_file(directory / (host + ".console.txt"), text);
  for (const auto& [host, lines] : files.execution.kernel)
    write_file(directory / (host + ".kernel.txt"), suite::kernel_text(lines));
  write_file(directory / "transcript.txt", files.judgement.transcript);
  if (!files.judgement.diff.empty()) write_file(directory / "transcript.diff", files.judgement.diff);
  if (const auto& program = files.execution.program) {
    write_file(directory / "stdout.txt", program->output);
    write_file(directory / "stderr.txt", program->errors);
  }
  write_file(directory / "execution.json", wire::dump(suite::to_json(files.execution)) + "\n");

  nlohmann::json result{{"test", files.test.name},
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
  write_file(directory / "result.json", wire::dump(result) + "\n");
}

}  // namespace kvmtest::engine
