#include "libvirt/qmp.h"

#include <memory>

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <nlohmann/json.hpp>

#include "engine/hypervisor.h"

namespace kvmtest::libvirt {

using engine::HostFault;
using nlohmann::json;

json qmp(virDomainPtr domain, const std::string& command) { return qmp(domain, command, json::object()); }

json qmp(virDomainPtr domain, const std::string& command, const json& arguments) {
  json request{{"execute", command}};
  if (!arguments.empty()) request["arguments"] = arguments;
  char* raw = nullptr;
  check(virDomainQemuMonitorCommand(domain, request.dump().c_str(), &raw, 0),
        fmt::format("{}: {}", virDomainGetName(domain), command));
  const Text text(raw);
  const json answer = json::parse(text.get(), nullptr, false);
  if (answer.is_object() && answer.contains("return")) return answer.at("return");
  const std::string words =
      answer.is_object() && answer.contains("error") ? answer.at("error").value("desc", "") : std::string(text.get());
  throw HostFault(fmt::format("{}: {}: {}", virDomainGetName(domain), command, words));
}

Jobs::Jobs(virConnectPtr connect) : callback_(connect, "JOB_STATUS_CHANGE", &on_event, this, "events of QEMU's jobs") {}

void Jobs::on_event(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned int, const char* details,
                    void* opaque) {
  auto* self = static_cast<Jobs*>(opaque);
  const json event = json::parse(details == nullptr ? "" : details, nullptr, false);
  if (!event.is_object()) return;
  const std::string status = event.value("status", "");
  if (status != "aborting" && status != "concluded") return;
  const base::Lock lock(self->mutex_);
  (status == "aborting" ? self->aborted_ : self->concluded_).emplace(virDomainGetName(domain), event.value("id", ""));
  self->changed_.notify_all();
}

void Jobs::domain_ended(const std::string& name) {
  const base::Lock lock(mutex_);
  ended_.insert(name);
  for (auto* jobs : {&aborted_, &concluded_}) std::erase_if(*jobs, [&](const auto& job) { return job.first == name; });
  to_dismiss_.erase(name);
  changed_.notify_all();
}

void Jobs::run(virDomainPtr domain, const std::string& command, json arguments, std::chrono::milliseconds limit) {
  const std::string name = virDomainGetName(domain);
  std::string job;
  std::string last;
  {
    const base::Lock lock(mutex_);
    job = fmt::format("kvmtest-{}", ++last_job_);
    ended_.erase(name);
    if (auto found = to_dismiss_.extract(name); !found.empty()) last = std::move(found.mapped());
  }
  if (!last.empty()) qmp(domain, "job-dismiss", {{"id", last}});
  arguments["job-id"] = job;
  qmp(domain, command, arguments);
  {
    base::Lock lock(mutex_);
    const bool heard = changed_.wait_for(lock, limit, [&]() REQUIRES(mutex_) {
      return concluded_.contains({name, job}) || ended_.contains(name);
    });
    if (!heard) throw HostFault(fmt::format("{}: {} took more than {} s", name, command, limit.count() / 1000));
    if (concluded_.erase({name, job}) == 0) throw HostFault(fmt::format("{}: QEMU ended during {}", name, command));
    if (aborted_.erase({name, job}) == 0) {
      to_dismiss_[name] = job;
      return;
    }
  }
  std::string error = "it was aborted";
  for (const json& each : qmp(domain, "query-jobs"))
    if (each.value("id", "") == job) error = each.value("error", error);
  qmp(domain, "job-dismiss", {{"id", job}});
  throw HostFault(fmt::format("{}: {}: {}", name, command, error));
}

}  // namespace kvmtest::libvirt
