// A stop that does not come to its end ends the process, one that does is left
// alone. Processes of their own whose stop waits for ever.

#include "server/stop_limit.h"

#include <cstdlib>
#include <poll.h>

#include "gtest/gtest.h"

#include "server/exit_code.h"

namespace quorate::server {
namespace {

using testing::ExitedWithCode;

TEST(StopLimitDeathTest, AStopThatHangsIsEnded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        StopLimit limit(&SystemClock(), absl::Milliseconds(20));
        limit.Begin();
        limit.Begin();
        ::poll(nullptr, 0, -1);
      },
      ExitedWithCode(kExitDisk), "longer than 20ms");
}

TEST(StopLimitDeathTest, WithoutAStopThereIsNoLimit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const StopLimit limit(&SystemClock(), absl::ZeroDuration());
        ::poll(nullptr, 0, 50);
        std::_Exit(7);
      },
      ExitedWithCode(7), "");
}

TEST(StopLimitTest, AStopThatEndsWaitsForNothing) {
  StopLimit limit(&SystemClock(), absl::Hours(1));
  limit.Begin();
}

}  // namespace
}  // namespace quorate::server
