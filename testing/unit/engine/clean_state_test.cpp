// Making a guest fit to be saved, and right after going back, on a fake one.

#include "engine/clean_state.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "../console/fake_guest.h"

namespace kvmtest::engine {
namespace {

using console::FakeGuest;
using namespace std::chrono_literals;
using Mounts = std::vector<FakeGuest::Mount>;

/// What answers does so at once: `soon` is only ever waited for by what does not.
console::GuestDeadline later() { return console::WallClock().now() + 60s; }
console::GuestDeadline soon() { return console::WallClock().now() + 5ms; }

/// what() of the NotClean that `action` throws.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const NotClean& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// A logged-in guest.
struct Console {
  explicit Console(FakeGuest::Options options = {}) : Console(new FakeGuest(std::move(options))) {
    session.await_login_prompt(later());
    session.log_in({"root", "swan"}, later());
  }
  /// Another QEMU with a guest that was saved.
  explicit Console(const FakeGuest::State& saved) : Console(new FakeGuest({}, saved)) {}

  std::string run(const std::string& command) { return session.run(command, 60s).output; }

  FakeGuest* guest;
  console::Session session;

 private:
  explicit Console(FakeGuest* g) : guest(g), session(std::unique_ptr<console::Stream>(g), 1 << 20) {}
};

const FakeGuest::Mount suites{"suites", "/testing", "9p", "rw,trans=virtio,version=9p2000.L"};
const FakeGuest::Mount inner{"more", "/testing/with spaces", "virtiofs", "ro,relatime"};
const FakeGuest::Mount other{"a source", "/mnt/back\\slash", "9p", "rw,sync"};
const FakeGuest::Mount disk{"/dev/vda1", "/srv", "ext4", "rw,relatime"};

TEST(CleanState, AGuestIsMadeFitAndRenewed) {
  Console console;
  console.run("x=1");
  const CleanState state = prepare_to_save(console.session, later());
  EXPECT_EQ(state.host_name, "guest");
  EXPECT_EQ(state.prompt, console.session.prompt_nonce());
  EXPECT_EQ(console.guest->state().waiting, state.token);
  EXPECT_FALSE(console.session.at_prompt());
  renew(console.session, state, later());
  EXPECT_TRUE(console.session.at_prompt());
  EXPECT_EQ(console.run("echo \"$x\""), "1\n");
}

TEST(CleanState, EachStateHasATokenOfItsOwn) {
  Console console;
  const CleanState first = prepare_to_save(console.session, later());
  renew(console.session, first, later());
  const CleanState second = prepare_to_save(console.session, later());
  EXPECT_NE(first.token, second.token);
}

TEST(CleanState, EachReturnGetsOtherRandomness) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  const FakeGuest::State saved = console.guest->state();
  console.guest->program.seeds.clear();
  for (int i = 0; i < 3; ++i) {
    renew(console.session, state, later());
    console.guest->go_back(saved);
  }
  EXPECT_EQ(console.guest->program.seeds.size(), 3U);
  for (const std::string& seed : console.guest->program.seeds)
    EXPECT_EQ(seed.find_first_not_of("0123456789abcdef"), std::string::npos) << seed;
  EXPECT_EQ(console.guest->program.seeds.begin()->size(), 64U);
}

TEST(CleanState, GoingBackInTheSameSessionForgetsWhatTheGuestDid) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  const FakeGuest::State saved = console.guest->state();
  renew(console.session, state, later());
  console.run("x=dirty");
  console.guest->go_back(saved);
  renew(console.session, state, later());
  EXPECT_EQ(console.run("echo \"$x\""), "\n");
}

// Its prompt has the nonce of the session that saved it.
TEST(CleanState, AnotherSessionTakesOverAGuestThatWasSaved) {
  Console first;
  const CleanState state = CleanState::from_text(prepare_to_save(first.session, later()).to_text());
  Console second(first.guest->state());
  EXPECT_NE(second.session.prompt_nonce(), state.prompt);
  renew(second.session, state, later());
  EXPECT_EQ(second.run("echo hello"), "hello\n");
  EXPECT_EQ(console::mark_of(second.session.prompt_nonce()), console::mark_of(state.prompt));
}

TEST(CleanState, WhatWasPrintedBeforeGoingBackIsThrownAway) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  const FakeGuest::State saved = console.guest->state();
  renew(console.session, state, later());
  // Printed and not read: output that looks like much, megabytes of it, and prompts.
  console.guest->write("bytes 3000000\necho " + state.token + "\n(exit 3)\n", {});
  console.guest->go_back(saved);
  renew(console.session, state, later());
  EXPECT_EQ(console.run("echo only this"), "only this\n");
  EXPECT_EQ(console.run("again"), "");
}

// ---- shares ----

TEST(CleanState, SharesAreUnmountedForTheSavingAndMountedAgain) {
  Console console;
  const Mounts mounts{disk, suites, inner, other};
  for (const auto& mount : mounts) console.guest->mount(mount);
  const CleanState state = prepare_to_save(console.session, later());
  EXPECT_EQ(console.guest->state().mounts, Mounts{disk}) << "the inner one first";
  ASSERT_EQ(state.shares.size(), 3U);
  EXPECT_EQ(state.shares[1].target, "/testing/with spaces");
  EXPECT_EQ(state.shares[2].source, "a source");
  renew(console.session, state, later());
  EXPECT_EQ(console.guest->state().mounts, mounts);
}

TEST(CleanState, TheNoteHoldsEverything) {
  Console console;
  for (const auto& mount : {suites, inner, other}) console.guest->mount(mount);
  const CleanState state = prepare_to_save(console.session, later());
  const CleanState read = CleanState::from_text(state.to_text());
  EXPECT_EQ(read.token, state.token);
  EXPECT_EQ(read.prompt, state.prompt);
  EXPECT_EQ(read.host_name, state.host_name);
  ASSERT_EQ(read.shares.size(), 3U);
  EXPECT_EQ(read.shares[2].target, other.target);
  EXPECT_EQ(read.shares[2].options, other.options);
  EXPECT_EQ(read.to_text(), state.to_text());
}

TEST(CleanState, ADamagedNoteIsNone) {
  for (const char* text : {"", "{}", "[1]", R"({"token": "t"})", R"({"token": 1, "prompt": "p", "host_name": "h"})"})
    EXPECT_TRUE(refusal([&] { CleanState::from_text(text); }).starts_with("the note of the saved state is damaged: "))
        << text;
}

TEST(CleanState, ABusyShareStandsInTheWayAndEverythingIsAsItWas) {
  Console console;
  const Mounts mounts{suites, inner, other};
  for (const auto& mount : mounts) console.guest->mount(mount);
  console.guest->faults.busy.insert(suites.target);
  EXPECT_EQ(refusal([&] { prepare_to_save(console.session, later()); }),
            "the share on /testing stands in the way: umount: /testing: target is busy.");
  EXPECT_EQ(console.guest->state().mounts, mounts) << "those that were unmounted before it, too";
  EXPECT_TRUE(console.session.at_prompt());
  EXPECT_EQ(console.run("echo hello"), "hello\n");
}

TEST(CleanState, AShareThatIsGoneIsSaid) {
  Console console;
  console.guest->mount(suites);
  const CleanState state = prepare_to_save(console.session, later());
  console.guest->faults.gone.insert(suites.source);
  EXPECT_EQ(refusal([&] { renew(console.session, state, later()); }),
            "the share on /testing cannot be mounted again: mount: no such share");
}

// ---- guests that cannot be saved ----

TEST(CleanState, AGuestThatRunsNoProgramsOfOursIsSaid) {
  Console console({.runs_programs = false});
  console.guest->mount(suites);
  EXPECT_EQ(refusal([&] { prepare_to_save(console.session, later()); }),
            "the guest runs no program of ours: saved states need an x86-64 Linux, and a directory of it where "
            "programs may run");
  EXPECT_EQ(console.guest->state().mounts, Mounts{suites});
  EXPECT_TRUE(console.session.at_prompt());
}

TEST(CleanState, AGuestThatDoesNotAnswerInTimeIsSaid) {
  Console console;
  console.guest->faults.hanging.insert("cat");
  EXPECT_EQ(refusal([&] { prepare_to_save(console.session, soon()); }),
            "the guest's mounts cannot be read: no answer in time");
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(CleanState, AGuestThatEndsMeanwhileIsNoMatterOfCleanness) {
  Console console;
  console.guest->close();
  EXPECT_THROW(prepare_to_save(console.session, later()), console::Closed);
}

// ---- guests that are not what was saved ----

TEST(CleanState, AnotherTokenIsAnotherState) {
  Console console;
  CleanState state = prepare_to_save(console.session, later());
  state.token = "kt0123";
  EXPECT_EQ(refusal([&] { renew(console.session, state, later()); }), "it is not in the state that was saved");
}

// A shell, and no program that waits: it takes the line for a command.
TEST(CleanState, AGuestThatWasNotTakenBackIsNotTheStateThatWasSaved) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  renew(console.session, state, later());
  EXPECT_EQ(refusal([&] { renew(console.session, state, later()); }), "it is not in the state that was saved");
}

TEST(CleanState, ASilentGuestIsSaid) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  console.guest->faults.silent = true;
  EXPECT_EQ(refusal([&] { renew(console.session, state, soon()); }),
            "it does not answer, or is not in the state that was saved");
  EXPECT_FALSE(console.session.at_prompt());
}

TEST(CleanState, AProgramThatAnswersBeforeAShellThatDoesNotIsSaid) {
  Console console;
  CleanState state = prepare_to_save(console.session, later());
  state.prompt = "kt-of-another";
  EXPECT_EQ(refusal([&] { renew(console.session, state, soon()); }), "its shell does not answer");
}

TEST(CleanState, AnotherHostNameIsSaid) {
  Console console;
  CleanState state = prepare_to_save(console.session, later());
  state.host_name = "west";
  EXPECT_EQ(refusal([&] { renew(console.session, state, later()); }), "its host name is 'guest', not 'west'");
}

TEST(CleanState, WhatCouldNotBeRenewedIsSaid) {
  for (const auto& [status, words] :
       {std::pair(1, "its random pool could not be set"), std::pair(2, "its clock could not be set"),
        std::pair(3, "its random pool and clock could not be set")}) {
    Console console;
    console.guest->mount(suites);
    const CleanState state = prepare_to_save(console.session, later());
    console.guest->faults.renewal = status;
    EXPECT_EQ(refusal([&] { renew(console.session, state, later()); }), words);
    EXPECT_TRUE(console.guest->state().mounts.empty()) << "a domain that is not clean gets nothing of the host's";
  }
}

TEST(CleanState, AnInterruptEndsTheRenewal) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  console.session.interrupt();
  EXPECT_THROW(renew(console.session, state, later()), console::Interrupted);
}

// ---- ahead of time ----

TEST(CleanState, AGuestThatIsWarmedUpWaitsAsBefore) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  const auto typed = console.guest->typed;
  console.guest->program.seeds.clear();
  warm_up(console.session, later());
  EXPECT_EQ(console.guest->program.warmed, 1U);
  EXPECT_EQ(console.guest->typed, typed) << "its shell is typed nothing";
  EXPECT_EQ(console.guest->state().waiting, state.token);
  EXPECT_TRUE(console.guest->program.seeds.empty());
  renew(console.session, state, later());
  EXPECT_EQ(console.guest->program.seeds.size(), 1U);
  EXPECT_EQ(console.run("echo hello"), "hello\n");
}

TEST(CleanState, OnlyAGuestThatWaitsIsWarmedUp) {
  Console console;
  const CleanState state = prepare_to_save(console.session, later());
  console.guest->faults.silent = true;
  EXPECT_EQ(refusal([&] { warm_up(console.session, soon()); }),
            "it does not answer, or is not in the state that was saved");
  console.guest->faults.silent = false;
  renew(console.session, state, later());
  EXPECT_EQ(refusal([&] { warm_up(console.session, soon()); }),
            "it does not answer, or is not in the state that was saved");
}

// ---- for measuring ----

TEST(CleanState, TheBareWayToTheShellRenewsNothing) {
  Console console;
  console.guest->mount(suites);
  const CleanState state = prepare_to_save(console.session, later());
  console.guest->program.seeds.clear();
  wake(console.session, state, later());
  EXPECT_TRUE(console.guest->program.seeds.empty());
  EXPECT_TRUE(console.guest->state().mounts.empty());
  EXPECT_EQ(console.run("echo hello"), "hello\n");
  console.guest->faults.silent = true;
  EXPECT_EQ(refusal([&] { wake(console.session, state, soon()); }), "its shell does not answer");
}

}  // namespace
}  // namespace kvmtest::engine
