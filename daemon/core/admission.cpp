#include "core/admission.h"

#include <cmath>

namespace kvmtest::core {

namespace {

/// Of a processor: what is worth another beginning.
constexpr double worth = 0.5;
/// What happened so long ago counts for a third of what happens now. Short against a test, long against a command.
constexpr double lately = 0.3;  // s

}  // namespace

void Admission::begin_run(const AdmissionRules& rules) {
  rules_ = rules;
  idle_.reset();
  reserved_ = 0;
  crowded_ = false;
}

void Admission::measured(const Load& load) {
  // What has begun shows in the mean as slowly as its reservation goes.
  const double weight = 1 - std::exp(-seconds(load.interval) / lately);
  idle_ = idle_ ? *idle_ + weight * (load.idle - *idle_) : load.idle;
  reserved_ *= 1 - weight;
  crowded_ = rules_.max_average > 0 && load.average > rules_.max_average * load.processors;
}

bool Admission::has_room(unsigned more) const { return idle_ && *idle_ - reserved_ - more >= worth; }

bool Admission::held_back() const { return crowded_; }

}  // namespace kvmtest::core
