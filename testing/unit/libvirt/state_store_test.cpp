#include "libvirt/state_store.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "../directory.h"
#include "engine/hypervisor.h"

namespace kvmtest::libvirt {
namespace {

namespace fs = std::filesystem;
using core::SavedStateId;
using engine::HostFault;

constexpr std::size_t block = 65536;

class StateStoreTest : public ::testing::Test {
 protected:
  /// Closes the store and opens it again, with the options as they are now.
  StateStore& open() {
    store.reset();
    return store.emplace(options);
  }
  /// Keeps a state of two files, `bytes` in all.
  void keep(const std::string& state, std::size_t bytes = 2 * block, const std::string& domain = "a.east") {
    const auto memory = write(directory / (domain + "/memory.qcow2"), std::string(bytes / 2, 'm'));
    const auto disk = write(directory / (domain + "/vda.qcow2"), std::string(bytes - bytes / 2, 'd'));
    store->keep(SavedStateId{state}, domain, "inputs of " + state, "note of " + state, {memory, disk});
  }
  /// Takes a state out, and gives its note or the error.
  std::string take(const std::string& state) {
    try {
      return store->take(SavedStateId{state},
                         {{"memory.qcow2", out / "memory.qcow2"}, {"vda.qcow2", out / "vda.qcow2"}});
    } catch (const HostFault& e) {
      return e.what();
    }
  }
  std::string refusal(const std::string& state, std::size_t bytes = 2 * block) {
    try {
      keep(state, bytes);
    } catch (const HostFault& e) {
      return e.what();
    }
    return "kept";
  }
  bool kept(const std::string& state) { return store->kept(SavedStateId{state}); }
  fs::path place_of(const std::string& state) {
    for (const fs::path& root : {options.ram, options.directory})
      if (fs::exists(root / "kept" / state)) return root / "kept" / state;
    return {};
  }
  /// Everything in a root, but what it always has.
  static unsigned files_in(const fs::path& root) {
    unsigned count = 0;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(root, none))
      count += entry.is_regular_file() && entry.path().filename() != "lock" ? 1 : 0;
    return count;
  }

  Directory directory;
  Directory out;
  StateStore::Options options{.directory = directory / "states",
                              .ram = directory / "ram",
                              .ram_budget = 1ULL << 30,
                              .kept_limit = 1ULL << 30,
                              .disk_reserve = 0};
  std::optional<StateStore> store{options};
};

TEST_F(StateStoreTest, KeepsStatesAndGivesThemBack) {
  EXPECT_FALSE(kept("E"));
  EXPECT_EQ(store->bytes_of(SavedStateId{"E"}), 0U);
  keep("E");
  EXPECT_TRUE(kept("E"));
  EXPECT_GE(store->bytes_of(SavedStateId{"E"}), 2 * block);
  EXPECT_EQ(take("E"), "note of E");
  EXPECT_EQ(read(out / "memory.qcow2"), std::string(block, 'm'));
  EXPECT_EQ(read(out / "vda.qcow2"), std::string(block, 'd'));
  EXPECT_TRUE(kept("E")) << "it can be taken again";
  EXPECT_EQ(take("F"), "the saved state is gone");
}

TEST_F(StateStoreTest, ListsWhatItKeeps) {
  keep("E");
  const auto list = store->list();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].state, SavedStateId{"E"});
  EXPECT_EQ(list[0].domain, "a.east");
  EXPECT_EQ(list[0].inputs, "inputs of E");
  EXPECT_EQ(list[0].bytes, store->bytes_of(SavedStateId{"E"}));
  EXPECT_TRUE(list[0].in_ram);
  EXPECT_TRUE(store->drop(SavedStateId{"E"}));
  EXPECT_FALSE(store->drop(SavedStateId{"E"}));
  EXPECT_TRUE(store->list().empty());
  EXPECT_EQ(files_in(options.ram), 0U);
}

TEST_F(StateStoreTest, AnotherStoreFindsThem) {
  keep("E");
  open();
  EXPECT_EQ(take("E"), "note of E");
}

TEST_F(StateStoreTest, OneNameIsOneState) {
  keep("E", 8 * block);
  keep("E", 2 * block, "b.east");
  EXPECT_EQ(take("E"), "note of E");
  ASSERT_EQ(store->list().size(), 1U);
  EXPECT_EQ(store->list()[0].domain, "b.east");
  EXPECT_LT(store->bytes_of(SavedStateId{"E"}), 4 * block);
}

TEST_F(StateStoreTest, AReplacedStateIsNotLeftInTheOtherPlace) {
  keep("E");
  options.ram_budget = 0;
  open();
  keep("E");
  EXPECT_EQ(place_of("E"), options.directory / "kept/E");
  EXPECT_EQ(files_in(options.ram), 0U);
}

TEST_F(StateStoreTest, AStoreBelongsToOneProcess) {
  try {
    StateStore second(options);
    FAIL() << "opened twice";
  } catch (const HostFault& e) {
    EXPECT_EQ(std::string(e.what()),
              "the saved states in " + options.directory.string() + " are in use by another process");
  }
  keep("E");
  EXPECT_EQ(take("E"), "note of E") << "the first one goes on";
}

// Names of files need not be UTF-8.
TEST_F(StateStoreTest, InputsMayBeAnyBytes) {
  store->keep(SavedStateId{"E"}, "a.east", "/images/\xff", "note", {write(directory / "f", "x")});
  EXPECT_EQ(store->list()[0].inputs, "/images/\xef\xbf\xbd");
}

// ---- damage ----

TEST_F(StateStoreTest, AStateThatIsDamagedIsDropped) {
  struct Damage {
    const char* what;
    std::function<void(const fs::path&)> done;
    std::string told;
  };
  const auto in_about = [](const std::string& from, const std::string& to) {
    return [from, to](const fs::path& place) {
      std::string text = read(place / "state.json");
      text.replace(text.find(from), from.size(), to);
      write(place / "state.json", text);
    };
  };
  const std::vector<Damage> damages{
      {"a byte",
       [](const fs::path& place) {
         std::string bytes = read(place / "vda.qcow2");
         bytes[block / 2] ^= 1;
         write(place / "vda.qcow2", bytes);
       },
       "vda.qcow2 is not what was saved"},
      {"its end", [](const fs::path& place) { fs::resize_file(place / "memory.qcow2", block - 1); },
       "memory.qcow2 is not what was saved"},
      {"all of it", [](const fs::path& place) { fs::resize_file(place / "memory.qcow2", 0); },
       "memory.qcow2 is not what was saved"},
      {"a file", [](const fs::path& place) { fs::remove(place / "vda.qcow2"); }, "vda.qcow2: cannot be read: No such"},
      {"a directory in its place",
       [](const fs::path& place) {
         fs::remove(place / "vda.qcow2");
         fs::create_directory(place / "vda.qcow2");
       },
       "vda.qcow2: cannot be read: Is a directory"},
      {"the list", [](const fs::path& place) { write(place / "state.json", "{"); }, "its list of files is damaged"},
      {"no list", [](const fs::path& place) { write(place / "state.json", "[]"); }, "its list of files is damaged"},
      {"a sum", in_about("vda.qcow2", "vdb.qcow2"), "its list of files is damaged"},
      {"the note", in_about("\"note\"", "\"node\""), "its list of files is damaged"},
  };
  for (const Damage& damage : damages) {
    keep("E");
    damage.done(place_of("E"));
    const std::string told = take("E");
    EXPECT_TRUE(told.starts_with("the saved state is damaged: ")) << damage.what << ": " << told;
    EXPECT_NE(told.find(damage.told), std::string::npos) << damage.what << ": " << told;
    EXPECT_FALSE(kept("E")) << damage.what;
    EXPECT_EQ(files_in(options.ram), 0U) << damage.what;
    EXPECT_EQ(take("E"), "the saved state is gone") << damage.what;
  }
}

// It is the place that fails, and no reason to throw a good state away.
TEST_F(StateStoreTest, AStateThatCannotBeCopiedOutStays) {
  keep("E");
  fs::create_directory(out / "vda.qcow2");
  const std::string told = take("E");
  EXPECT_TRUE(told.starts_with((out / "vda.qcow2").string() + ": cannot be written")) << told;
  EXPECT_TRUE(kept("E"));
  fs::remove(out / "vda.qcow2");
  EXPECT_EQ(take("E"), "note of E");
}

TEST_F(StateStoreTest, AFileThatCannotBeReadIsNotKeptAndLeavesNothing) {
  try {
    store->keep(SavedStateId{"E"}, "a.east", "", "", {write(directory / "f", "x"), directory / "gone"});
    FAIL() << "kept";
  } catch (const HostFault& e) {
    EXPECT_EQ(std::string(e.what()), (directory / "gone").string() + ": cannot be read: No such file or directory");
  }
  EXPECT_FALSE(kept("E"));
  EXPECT_EQ(files_in(options.ram) + files_in(options.directory), 0U);
}

TEST_F(StateStoreTest, WhateverTheFileSystemRefusesIsAnErrorOfTheHost) {
  options.ram_budget = 0;
  open();
  fs::remove_all(options.directory / "kept");
  write(options.directory / "kept", "no directory");
  EXPECT_NE(refusal("F"), "kept");
  write(options.directory / "live", "no directory");
  EXPECT_THROW(store->live_memory("a.east", block), HostFault);
}

// Those were under way when a daemon died.
TEST_F(StateStoreTest, StatesHalfKeptAreRemovedAtTheStart) {
  keep("E");
  for (const fs::path& root : {options.ram, options.directory}) {
    write(root / "kept/F.new-a.east/memory.qcow2", "half");
    write(root / "kept/G.new-a.east/about.new", "{}");
    write(root / "kept/H/memory.qcow2", "without a list");
    write(root / "kept/I/state.json", "{\"domain");
    write(root / "live/a.east/memory.qcow2", "live");
  }
  open();
  EXPECT_EQ(files_in(options.directory), 0U);
  EXPECT_EQ(files_in(options.ram), 3U) << "E's two, and its list";
  EXPECT_EQ(store->list().size(), 1U);
  EXPECT_EQ(take("E"), "note of E");
}

// ---- limits ----

TEST_F(StateStoreTest, WhatWasUsedLongestAgoGoesFirst) {
  for (const char* state : {"E", "F", "G"}) keep(state);
  const std::uint64_t each = store->bytes_of(SavedStateId{"E"});
  for (const auto& [state, when] : {std::pair("E", 1'000), std::pair("F", 2'000), std::pair("G", 3'000)})
    set_written(place_of(state), when);
  EXPECT_EQ(take("E"), "note of E");  // which makes it the youngest
  EXPECT_EQ(store->list()[0].state, SavedStateId{"E"});
  EXPECT_EQ(store->list()[2].state, SavedStateId{"F"});
  options.kept_limit = 3 * each + each / 2;
  open();
  keep("H");
  EXPECT_FALSE(kept("F"));
  for (const char* state : {"E", "G", "H"}) EXPECT_TRUE(kept(state)) << state;
}

TEST_F(StateStoreTest, AStateTakesItsOwnPlaceBeforeOthersGo) {
  for (const char* state : {"E", "F"}) keep(state);
  const std::uint64_t each = store->bytes_of(SavedStateId{"E"});
  set_written(place_of("E"), 1'000);
  options.kept_limit = 2 * each + each / 2;
  open();
  keep("E");
  EXPECT_TRUE(kept("E"));
  EXPECT_TRUE(kept("F"));
}

TEST_F(StateStoreTest, AStateThatIsTooLargeDrivesNobodyOut) {
  keep("E");
  options.kept_limit = 4 * block;
  open();
  EXPECT_EQ(refusal("F", 16 * block), "a saved state of 1 MiB is more than reset.kept_limit allows");
  EXPECT_TRUE(kept("E"));
  EXPECT_FALSE(kept("F"));
}

TEST_F(StateStoreTest, BeyondTheBudgetForRamStatesLieInTheStateDirectory) {
  options.ram_budget = 5 * block;
  open();
  keep("E", 4 * block);
  keep("F", 4 * block);
  EXPECT_EQ(place_of("E"), options.ram / "kept/E");
  EXPECT_EQ(place_of("F"), options.directory / "kept/F");
  EXPECT_EQ(take("F"), "note of F");
  EXPECT_LE(store->in_ram(), options.ram_budget);
  for (const auto& listed : store->list()) EXPECT_EQ(listed.in_ram, listed.state == SavedStateId{"E"});
}

TEST_F(StateStoreTest, WithoutRamAllLiesInTheStateDirectory) {
  options.ram.clear();
  open();
  keep("E");
  EXPECT_EQ(take("E"), "note of E");
  EXPECT_EQ(store->in_ram(), 0U);
  EXPECT_EQ(store->live_memory("a.east", 1), options.directory / "live/a.east/memory.qcow2");
}

TEST_F(StateStoreTest, TheDisksReserveIsKept) {
  options.ram_budget = 0;
  options.disk_reserve = 1ULL << 62;
  open();
  const std::string why = refusal("E", 32 * block);
  EXPECT_TRUE(why.starts_with("no room for 2 MiB of a saved state, neither in RAM nor in " +
                              options.directory.string() + ": the file system on "))
      << why;
  EXPECT_TRUE(why.ends_with(", of which 4398046511104 MiB stay so (state_min_free)")) << why;
  EXPECT_EQ(files_in(options.directory), 0U);
  EXPECT_THROW(store->live_memory("a.east", block), HostFault);
}

// ---- live files ----

TEST_F(StateStoreTest, LiveMemoryLiesInRamUnlessThereIsNoRoom) {
  EXPECT_EQ(store->live_memory("a.east", block), options.ram / "live/a.east/memory.qcow2");
  write(options.ram / "live/a.east/memory.qcow2", std::string(block, 'm'));
  EXPECT_GE(store->in_ram(), block);
  EXPECT_EQ(store->live_memory("b.east", block, true), options.directory / "live/b.east/memory.qcow2");
  EXPECT_EQ(store->live_memory("c.east", options.ram_budget), options.directory / "live/c.east/memory.qcow2");
  for (const char* domain : {"a.east", "b.east", "c.east"})
    EXPECT_TRUE(fs::is_directory((domain[0] == 'a' ? options.ram : options.directory) / "live" / domain));
}

TEST_F(StateStoreTest, ADomainsLiveFilesAreRemovedWhereverTheyAre) {
  for (const char* domain : {"a.east", "b.east"}) {
    write(store->live_memory(domain, block), "memory");
    write(store->live_disks_of(domain) / "vda.qcow2", "disk");
  }
  store->clear_live("a.east");
  EXPECT_FALSE(fs::exists(options.ram / "live/a.east"));
  EXPECT_FALSE(fs::exists(options.directory / "live/a.east"));
  EXPECT_TRUE(fs::exists(options.ram / "live/b.east"));
  EXPECT_TRUE(fs::exists(options.directory / "live/b.east"));
}

TEST_F(StateStoreTest, LiveFilesGoWithTheStore) {
  keep("E");
  write(store->live_memory("a.east", block), "memory");
  store.reset();
  EXPECT_FALSE(fs::exists(options.ram / "live"));
  EXPECT_TRUE(fs::exists(options.ram / "kept/E"));
}

TEST_F(StateStoreTest, NothingIsLeftInRamWhenNothingIsKeptThere) {
  keep("E");
  store->drop(SavedStateId{"E"});
  store.reset();
  EXPECT_FALSE(fs::exists(options.ram));
}

// ---- a tmpfs ----

/// A small one in place of the RAM directory.
class OnTmpfs : public StateStoreTest {
 protected:
  void SetUp() override {
    store.reset();
    fs::create_directories(options.ram);
    if (geteuid() != 0 || mount("tmpfs", options.ram.c_str(), "tmpfs", 0, "size=256k") != 0)
      GTEST_SKIP() << "a tmpfs of its own needs root";
    mounted_ = true;
    open();
  }
  void TearDown() override {
    store.reset();
    if (mounted_) umount2(options.ram.c_str(), MNT_DETACH);
  }

  /// A file that takes no room here, and a MiB as a copy.
  fs::path sparse() {
    const fs::path file = write(directory / "sparse/memory.qcow2", "");
    fs::resize_file(file, 1 << 20);
    return file;
  }

 private:
  bool mounted_ = false;
};

TEST_F(OnTmpfs, AStateThatFitsLiesThere) {
  keep("E");
  EXPECT_EQ(place_of("E"), options.ram / "kept/E");
  EXPECT_EQ(take("E"), "note of E");
}

TEST_F(OnTmpfs, WhatIsTooLargeForItIsNotTried) {
  keep("E", 8 * block);
  EXPECT_EQ(place_of("E"), options.directory / "kept/E");
  EXPECT_EQ(store->live_memory("a.east", 8 * block), options.directory / "live/a.east/memory.qcow2");
}

TEST_F(OnTmpfs, OneThatGetsFullInTheMiddleLeavesItToTheStateDirectory) {
  store->keep(SavedStateId{"E"}, "a.east", "", "note", {sparse()});
  EXPECT_EQ(place_of("E"), options.directory / "kept/E");
  EXPECT_EQ(files_in(options.ram), 0U);
  EXPECT_EQ(store->take(SavedStateId{"E"}, {{"memory.qcow2", out / "memory.qcow2"}}), "note");
  EXPECT_EQ(fs::file_size(out / "memory.qcow2"), 1U << 20);
}

TEST_F(OnTmpfs, OneThatGetsFullWithNoRoomElsewhereIsAnErrorThatLeavesNothing) {
  options.disk_reserve = 1ULL << 62;
  open();
  EXPECT_THROW(store->keep(SavedStateId{"E"}, "a.east", "", "note", {sparse()}), HostFault);
  EXPECT_FALSE(kept("E"));
  EXPECT_EQ(files_in(options.ram) + files_in(options.directory), 0U);
  EXPECT_TRUE(fs::is_empty(options.ram / "kept"));
}

TEST_F(OnTmpfs, OneThatGetsFullWhileAStateIsTakenLeavesTheState) {
  options.ram_budget = 0;
  open();
  store->keep(SavedStateId{"E"}, "a.east", "", "note", {sparse()});
  EXPECT_THROW(store->take(SavedStateId{"E"}, {{"memory.qcow2", options.ram / "memory.qcow2"}}), HostFault);
  EXPECT_TRUE(kept("E"));
  EXPECT_EQ(files_in(options.ram), 0U);
}

// ---- threads ----

TEST_F(StateStoreTest, SeveralThreadsKeepTakeAndForget) {
  const std::uint64_t each = [&] {
    keep("E");
    return store->bytes_of(SavedStateId{"E"});
  }();
  options.kept_limit = 3 * each;  // some are driven out meanwhile
  open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, name = std::string(1, static_cast<char>('a' + i))] {
      const auto file = write(directory / (name + ".east/memory.qcow2"), std::string(2 * block, 'm'));
      for (int turn = 0; turn < 10; ++turn) {
        store->keep(SavedStateId{name}, name + ".east", "", name, {file});
        try {
          EXPECT_EQ(store->take(SavedStateId{name}, {{"memory.qcow2", out / name}}), name);
        } catch (const HostFault& e) {
          EXPECT_STREQ(e.what(), "the saved state is gone");
        }
        store->list();
        if (turn % 3 == 2) store->drop(SavedStateId{name});
      }
    });
  for (auto& thread : threads) thread.join();
  std::uint64_t all = 0;
  for (const auto& listed : store->list()) all += listed.bytes;
  EXPECT_LE(all, options.kept_limit + block) << "but for the list of one";
}

}  // namespace
}  // namespace kvmtest::libvirt
