#include "suite/test_name.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/input_error.h"

namespace kvmtest::suite {
namespace {

std::string refusal(const std::string& name) {
  try {
    (void)TestName(name);
  } catch (const core::InputError& error) {
    return error.what();
  }
  return "taken";
}

TEST(TestNames, AreWhatUsersWrite) {
  for (const char* name : {"netlab/gre", "ikev2-03-basic-rawrsa", "a/b/c", "s/v1.2", "s/...", "s/a b", "s/grün", "-/-"})
    EXPECT_EQ(TestName(name).path(), std::filesystem::path(name));
  EXPECT_EQ(TestName("s/" + std::string(255, 'a')).string().size(), 257U);
}

TEST(TestNames, LeadNowhereElse) {
  EXPECT_EQ(refusal("../a"), "the test's name '../a' has '..' in it");
  EXPECT_EQ(refusal("a/../../etc"), "the test's name 'a/../../etc' has '..' in it");
  EXPECT_EQ(refusal("a/.."), "the test's name 'a/..' has '..' in it");
  EXPECT_EQ(refusal("./a"), "the test's name './a' has '.' in it");
  const std::string empty = " has an empty part; parts are separated by one slash, and none stands before the first";
  for (const std::string name : {"", "/a", "/", "a/", "a//b"})
    EXPECT_EQ(refusal(name), "the test's name '" + name + "'" + empty);
}

TEST(TestNames, CanBeAFilesNameAndDoNothingToATerminal) {
  EXPECT_EQ(refusal("s/" + std::string(300, 'a')),
            "the test's name 's/" + std::string(78, 'a') + "…' has a part of 300 bytes; 255 are the most");
  EXPECT_EQ(refusal("s/\xff"), "the test's name 's/\\xff' is not UTF-8");
  EXPECT_EQ(refusal("s/\xc3"), "the test's name 's/\\xc3' is not UTF-8");
  EXPECT_EQ(refusal("s/a\nb"), "the test's name 's/a\\x0ab' has a control character in it");
  EXPECT_EQ(refusal("s/\x1b[2J"), "the test's name 's/\\e[2J' has a control character in it");
  EXPECT_EQ(refusal(std::string("s/a\0b", 5)), "the test's name 's/a\\x00b' has a control character in it");
  EXPECT_EQ(refusal("s/\x7f"), "the test's name 's/\\x7f' has a control character in it");
  EXPECT_NE(refusal("s/\xc2\x9b"
                    "2J")
                .find("has a control character in it"),
            std::string::npos);
}

TEST(TestNames, OfFilesAreTheirDirectoryAndTheirs) {
  EXPECT_EQ(test_name_of("/suites/netlab/gre.test", "gre", "gre.test"), "netlab/gre");
  try {
    (void)test_name_of("/gre.test", "gre", "/gre.test");
    ADD_FAILURE() << "it is in no directory";
  } catch (const core::InputError& error) {
    EXPECT_STREQ(error.what(),
                 "/gre.test: a test is named after its directory, and this one lies in the root directory; move it "
                 "into a directory of its own");
  }
  try {
    (void)test_name("..", "list", 7);
    ADD_FAILURE() << "it leads out of the directory";
  } catch (const core::InputError& error) {
    EXPECT_STREQ(error.what(), "list:7: the test's name '..' has '..' in it");
  }
}

TEST(TestNames, NoNameIsNoPath) {
  EXPECT_TRUE(TestName().empty());
  EXPECT_THROW((void)TestName().path(), std::logic_error);
}

}  // namespace
}  // namespace kvmtest::suite
