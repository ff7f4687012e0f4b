// Texts that wait on disk.

#include "base/spool.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <gtest/gtest.h>

#include "../directory.h"

namespace kvmtest::base {
namespace {

TEST(SpoolTest, GivesBackWhatWasPutThere) {
  const Directory directory;
  Spool spool(directory.path());
  std::vector<std::string> texts{"", "one", std::string("\0\n", 2), std::string(3'000'000, 'x')};
  std::vector<Spool::Place> places;
  for (const std::string& text : texts) places.push_back(spool.put(text));
  for (std::size_t i = texts.size(); i-- > 0;) EXPECT_EQ(spool.get(places[i]), texts[i]) << i;
}

TEST(SpoolTest, LeavesNoFile) {
  const Directory directory;
  Spool spool(directory.path());
  (void)spool.put("text");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(SpoolTest, SaysWhatIsWrong) {
  EXPECT_THROW(Spool("/nosuch"), std::system_error);
  const Directory directory;
  const Spool spool(directory.path());
  EXPECT_THROW((void)spool.get({7, 1}), std::system_error) << "it ends before that";
}

}  // namespace
}  // namespace kvmtest::base
