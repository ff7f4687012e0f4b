#pragma once

#include <filesystem>

namespace kvmtest::base {

/// The file of this program, as it was called by whoever looked first; empty: /proc does not tell. Whoever is to change
/// this process' root looks before that. Any thread.
const std::filesystem::path& own_program();

}  // namespace kvmtest::base
