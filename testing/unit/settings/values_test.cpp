#include "settings/values.h"

#include <gtest/gtest.h>

#include "core/input_error.h"

namespace kvmtest::settings {
namespace {

using namespace std::chrono_literals;

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "no error";
}

std::string workers_error(std::string_view text) {
  return error_of([&] { (void)parse_workers(text, "KVM_WORKERS"); });
}
std::string prefixes_error(std::string_view text) {
  return error_of([&] { (void)parse_prefixes(text, "KVM_PREFIXES"); });
}

TEST(Workers, AreAWholeNumber) {
  EXPECT_EQ(parse_workers("1", "KVM_WORKERS"), 1U);
  EXPECT_EQ(parse_workers("1024", "KVM_WORKERS"), 1024U);
}

TEST(Workers, RefuseEverythingElse) {
  EXPECT_EQ(workers_error("two"), "KVM_WORKERS: 'two' is not a whole number from 1 to 1024");
  for (const char* bad : {"0", "-1", "1025", "1.5", "", " 2", "2 ", "+2", "0x2", "99999999999999999999"}) {
    EXPECT_EQ(workers_error(bad), "KVM_WORKERS: '" + std::string(bad) + "' is not a whole number from 1 to 1024");
  }
}

TEST(Durations, HaveAUnit) {
  EXPECT_EQ(parse_duration("500ms", "x"), 500ms);
  EXPECT_EQ(parse_duration("30s", "x"), 30s);
  EXPECT_EQ(parse_duration("2m", "x"), 2min);
  EXPECT_EQ(parse_duration("24h", "x"), 24h);
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
}

TEST(Durations, SayTheUnitsWhenTheyAreMissing) {
  for (const char* bad : {"30", "", "s", "-3s", "1.5s", "30 s", "30S", "30sec", "99999999999999999999s"}) {
    EXPECT_EQ(
        error_of([&] { (void)parse_duration(bad, "--timeout"); }),
        "--timeout: '" + std::string(bad) + "' is not a duration; write a number and its unit: 500ms, 30s, 2m or 1h");
  }
  EXPECT_EQ(error_of([] { (void)parse_duration("0s", "x"); }), "x: '0s' is not a duration from 1ms to 24h");
  EXPECT_EQ(error_of([] { (void)parse_duration("25h", "x"); }), "x: '25h' is not a duration from 1ms to 24h");
}

TEST(Sizes, HaveAUnit) {
  EXPECT_EQ(parse_size("16MiB", "x"), 16U << 20);
  EXPECT_EQ(parse_size("512KiB", "x"), 512U << 10);
  EXPECT_EQ(parse_size("2GiB", "x"), 2ULL << 30);
  EXPECT_EQ(parse_size("0B", "x"), 0U);
  EXPECT_EQ(format_size(16U << 20), "16MiB");
  EXPECT_EQ(format_size(1025), "1025B");
  EXPECT_EQ(format_size(0), "0B");
  for (const char* bad : {"16", "16MB", "16 MiB", "-1MiB", "MiB", "9999999999GiB"}) {
    EXPECT_EQ(error_of([&] { (void)parse_size(bad, "x"); }),
              "x: '" + std::string(bad) + "' is not a size; write a number and its unit: 512KiB, 16MiB or 2GiB");
  }
}

TEST(Accelerators, AreThree) {
  EXPECT_EQ(parse_accelerator("auto", "x"), Accelerator::automatic);
  EXPECT_EQ(parse_accelerator("kvm", "x"), Accelerator::kvm);
  EXPECT_EQ(parse_accelerator("emulated", "x"), Accelerator::emulated);
  EXPECT_EQ(error_of([] { (void)parse_accelerator("tcg", "KVM_ACCELERATOR"); }),
            "KVM_ACCELERATOR: 'tcg' is not an accelerator; write auto, kvm or emulated");
}

TEST(ResetMethods, AreThree) {
  EXPECT_EQ(parse_reset_method("auto", "x"), ResetMethod::automatic);
  EXPECT_EQ(parse_reset_method("snapshot", "x"), ResetMethod::snapshot);
  EXPECT_EQ(parse_reset_method("boot", "x"), ResetMethod::boot);
  EXPECT_EQ(error_of([] { (void)parse_reset_method("load\n", "KVM_RESET"); }),
            "KVM_RESET: 'load?' is not a way to reset; write snapshot, auto or boot");
}

TEST(Switches, AreTrueOrFalse) {
  EXPECT_TRUE(parse_switch("true", "x"));
  EXPECT_FALSE(parse_switch("false", "x"));
  for (const char* bad : {"", "yes", "True", "1"})
    EXPECT_EQ(error_of([&] { (void)parse_switch(bad, "x"); }),
              "x: '" + std::string(bad) + "' is neither true nor false");
}

TEST(Prefixes, AreSeparatedByWhiteSpace) {
  using List = std::vector<std::string>;
  EXPECT_EQ(parse_prefixes("a. b.", "x"), (List{"a.", "b."}));
  EXPECT_EQ(parse_prefixes("  a.\t\n b-2_X.  ", "x"), (List{"a.", "b-2_X."}));
  EXPECT_EQ(parse_prefixes("'' a.", "x"), (List{"", "a."}));
  EXPECT_EQ(parse_prefixes("\"\"", "x"), (List{""}));
}

TEST(Prefixes, RefuseWhatDomainsAndBridgesCannotBeCalled) {
  const std::string rule = " in it; only letters, digits and . _ - may be";
  EXPECT_EQ(prefixes_error("a. b. a."), "KVM_PREFIXES: prefix 'a.' is named twice");
  EXPECT_EQ(prefixes_error("'' \"\""), "KVM_PREFIXES: prefix '' is named twice");
  EXPECT_EQ(prefixes_error("pool/a."), "KVM_PREFIXES: prefix 'pool/a.' has a '/'" + rule);
  EXPECT_EQ(prefixes_error("a\x01"), "KVM_PREFIXES: prefix 'a?' has a control character" + rule);
  EXPECT_EQ(prefixes_error("é."), "KVM_PREFIXES: prefix 'é.' has a character outside ASCII" + rule);
  EXPECT_EQ(prefixes_error("'a b'"), "KVM_PREFIXES: prefix ''a' has a '''" + rule);
  EXPECT_EQ(prefixes_error("-a"), "KVM_PREFIXES: prefix '-a' begins with a dash");
  EXPECT_EQ(prefixes_error("  "), "KVM_PREFIXES: no prefix is named; '' is the empty one");
  EXPECT_EQ(error_of([] { check_prefixes({"a b"}, "x"); }), "x: prefix 'a b' has white space" + rule);
}

TEST(BridgeNames, StopAtFifteenCharacters) {
  EXPECT_NO_THROW(check_bridge_names({"", "a.", "12345678."}, {"192_01", "net"}));
  EXPECT_EQ(
      error_of([] {
        check_bridge_names({"a.", "1234567890."}, {"east", "eastwest"});
      }),
      "prefix '1234567890.' is too long: with network 'eastwest' it makes the bridge name '1234567890.eastwest' of 19 "
      "characters, and the limit is 15");
}

TEST(Nearest, IsWhatWasMeantOrNothing) {
  const std::vector<std::string> hosts{"east", "west", "nic", "north"};
  EXPECT_EQ(core::nearest("esat", hosts), "east");
  EXPECT_EQ(core::nearest("norht", hosts), "north");
  EXPECT_EQ(core::nearest("xyzzy", hosts), "");
  EXPECT_EQ(core::edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(core::edit_distance("", "abc"), 3U);
}

}  // namespace
}  // namespace kvmtest::settings
