// A failed check ends the process and says where and what; one that holds does
// nothing. Death tests look at the message, counters at the evaluation.

#include "base/check.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace quorate {
namespace {

TEST(CheckTest, EvaluatesOnceAndGoesOn) {
  int evaluated = 0;
  QUORATE_CHECK(++evaluated == 1);
  QUORATE_CHECK_OK((++evaluated, absl::OkStatus()));
  EXPECT_EQ(evaluated, 2);
}

TEST(CheckDeathTest, NamesThePlaceAndTheCondition) {
  const int seats = 21;
  EXPECT_DEATH(QUORATE_CHECK(seats <= 20),
               "check_test.cc:[0-9]+: check failed: seats <= 20");
}

TEST(CheckDeathTest, ShowsTheStatus) {
  EXPECT_DEATH(QUORATE_CHECK_OK(absl::DataLossError("torn record")),
               "torn record");
}

}  // namespace
}  // namespace quorate
