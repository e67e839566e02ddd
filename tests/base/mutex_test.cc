// Waits end by a notification or by their time, also where the time is without
// end. Two threads hand a turn to each other.

#include "base/mutex.h"

#include <thread>

#include "gtest/gtest.h"

namespace quorate {
namespace {

// Whose turn it is.
struct Turn {
  Mutex mu;
  CondVar changed;
  bool given ABSL_GUARDED_BY(mu) = false;
};

TEST(CondVarTest, TellsThatTheTimePassed) {
  Turn turn;
  MutexLock lock(&turn.mu);
  bool notified = true;
  // It may wake without a reason, so it is asked until it has waited.
  while (notified) {
    notified = turn.changed.WaitFor(&turn.mu, absl::Milliseconds(1));
  }
  EXPECT_FALSE(turn.given);
}

// Adding an infinite timeout to the time of day overflows; a wait then came
// back at once and said that its time had passed.
TEST(CondVarTest, WaitsWithoutEnd) {
  Turn turn;
  std::thread giver;
  {
    MutexLock lock(&turn.mu);
    // It cannot give the turn before the wait has let go of the mutex.
    giver = std::thread([&turn] {
      MutexLock lock(&turn.mu);
      turn.given = true;
      turn.changed.NotifyAll();
    });
    while (!turn.given) {
      EXPECT_TRUE(turn.changed.WaitFor(&turn.mu, absl::InfiniteDuration()));
    }
  }
  giver.join();
}

TEST(CondVarTest, WakesEveryoneWhoWaits) {
  Turn turn;
  const auto wait = [&turn] {
    MutexLock lock(&turn.mu);
    while (!turn.given)
      turn.changed.Wait(&turn.mu);
  };
  std::thread first(wait);
  std::thread second(wait);
  {
    MutexLock lock(&turn.mu);
    turn.given = true;
  }
  turn.changed.NotifyAll();
  first.join();
  second.join();
}

}  // namespace
}  // namespace quorate
