#include "libvirt/internal_snapshot.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using engine::HostFault;
using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* node = "kvmtest-memory";
constexpr const char* tag = "clean";
// A guest of many GiB on a slow disk may take its time; a QEMU that hangs must not hold a slot for ever.
constexpr auto job_limit = 120s;

bool is_copy(const std::vector<LiveFile>& files, const std::string& file) {
  return std::any_of(files.begin(), files.end(),
                     [&](const LiveFile& each) { return each.kind == LiveFile::Kind::copy && each.file == file; });
}

}  // namespace

void attach_memory(Monitor& monitor, virDomainPtr domain, const fs::path& file) {
  monitor.ask(domain, "blockdev-add",
              {{"driver", "qcow2"}, {"node-name", node}, {"file", {{"driver", "file"}, {"filename", file.string()}}}});
}

json nodes_of(Monitor& monitor, virDomainPtr domain, const std::vector<LiveFile>& files) {
  // Firmware's variables are in the machine's memory (libvirt/firmware.cpp).
  json nodes{node};
  for (const json& block : monitor.ask(domain, "query-block")) {
    const json inserted = block.value("inserted", json::object());
    if (inserted.empty() || inserted.value("ro", true) || is_copy(files, inserted.value("file", ""))) continue;
    if (inserted.value("drv", "") != "qcow2")
      throw HostFault(fmt::format("{}: disk {} cannot hold a saved state: it is {}, not qcow2",
                                  virDomainGetName(domain), block.value("qdev", block.value("device", "")),
                                  inserted.value("drv", "of no format")));
    nodes.push_back(inserted.at("node-name"));
  }
  return nodes;
}

json save_state(Monitor& monitor, virDomainPtr domain, const fs::path& memory, const std::vector<LiveFile>& files) {
  attach_memory(monitor, domain, memory);
  try {
    json nodes = nodes_of(monitor, domain, files);
    monitor.run_job(domain, "snapshot-save", {{"tag", tag}, {"vmstate", node}, {"devices", nodes}}, job_limit);
    // Closed and opened again: so all of it is in the file.
    monitor.ask(domain, "blockdev-del", {{"node-name", node}});
    attach_memory(monitor, domain, memory);
    return nodes;
  } catch (const HostFault&) {
    try {
      monitor.ask(domain, "blockdev-del", {{"node-name", node}});
    } catch (const HostFault&) {
      // QEMU is gone, or the node never came to be: the first error says more.
    }
    std::error_code error;
    fs::remove(memory, error);
    throw;
  }
}

void load_state(Monitor& monitor, virDomainPtr domain, const json& nodes) {
  monitor.run_job(domain, "snapshot-load", {{"tag", tag}, {"vmstate", node}, {"devices", nodes}}, job_limit);
}

void settle(virDomainPtr domain) {
  using Clock = std::chrono::steady_clock;
  constexpr auto look = 100ms;
  constexpr auto patience = 5s;
  const auto used = [&] {
    virDomainInfo info{};
    check(virDomainGetInfo(domain, &info), "processor time of a domain");
    return std::chrono::nanoseconds(info.cpuTime);
  };
  const auto end = Clock::now() + patience;
  auto before = used();
  for (int quiet = 0; quiet < 2 && Clock::now() < end;) {
    const auto start = Clock::now();
    std::this_thread::sleep_for(look);
    const auto now = used();
    quiet = (now - before) * 10 < Clock::now() - start ? quiet + 1 : 0;
    before = now;
  }
}

}  // namespace kvmtest::libvirt
