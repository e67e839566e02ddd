// The queue keeps order and limit, and closing it loses nothing and wakes
// everyone. Producers and a consumer run against each other; the rest is one
// thread that pushes and takes.

#include "base/bounded_queue.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BoundedQueueTest, TakesInTheOrderOfPushes) {
  BoundedQueue<int> queue(3);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_THAT(queue.TakeAll(absl::ZeroDuration()), ElementsAre(1, 2));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueueTest, RefusesWhereItIsFullAndLeavesTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto refused = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(refused)));
  // Promised by TryPush: what was refused is still the caller's.
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(*refused, 2);
}

TEST(BoundedQueueTest, ReturnsWithNothingWhereTheTimePassed) {
  BoundedQueue<int> queue(1);
  EXPECT_THAT(queue.TakeAll(absl::Milliseconds(1)), IsEmpty());
}

TEST(BoundedQueueTest, GivesWhatIsInsideAfterClosing) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_THAT(queue.TakeAll(absl::InfiniteDuration()), ElementsAre(1));
  EXPECT_THAT(queue.TakeAll(absl::InfiniteDuration()), IsEmpty());
}

TEST(BoundedQueueTest, ClosingWakesWhoWaits) {
  BoundedQueue<int> queue(1);
  std::thread waiter([&queue] {
    while (!queue.closed()) {
      EXPECT_THAT(queue.TakeAll(absl::InfiniteDuration()), IsEmpty());
    }
  });
  queue.Close();
  waiter.join();
}

// When it is moved out of the queue, another thread pushes, and it waits for
// that.
struct Moved {
  explicit Moved(std::function<void()> on_move) : moved(std::move(on_move)) {}

  Moved(Moved&& other) noexcept : moved(std::exchange(other.moved, nullptr)) {
    if (moved != nullptr) moved();
  }

  std::function<void()> moved;
};

TEST(BoundedQueueTest, NobodyWaitsWhileWhatWasTakenIsMoved) {
  constexpr absl::Duration kPatience = absl::Seconds(20);
  BoundedQueue<Moved> queue(10);
  bool armed = false;
  bool was_pushed = false;
  absl::Notification pushed;
  std::thread pusher;
  EXPECT_TRUE(queue.TryPush(Moved([&] {
    if (!std::exchange(armed, false)) return;
    // Joined behind TakeAll, for which it may have to wait.
    pusher = std::thread([&] {
      EXPECT_TRUE(queue.TryPush(Moved(nullptr)));
      pushed.Notify();
    });
    was_pushed = pushed.WaitForNotificationWithTimeout(kPatience);
  })));
  armed = true;
  EXPECT_EQ(queue.TakeAll(absl::ZeroDuration()).size(), 1u);
  pusher.join();
  EXPECT_TRUE(was_pushed);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(BoundedQueueTest, LosesAndDoublesNothingBetweenThreads) {
  constexpr int kProducers = 4;
  constexpr int kEach = 5'000;
  BoundedQueue<std::pair<int, int>> queue(64);
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&queue, producer] {
      for (int i = 0; i < kEach; ++i) {
        while (!queue.TryPush({producer, i})) {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<int> next(kProducers, 0);
  int taken = 0;
  while (taken < kProducers * kEach) {
    const auto items = queue.TakeAll(absl::InfiniteDuration());
    EXPECT_LE(items.size(), queue.capacity());
    for (const auto& [producer, number] : items) {
      // Each producer's items come in its order, none twice, none left out.
      ASSERT_EQ(number, next[static_cast<size_t>(producer)]++);
      ++taken;
    }
  }
  for (std::thread& producer : producers)
    producer.join();
}

}  // namespace
}  // namespace quorate
