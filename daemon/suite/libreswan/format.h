#pragma once
// libreswan's test suite, as it is in a checkout. docs/formats.md tells what of its own runner's behaviour is kept.
// Reads files; any thread.

#include "suite/format.h"

namespace kvmtest::suite {

/// A checkout, its testing/ or testing/pluto/, a TESTLIST, and single test directories.
const Format& libreswan_format();

}  // namespace kvmtest::suite
