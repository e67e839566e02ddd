// Nobody goes on with a store that is dead while the process is being ended.
// Two threads: one is in the function that ends it, the other comes to the
// latch, and notes whether it was let go before that function returned.

#include "replication/storage/fatal.h"

#include <atomic>
#include <functional>
#include <thread>

#include "gtest/gtest.h"

#include "base/mutex.h"

namespace quorate::replication {
namespace {

// Long enough for a thread that is not kept to pass, and no test of time: one
// that is kept makes this wait last.
constexpr absl::Duration kToPass = absl::Milliseconds(300);

class FatalTest : public testing::Test {
 protected:
  // True where `other`, in a thread of its own, came back while the function
  // that ends the process was still running.
  bool GoesOn(const std::function<void()>& other) {
    std::thread passing;
    std::atomic<bool> passed = false;
    std::atomic<bool> passed_too_early = false;
    latch_during_ = [&] {
      passing = std::thread([&] {
        other();
        MutexLock lock(&mu_);
        passed = true;
        changed_.NotifyAll();
      });
      MutexLock lock(&mu_);
      bool waited = true;
      while (waited && !passed)
        waited = changed_.WaitFor(&mu_, kToPass);
      passed_too_early = passed.load();
    };
    latch_.Trip("first", absl::UnavailableError("the disk failed"));
    passing.join();
    EXPECT_TRUE(passed);
    return passed_too_early;
  }

  int calls_ = 0;
  std::function<void()> latch_during_;
  Mutex mu_;
  CondVar changed_;
  FatalLatch latch_{[this](absl::string_view, const absl::Status&) {
    ++calls_;
    latch_during_();
  }};
};

TEST_F(FatalTest, ASoundStoreIsNotDead) {
  EXPECT_FALSE(latch_.Dead());
}

TEST_F(FatalTest, WhoAsksIsKept) {
  bool dead = false;
  EXPECT_FALSE(GoesOn([&] { dead = latch_.Dead(); }));
  EXPECT_TRUE(dead);
  EXPECT_EQ(calls_, 1);
}

TEST_F(FatalTest, WhoFailsTooIsKeptAndTheFunctionIsCalledOnce) {
  EXPECT_FALSE(GoesOn(
      [&] { latch_.Trip("second", absl::UnavailableError("it failed")); }));
  EXPECT_EQ(calls_, 1);
}

}  // namespace
}  // namespace quorate::replication
