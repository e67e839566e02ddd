// A status goes upwards with its code, its payloads and its context; a value
// comes through untouched. Small functions use the macros as the tree does.

#include "base/status.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "gtest/gtest.h"

namespace quorate {
namespace {

absl::Status Pass(const absl::Status& status, bool* went_on) {
  QUORATE_RETURN_IF_ERROR(status);
  *went_on = true;
  return absl::OkStatus();
}

absl::StatusOr<int> Doubled(absl::StatusOr<std::unique_ptr<int>> number) {
  QUORATE_ASSIGN_OR_RETURN(const std::unique_ptr<int> held, std::move(number));
  QUORATE_ASSIGN_OR_RETURN(const int twice, absl::StatusOr<int>(*held * 2));
  return twice;
}

TEST(StatusTest, ReturnsAnErrorAndOnlyAnError) {
  bool went_on = false;
  EXPECT_EQ(Pass(absl::NotFoundError("x"), &went_on), absl::NotFoundError("x"));
  EXPECT_FALSE(went_on);
  EXPECT_TRUE(Pass(absl::OkStatus(), &went_on).ok());
  EXPECT_TRUE(went_on);
}

TEST(StatusTest, AssignsOrReturns) {
  EXPECT_EQ(*Doubled(std::make_unique<int>(21)), 42);
  EXPECT_EQ(Doubled(absl::AbortedError("no")).status(),
            absl::AbortedError("no"));
}

TEST(StatusTest, AnnotatesWithCodeAndPayloadKept) {
  absl::Status status = absl::DataLossError("torn");
  status.SetPayload("type", absl::Cord("detail"));
  const absl::Status annotated = Annotate(status, "open log");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::string(annotated.message()), "open log: torn");
  EXPECT_EQ(annotated.GetPayload("type"), absl::Cord("detail"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "open log").ok());
}

}  // namespace
}  // namespace quorate
