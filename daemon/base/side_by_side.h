#pragma once
// The same for several things at once.

#include <future>
#include <system_error>
#include <type_traits>
#include <vector>

namespace kvmtest::base {

/// Calls `function` for each of `items`: the last one on this thread, the others on threads of their own as far as the
/// system gives them. Waits for all. Returns what they return, by place; rethrows what the first of them threw that
/// threw. Any thread.
template <class Item, class Function>
auto side_by_side(const std::vector<Item>& items, const Function& function) {
  using Result = std::invoke_result_t<const Function&, const Item&>;
  std::vector<std::future<Result>> answers;
  for (const Item& item : items) {
    const auto call = [&function, &item] { return function(item); };
    try {
      answers.push_back(std::async(&item == &items.back() ? std::launch::deferred : std::launch::async, call));
    } catch (const std::system_error&) {
      answers.push_back(std::async(std::launch::deferred, call));
    }
  }
  if (!answers.empty()) answers.back().wait();
  for (const auto& answer : answers) answer.wait();
  if constexpr (std::is_void_v<Result>) {
    for (auto& answer : answers) answer.get();
  } else {
    std::vector<Result> out;
    for (auto& answer : answers) out.push_back(answer.get());
    return out;
  }
}

}  // namespace kvmtest::base
