#include "api/gate.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace kvmtest::api {

namespace {

bool asks_at_once(const Request& request) {
  const auto found = request.query.find("at_once");
  return request.method == "GET" && request.path == "/v1/status" && found != request.query.end() &&
         found->second == "1";
}

}  // namespace

Handler Gate::handler() {
  return [this](const Request& request, Exchange& exchange) { answer(request, exchange); };
}

void Gate::open(Handler handler) {
  const base::Lock lock(mutex_);
  opened_ = std::move(handler);
  changed_.notify_all();
}

void Gate::refuse(unsigned status, const std::string& kind, const std::string& error) {
  base::Lock lock(mutex_);
  refusal_ = Refusal{status, kind, error};
  changed_.notify_all();
  changed_.wait(lock, [&]() REQUIRES(mutex_) { return waiting_ == 0; });
}

void Gate::answer(const Request& request, Exchange& exchange) {
  base::Lock lock(mutex_);
  if (!opened_ && !refusal_ && asks_at_once(request)) {
    lock.unlock();
    exchange.respond(200, {{"pid", pid_}, {"starting", true}, {"state_dir", state_dir_.string()}});
    return;
  }
  ++waiting_;
  changed_.wait(lock, [&]() REQUIRES(mutex_) { return opened_ || refusal_; });
  if (!opened_) {
    const Refusal refusal = *refusal_;
    lock.unlock();
    exchange.respond(refusal.status, {{"error", refusal.error}, {"kind", refusal.kind}});
    lock.lock();
  }
  --waiting_;
  changed_.notify_all();
  if (!opened_) return;
  const Handler handler = opened_;
  lock.unlock();
  handler(request, exchange);
}

}  // namespace kvmtest::api
