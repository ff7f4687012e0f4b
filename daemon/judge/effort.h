#pragma once
// What judging an attempt costs. Guests choose how much they print, and what: so the work is counted.

#include <atomic>
#include <cstddef>

namespace kvmtest::judge {

/// How judging that is under way is told to end. Outlives it.
struct Halt {
  const std::atomic<bool>& raised;  ///< any thread
  int descriptor = -1;              ///< readable once it is raised: for programs that are waited for
};

/// Counts the steps of judging one attempt: a step is a byte that is looked at, or as much work. A verdict takes a
/// number of steps in proportion to what was printed. To show people which lines of a difference stay may take many
/// more; that is refining, which has a limit, and which no verdict depends on. So has what a difference holds. One
/// thread.
class Effort {
 public:
  /// Steps of refining that one attempt may take: less than a second.
  static constexpr std::size_t most_refining = 100'000'000;
  /// Lines that one attempt may print more than is expected and that are compared all the same.
  static constexpr std::size_t most_surplus = 100'000;

  Effort() = default;
  explicit Effort(const Halt& halt) : halt_(&halt) {}

  void spend(std::size_t steps) { (refining_ ? refined_ : needed_) += steps; }
  /// Whether refining is to end, for it has taken enough or nobody waits for it any more.
  [[nodiscard]] bool exhausted() const { return refined_ >= most_refining || halted(); }
  [[nodiscard]] bool halted() const { return halt_ != nullptr && halt_->raised; }
  /// See Halt; -1: nobody halts it.
  [[nodiscard]] int descriptor() const { return halt_ == nullptr ? -1 : halt_->descriptor; }

  /// Lines of that surplus that are left.
  [[nodiscard]] std::size_t surplus() const { return surplus_; }
  /// `lines`: no more than are left.
  void take_surplus(std::size_t lines) { surplus_ -= lines; }

  /// So far: for the verdict, and for refining.
  [[nodiscard]] std::size_t needed() const { return needed_; }
  [[nodiscard]] std::size_t refined() const { return refined_; }

  /// While it exists, what is spent is spent on refining.
  class Refining {
   public:
    explicit Refining(Effort& effort) : effort_(effort) { effort_.refining_ = true; }
    Refining(const Refining&) = delete;
    Refining& operator=(const Refining&) = delete;
    ~Refining() { effort_.refining_ = false; }

   private:
    Effort& effort_;
  };

 private:
  const Halt* halt_ = nullptr;
  std::size_t needed_ = 0;
  std::size_t refined_ = 0;
  std::size_t surplus_ = most_surplus;
  bool refining_ = false;
};

}  // namespace kvmtest::judge
