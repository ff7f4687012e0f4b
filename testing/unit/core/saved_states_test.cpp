#include "core/saved_states.h"

#include <gtest/gtest.h>

namespace kvmtest::core {
namespace {

const SavedStateId state{"E"};
const Domain east{Prefix{"a."}, Host{"east"}};

TEST(SavedStates, ADomainHasTheStateThatItWasLastAssigned) {
  SavedStates states;
  EXPECT_FALSE(states.of(east));
  states.assign(east, {.of = {{east, state}}, .kept = {}});
  EXPECT_EQ(states.of(east), state);
  states.assign(east, {});
  EXPECT_FALSE(states.of(east));
}

TEST(SavedStates, OneComesWhileSomebodyIsAboutToSaveIt) {
  SavedStates states;
  EXPECT_FALSE(states.comes(state));
  states.begin_saving(state);
  states.begin_saving(state);
  states.end_saving(state);
  EXPECT_TRUE(states.comes(state)) << "the other one still does";
  states.end_saving(state);
  EXPECT_FALSE(states.comes(state));
}

TEST(SavedStates, NobodyWaitsForWhatCouldNotBeSavedUntilItIs) {
  SavedStates states;
  states.begin_saving(state);
  states.learn(state, false);
  EXPECT_FALSE(states.comes(state));
  states.learn(state, true);
  EXPECT_TRUE(states.comes(state));
  EXPECT_TRUE(states.kept(state));
  states.lose(state);
  EXPECT_FALSE(states.kept(state));
}

TEST(SavedStates, WhoWaitedIsToldOnce) {
  SavedStates states;
  states.begin_saving(state);
  states.wait_for(state, Prefix{"b."});
  states.wait_for(state, Prefix{"c."});
  EXPECT_EQ(states.end_saving(state), (std::set<Prefix>{Prefix{"b."}, Prefix{"c."}}));
  EXPECT_TRUE(states.end_saving(state).empty());
}

TEST(SavedStates, ARunBeginsWithWhatItIsTold) {
  SavedStates states;
  states.learn(state, true);
  states.learn(SavedStateId{"W"}, false);
  states.begin_saving(SavedStateId{"W"});
  states.begin_run({.of = {}, .kept = {SavedStateId{"N"}}});
  EXPECT_FALSE(states.kept(state));
  EXPECT_TRUE(states.kept(SavedStateId{"N"}));
  EXPECT_TRUE(states.comes(SavedStateId{"W"})) << "it may be tried again";
}

}  // namespace
}  // namespace kvmtest::core
