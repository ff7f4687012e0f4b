// What judging costs in steps, whatever a guest prints. Time is not measured.

#include <gtest/gtest.h>

#include <random>

#include "judge/diff.h"
#include "judge/effort.h"
#include "judge/expected.h"
#include "judge/glob.h"

namespace kvmtest::judge {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::vector<ExpectedLine> expected(std::size_t count, const std::string& line) {
  std::vector<ExpectedLine> lines;
  for (std::size_t i = 0; i < count; ++i) lines.push_back(parse_expected(line));
  return lines;
}

struct Cost {
  Alignment alignment;
  std::size_t needed;
  std::size_t refined;
};

Cost cost_of(const std::vector<ExpectedLine>& lines, const std::string& output) {
  Effort effort;
  Alignment alignment = compare(lines, output, effort);
  return {std::move(alignment), effort.needed(), effort.refined()};
}

// What is tried, by backtracking to every star.
bool glob_by_trying(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return glob_by_trying(pattern.substr(1), text) || (!text.empty() && glob_by_trying(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '?') return glob_by_trying(pattern.substr(1), text.substr(1));
  if (pattern[0] == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
  return pattern[0] == text[0] && glob_by_trying(pattern.substr(1), text.substr(1));
}

TEST(Cost, AGlobIsWhatTryingEverythingSays) {
  std::mt19937 random(3);
  const auto word = [&](std::string_view letters, std::size_t longest) {
    std::string out;
    for (auto size = random() % longest; size > 0; --size) out += letters[random() % letters.size()];
    return out;
  };
  for (int round = 0; round < 20'000; ++round) {
    const std::string pattern = word("ab*?\\", 9);
    const std::string text = word("ab", 12);
    Effort effort;
    ASSERT_EQ(Glob(pattern).matches(text, effort), glob_by_trying(pattern, text)) << pattern << " and " << text;
  }
  // More parts than a word has bits.
  for (std::size_t size : {62U, 63U, 64U, 65U, 127U, 128U, 200U}) {
    Effort effort;
    const std::string parts = repeated("a", size);
    EXPECT_TRUE(Glob("*" + parts + "?").matches("xyz" + parts + "b", effort)) << size;
    EXPECT_TRUE(Glob("*" + parts + "*b").matches(parts + parts + "b", effort)) << size;
    EXPECT_FALSE(Glob("*" + parts + "?").matches(parts, effort)) << size;
  }
}

TEST(Cost, AGlobLooksAtEachByteOnce) {
  const std::string text(100'000, 'a');
  Effort effort;
  EXPECT_FALSE(Glob("*" + repeated("a", 50) + "b*").matches(text, effort));
  EXPECT_FALSE(Glob(repeated("*a?", 20) + "b").matches(text, effort));
  EXPECT_LE(effort.needed(), 2 * (text.size() + 1));
}

TEST(Cost, AVerdictTakesStepsInProportionToTheOutput) {
  const auto lines = expected(400, repeated("*a", 30) + "b (glob)");
  const std::string line = repeated("a", 100) + "\n";
  for (const std::size_t count : {1'000U, 4'000U, 16'000U}) {
    const std::string output = repeated(line, count);
    const Cost cost = cost_of(lines, output);
    EXPECT_FALSE(cost.alignment.equal);
    EXPECT_LE(cost.needed, 8 * output.size()) << count;
    EXPECT_LE(cost.refined, Effort::most_refining + 8 * output.size()) << count;
  }
}

TEST(Cost, LinesThatAreEqualToTheirEndsAreNoWayOut) {
  const std::string body = repeated("a", 1000);
  std::string before;
  std::string after;
  for (int i = 0; i < 2000; ++i) {
    before += body + std::to_string(10'000 + i) + "\n";
    after += body + std::to_string(20'000 + i) + "\n";
  }
  Effort effort;
  EXPECT_GT(unified_diff(before, after, "f", effort).size(), before.size() + after.size());
  EXPECT_LE(effort.needed(), before.size() + after.size());
  EXPECT_LE(effort.refined(), Effort::most_refining + before.size() + after.size());
}

TEST(Cost, OneAttemptRefinesSoMuchAltogether) {
  const auto lines = expected(300, repeated("*a", 30) + "b (glob)");
  const std::string output = repeated(repeated("a", 100) + "\n", 1'000);
  Effort effort;
  for (int command = 0; command < 50; ++command) EXPECT_FALSE(compare(lines, output, effort).equal);
  EXPECT_LE(effort.refined(), Effort::most_refining + output.size());
}

TEST(Cost, HaltedJudgingComesToTheSameVerdict) {
  std::atomic<bool> raised{true};
  const Halt halt{raised};
  Effort effort(halt);
  const auto lines = expected(3, "* (glob)");
  EXPECT_TRUE(compare(lines, "a\nb\nc\n", effort).equal);
  EXPECT_FALSE(compare(lines, "a\nb\n", effort).equal);
  EXPECT_FALSE(compare(expected(3, "x"), "x\na\nx\nb\nx\n", effort).equal);
  EXPECT_EQ(effort.refined(), 0U);
}

TEST(Cost, LinesThatNobodyExpectsAreComparedUpToABound) {
  const std::string output(Effort::most_surplus + 5, '\n');
  Effort effort;
  const Alignment alignment = compare(expected(2, ""), output, effort);
  EXPECT_FALSE(alignment.equal);
  EXPECT_FALSE(alignment.whitespace_only);
  EXPECT_EQ(alignment.compared, Effort::most_surplus + 2);
  EXPECT_EQ(effort.surplus(), 0U);
  EXPECT_TRUE(compare(expected(3, "x"), "x\nx\nx\n", effort).equal) << "what is expected is always compared";
}

}  // namespace
}  // namespace kvmtest::judge
