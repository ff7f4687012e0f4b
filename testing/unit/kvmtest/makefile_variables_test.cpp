// Variables in Makefile.inc.local.

#include "kvmtest/makefile_variables.h"

#include <gtest/gtest.h>

namespace kvmtest::command {
namespace {

TEST(MakefileVariables, OneThatIsNotThereComesLast) {
  EXPECT_EQ(with_variable("", "A", "1"), "A = 1\n");
  EXPECT_EQ(with_variable("# mine\nB = 2", "A", "1"), "# mine\nB = 2\nA = 1\n");
}

TEST(MakefileVariables, OneThatIsThereIsReplacedWhereItIs) {
  EXPECT_EQ(with_variable("A = 5\nB = 2\n", "A", "1"), "A = 1\nB = 2\n");
  for (const char* line : {"A=5", "A:=5", "A ::= 5", "A?=5", "A += 5", "  A = 5", "export A = 5", "override A=5"})
    EXPECT_EQ(with_variable(line, "A", "1"), "A = 1\n") << line;
}

TEST(MakefileVariables, TheLastOneIsTheOneThatCounts) {
  EXPECT_EQ(with_variable("A = 5\nA = 6\n", "A", "1"), "A = 5\nA = 1\n");
}

TEST(MakefileVariables, WhatLooksLikeItStays) {
  for (const char* line : {"#A = 5", "AA = 5", "B = A = 5", "\tA = 5", "A: b", "ifeq ($(A),5)"})
    EXPECT_EQ(with_variable(line, "A", "1"), std::string(line) + "\nA = 1\n") << line;
}

TEST(MakefileVariables, AValueThatGoesOnIsReplacedWhole) {
  EXPECT_EQ(with_variable("A = a. \\\n  b.\nB = 2\n", "A", "x."), "A = x.\nB = 2\n");
}

}  // namespace
}  // namespace kvmtest::command
