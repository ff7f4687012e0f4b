// The directory that a prefix's guests write to while a test runs.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/open_directory.h"
#include "base/state_directory.h"
#include "fixture.h"

namespace kvmtest::engine {
namespace {

namespace fs = std::filesystem;

/// Keeps what is in the share before and after.
class Sharing final : public suite::Judge, public suite::OwnOutput {
 public:
  explicit Sharing(fs::path share) : share_(std::move(share)) {}

  [[nodiscard]] std::string begin(const suite::Times&) const override {
    before.push_back(base::OpenDirectory(share_).list().size());
    std::ofstream(share_ / "log") << "a guest's";  // as if a guest did
    return {};
  }
  [[nodiscard]] std::vector<std::string> take(const base::OpenDirectory& share) const override {
    taken.push_back(share.read("log", 100)->bytes);
    return {"pipe: neither a file nor a directory"};
  }
  void missed(const suite::Times&, const std::vector<core::Issue>&) const override {}
  [[nodiscard]] std::optional<core::Verdict> earlier() const override { return core::Verdict::untested; }
  [[nodiscard]] judge::Judgement judge(const suite::Execution&, judge::Effort&) const override {
    judge::Judgement judgement;
    judgement.verdict = core::Verdict::passed;
    return judgement;
  }

  mutable std::vector<std::size_t> before;
  mutable std::vector<std::string> taken;

 private:
  fs::path share_;
};

TEST_F(EngineTest, WhatGuestsShareIsEmptiedBeforeATestAndTakenAfterIt) {
  const core::Prefix prefix{"shared."};
  const fs::path share = base::StateDirectory(".").share(prefix);
  fs::create_directories(share / "below");
  std::ofstream(share / "below/file") << "an earlier test's";
  fs::create_directory_symlink(directory_, share / "link");
  const auto suite = std::make_shared<Sharing>(share);
  auto first = script("first", {{"east", "true"}});
  auto second = script("second", {{"east", "true"}});
  for (auto* test : {&first, &second}) {
    test->judge = suite;
    test->own_output = suite;
  }
  engine_.start_run(order({first, second}, {prefix}));
  memory_.wait_for<record::RunFinished>();
  fs::remove_all(share);
  EXPECT_EQ(suite->before, (std::vector<std::size_t>{0, 0}));
  EXPECT_EQ(suite->taken, (std::vector<std::string>{"a guest's", "a guest's"}));
  EXPECT_TRUE(fs::exists(directory_)) << "what a link led to";
  const auto notice = memory_.wait_for<record::Notice>();
  EXPECT_TRUE(
      notice.text.ends_with(": of what its guests wrote, this was not kept: pipe: neither a file nor a directory"))
      << notice.text;
}

}  // namespace
}  // namespace kvmtest::engine
