#pragma once
// Judging attempts at libreswan's tests: the judge makes room in OUTPUT, writes the consoles there, and judges what is
// there. Any thread; attempts at one test come one after the other.

#include <memory>

#include "suite/format.h"
#include "suite/libreswan/checkout.h"
#include "suite/libreswan/output_judge.h"
#include "suite/libreswan/sanitizer.h"

namespace kvmtest::suite::libreswan {

/// What judging needs to know of a test that was read.
JudgedTest judged_test(const Test& test);

/// The test with its judge. OUTPUT of its directory is where its attempts go; what was there before moves to
/// BACKUP/NAME/DATE in the checkout's own directory.
LoadedTest with_judge(Test test, std::shared_ptr<const Sanitizer> sanitizer);

}  // namespace kvmtest::suite::libreswan
