#include "base/digest.h"

#include <new>

#include <fmt/format.h>
#include <xxhash.h>

namespace kvmtest::base {
namespace {

std::string text_of(const XXH128_hash_t& hash) { return fmt::format("{:016x}{:016x}", hash.high64, hash.low64); }

}  // namespace

struct Digest::State {
  XXH3_state_t* xxh3 = XXH3_createState();

  State() {
    if (xxh3 == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh3);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh3); }
};

Digest::Digest() : state_(std::make_unique<State>()) {}
Digest::~Digest() = default;

void Digest::add(std::string_view bytes) { XXH3_128bits_update(state_->xxh3, bytes.data(), bytes.size()); }

std::string Digest::text() const { return text_of(XXH3_128bits_digest(state_->xxh3)); }

std::string digest_of(std::string_view bytes) { return text_of(XXH3_128bits(bytes.data(), bytes.size())); }

std::string short_digest_of(std::string_view bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace kvmtest::base
