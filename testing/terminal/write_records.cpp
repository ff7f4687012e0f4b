// Puts a run into a database: write_records STATE_DIR <RECORDS, one JSON object a line, the first one run-started.
// Prints them as the daemon would send them.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "telemetry/database.h"
#include "telemetry/writer.h"
#include "wire/record_json.h"

using namespace kvmtest;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "write_records: say STATE_DIR\n";
    return 2;
  }
  try {
    std::vector<core::record::Record> records;
    for (std::string line; std::getline(std::cin, line);)
      records.push_back(wire::record_from(nlohmann::json::parse(line)));
    std::filesystem::create_directories(argv[1]);
    telemetry::Database database(std::filesystem::path(argv[1]) / "kvmtest.db");
    telemetry::Writer writer(database);
    const auto run = writer.create_run(std::get<core::record::RunStarted>(records.at(0).body), records.front().time);
    for (auto& record : records) record.run = run.value;
    writer.append(records);
    for (const auto& record : records) std::cout << wire::dump(wire::to_json(record)) << '\n';
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "write_records: " << e.what() << '\n';
    return 3;
  }
}
