#include "libvirt/monitor.h"

#include <memory>

#include <fmt/format.h>
#include <libvirt/libvirt-qemu.h>
#include <nlohmann/json.hpp>

#include "engine/hypervisor.h"
#include "libvirt/domain_calls.h"

namespace kvmtest::libvirt {

using engine::HostFault;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

// QEMU answers within some milliseconds, whatever its guest does; but a disk that is flushed when the guest is stopped
// may be slow, and the machine busy.
constexpr auto patience = 30s;
constexpr auto patience_with_start = 180s;

std::string words(const std::string& what, std::chrono::seconds limit) {
  return fmt::format("its QEMU has not answered for {} s ({})", limit.count(), what);
}

}  // namespace

Monitor::Monitor(virConnectPtr connect, Silent silent)
    : connect_(connect),
      silent_(std::move(silent)),
      patience_("QEMUs that do not answer"),
      callback_(connect, "JOB_STATUS_CHANGE", &on_event, this, "events of QEMU's jobs") {}

base::Patience::Wait Monitor::expect(const std::string& name, const std::string& what, std::chrono::seconds limit) {
  return patience_.wait(limit, [this, name, what, limit] {
    silent_(name, words(what, limit));
    try {
      // Libvirt asks the process to end, then kills it; whoever waits for its answer is told of an end.
      if (const DomainHandle domain{virDomainLookupByName(connect_, name.c_str())}) switch_off(domain.get());
    } catch (const HostFault&) {
      // Not even that: it hangs in the kernel, and there is nothing more that could be done.
    }
  });
}

base::Patience::Wait Monitor::expect_answer(const std::string& name, const std::string& what) {
  return expect(name, what, patience);
}

base::Patience::Wait Monitor::expect_start(const std::string& name) {
  return expect(name, "start", patience_with_start);
}

json Monitor::ask(virDomainPtr domain, const std::string& command, const json& arguments) {
  json request{{"execute", command}};
  if (!arguments.empty()) request["arguments"] = arguments;
  const std::string name = virDomainGetName(domain);
  char* raw = nullptr;
  {
    const auto wait = expect_answer(name, command);
    const int result = virDomainQemuMonitorCommand(domain, request.dump().c_str(), &raw, 0);
    if (result < 0 && wait.over()) throw HostFault(name + ": " + words(command, patience));
    check(result, fmt::format("{}: {}", name, command));
  }
  const Text text(raw);
  const json answer = json::parse(text.get(), nullptr, false);
  if (answer.is_object() && answer.contains("return")) return answer.at("return");
  const std::string error =
      answer.is_object() && answer.contains("error") ? answer.at("error").value("desc", "") : std::string(text.get());
  throw HostFault(fmt::format("{}: {}: {}", name, command, error));
}

void Monitor::on_event(virConnectPtr, virDomainPtr domain, const char*, long long, unsigned int, const char* details,
                       void* opaque) {
  auto* self = static_cast<Monitor*>(opaque);
  const json event = json::parse(details == nullptr ? "" : details, nullptr, false);
  if (!event.is_object()) return;
  const std::string status = event.value("status", "");
  if (status != "aborting" && status != "concluded") return;
  const base::Lock lock(self->mutex_);
  (status == "aborting" ? self->aborted_ : self->concluded_).emplace(virDomainGetName(domain), event.value("id", ""));
  self->changed_.notify_all();
}

void Monitor::domain_ended(const std::string& name) {
  const base::Lock lock(mutex_);
  ended_.insert(name);
  for (auto* jobs : {&aborted_, &concluded_}) std::erase_if(*jobs, [&](const auto& job) { return job.first == name; });
  to_dismiss_.erase(name);
  changed_.notify_all();
}

void Monitor::run_job(virDomainPtr domain, const std::string& command, json arguments,
                      std::chrono::milliseconds limit) {
  const std::string name = virDomainGetName(domain);
  std::string job;
  std::string last;
  {
    const base::Lock lock(mutex_);
    job = fmt::format("kvmtest-{}", ++last_job_);
    ended_.erase(name);
    if (auto found = to_dismiss_.extract(name); !found.empty()) last = std::move(found.mapped());
  }
  if (!last.empty()) ask(domain, "job-dismiss", {{"id", last}});
  arguments["job-id"] = job;
  ask(domain, command, arguments);
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
  for (const json& each : ask(domain, "query-jobs"))
    if (each.value("id", "") == job) error = each.value("error", error);
  ask(domain, "job-dismiss", {{"id", job}});
  throw HostFault(fmt::format("{}: {}: {}", name, command, error));
}

}  // namespace kvmtest::libvirt
