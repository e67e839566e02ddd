// The reasons of the library are those of the API, and reach the caller from a
// gRPC status. By comparing the two lists and translating real details.

#include "client/error.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

#include "quorate/type/v1/error_reason.pb.h"

#include "client/rpc_status.h"

namespace quorate {
namespace {

grpc::Status RpcStatus(grpc::StatusCode code, const std::string& reason,
                       const std::string& domain) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(domain);
  (*info.mutable_metadata())["limit"] = "sessions";
  status.add_details()->PackFrom(info);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  status.add_details()->PackFrom(retry);
  return grpc::Status(code, "words", status.SerializeAsString());
}

TEST(ErrorTest, NamesAndNumbersAreThoseOfTheApi) {
  const auto* list = type::v1::ErrorReason_descriptor();
  for (int i = 0; i < list->value_count(); ++i) {
    const auto* value = list->value(i);
    if (value->number() == 0) continue;
    const std::string name(absl::StripPrefix(value->name(), "ERROR_REASON_"));
    EXPECT_EQ(ToString(static_cast<ErrorReason>(value->number())), name);
    const absl::Status status =
        FromRpcStatus(RpcStatus(grpc::StatusCode::ABORTED, name, "quorate"));
    EXPECT_EQ(static_cast<int>(ReasonOf(status)), value->number()) << name;
  }
  EXPECT_EQ(ToString(static_cast<ErrorReason>(9999)), "");
}

TEST(ErrorTest, DetailsReachTheCaller) {
  const absl::Status status = FromRpcStatus(RpcStatus(
      grpc::StatusCode::RESOURCE_EXHAUSTED, "LIMIT_REACHED", "quorate"));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "words");
  EXPECT_EQ(ReasonOf(status), ErrorReason::kLimitReached);
  EXPECT_EQ(MetadataOf(status).at("limit"), "sessions");
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(250));
}

TEST(ErrorTest, YoungerAndForeignReasonsAreUnspecified) {
  const absl::Status younger = FromRpcStatus(
      RpcStatus(grpc::StatusCode::ABORTED, "OF_NEXT_YEAR", "quorate"));
  EXPECT_EQ(ReasonOf(younger), ErrorReason::kUnspecified);
  EXPECT_EQ(ReasonNameOf(younger), "OF_NEXT_YEAR");
  const absl::Status foreign = FromRpcStatus(
      RpcStatus(grpc::StatusCode::ABORTED, "POOL_EXHAUSTED", "other"));
  EXPECT_EQ(ReasonOf(foreign), ErrorReason::kUnspecified);
  EXPECT_EQ(ReasonOf(absl::OkStatus()), ErrorReason::kUnspecified);
}

TEST(ErrorTest, DamagedDetailsLeaveTheStatus) {
  const absl::Status status = FromRpcStatus(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "words", "\xff\xff\xff"));
  EXPECT_EQ(status, absl::NotFoundError("words"));
}

TEST(ErrorTest, OnlyTheConnectionAndTheNotNowsAreTriedAgain) {
  using Code = grpc::StatusCode;
  const auto judge = [](Code code, const std::string& reason,
                        const std::string& message) {
    const grpc::Status status = reason.empty()
                                    ? grpc::Status(code, message)
                                    : RpcStatus(code, reason, "quorate");
    return Judge(FromRpcStatus(status));
  };
  EXPECT_EQ(Judge(absl::OkStatus()), Verdict::kDone);
  EXPECT_EQ(judge(Code::UNAVAILABLE, "NO_QUORUM", ""), Verdict::kAskAgain);
  EXPECT_EQ(judge(Code::UNAVAILABLE, "", "gone"), Verdict::kRefused);
  EXPECT_EQ(judge(Code::UNAVAILABLE, "", "Ssl handshake failed: bad"),
            Verdict::kUntrusted);
  EXPECT_EQ(judge(Code::DEADLINE_EXCEEDED, "", ""), Verdict::kSilent);
  EXPECT_EQ(judge(Code::CANCELLED, "", ""), Verdict::kRefused);
  EXPECT_EQ(judge(Code::INTERNAL, "", "RST_STREAM"), Verdict::kRefused);
  EXPECT_EQ(judge(Code::RESOURCE_EXHAUSTED, "POOL_EXHAUSTED", ""),
            Verdict::kDone);
  EXPECT_EQ(judge(Code::RESOURCE_EXHAUSTED, "DISK_FULL", ""),
            Verdict::kAskAgain);
  EXPECT_EQ(judge(Code::UNAUTHENTICATED, "", ""), Verdict::kDone);
  EXPECT_EQ(judge(Code::UNIMPLEMENTED, "", ""), Verdict::kDone);
}

}  // namespace
}  // namespace quorate
