// Every reason becomes one code, a sentence, and details that a client can
// decode and that stay small. All values of the enum are translated and read
// back, and what the ledger refuses with is spelled out.

#include "server/rpc/status_translation.h"

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using type::v1::ErrorReason;

std::vector<ErrorReason> AllReasons() {
  std::vector<ErrorReason> reasons;
  const auto* descriptor = type::v1::ErrorReason_descriptor();
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const int number = descriptor->value(i)->number();
    if (number != 0) reasons.push_back(static_cast<ErrorReason>(number));
  }
  return reasons;
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  return details;
}

template <typename Detail>
std::vector<Detail> Find(const google::rpc::Status& status) {
  std::vector<Detail> found;
  for (const auto& any : status.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) found.push_back(detail);
  }
  return found;
}

Refusal Exhausted(const char* out, const char* asked) {
  licensing::LedgerAnswer answer;
  answer.reason = type::v1::ERROR_REASON_POOL_EXHAUSTED;
  answer.metadata = {
      {"feature", "cad"}, {"total", "20"}, {"out", out}, {"asked", asked}};
  return RefusalOf(answer);
}

TEST(StatusTranslationTest, EveryReasonHasACodeAndASentence) {
  for (const ErrorReason reason : AllReasons()) {
    SCOPED_TRACE(ReasonName(reason));
    const grpc::Status status = ToGrpcStatus({.reason = reason});
    EXPECT_NE(status.error_code(), StatusCode::OK);
    EXPECT_NE(status.error_code(), StatusCode::INTERNAL);
    EXPECT_FALSE(status.error_message().empty());
    EXPECT_EQ(status.error_message().find('{'), std::string::npos);
    const google::rpc::Status details = DetailsOf(status);
    const auto reasons = Find<google::rpc::ErrorInfo>(details);
    ASSERT_EQ(reasons.size(), 1U);
    EXPECT_EQ(reasons[0].domain(), "quorate");
    EXPECT_EQ("ERROR_REASON_" + reasons[0].reason(),
              type::v1::ErrorReason_Name(reason));
    // What may be tried again is what the proto calls UNAVAILABLE, and what a
    // disk has no room for now.
    EXPECT_EQ(MayRetry(reason),
              status.error_code() == StatusCode::UNAVAILABLE ||
                  reason == type::v1::ERROR_REASON_DISK_FULL);
  }
}

// One row a reason: | `REASON` | CODE | retry | ...
TEST(StatusTranslationTest, TheDocumentHasTheSameCodes) {
  const std::map<std::string, StatusCode> kCodes = {
      {"ABORTED", StatusCode::ABORTED},
      {"ALREADY_EXISTS", StatusCode::ALREADY_EXISTS},
      {"FAILED_PRECONDITION", StatusCode::FAILED_PRECONDITION},
      {"INVALID_ARGUMENT", StatusCode::INVALID_ARGUMENT},
      {"NOT_FOUND", StatusCode::NOT_FOUND},
      {"PERMISSION_DENIED", StatusCode::PERMISSION_DENIED},
      {"RESOURCE_EXHAUSTED", StatusCode::RESOURCE_EXHAUSTED},
      {"UNAUTHENTICATED", StatusCode::UNAUTHENTICATED},
      {"UNAVAILABLE", StatusCode::UNAVAILABLE}};
  std::ifstream document("docs/errors.md");
  ASSERT_TRUE(document.good()) << "run from the root of the tree";
  size_t rows = 0;
  std::string line;
  while (std::getline(document, line)) {
    if (line.rfind("| `", 0) != 0) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    ErrorReason reason = type::v1::ERROR_REASON_UNSPECIFIED;
    const std::string name =
        absl::StrReplaceAll(cells[1], {{"`", ""}, {" ", ""}});
    ASSERT_TRUE(type::v1::ErrorReason_Parse("ERROR_REASON_" + name, &reason))
        << name;
    const auto code =
        kCodes.find(std::string(absl::StripAsciiWhitespace(cells[2])));
    ASSERT_NE(code, kCodes.end()) << line;
    EXPECT_EQ(CodeOfReason(reason), code->second) << name;
    EXPECT_EQ(MayRetry(reason),
              absl::StripAsciiWhitespace(cells[3]) == "same id")
        << name;
    ++rows;
  }
  EXPECT_EQ(rows, AllReasons().size());
}

TEST(StatusTranslationTest, AReasonOfANewerMemberIsInternal) {
  const auto unknown = static_cast<ErrorReason>(9999);
  const grpc::Status status = ToGrpcStatus({.reason = unknown});
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_FALSE(MayRetry(unknown));
}

TEST(StatusTranslationTest, SaysHowManySeatsAreInUse) {
  EXPECT_EQ(MessageOf(Exhausted("20", "1")), "all 20 seats of cad are in use");
  EXPECT_EQ(MessageOf(Exhausted("18", "3")),
            "3 seats of cad asked for, but 18 of 20 are in use");
  const grpc::Status status = ToGrpcStatus(Exhausted("20", "1"));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  const google::rpc::Status details = DetailsOf(status);
  const auto quotas = Find<google::rpc::QuotaFailure>(details);
  ASSERT_EQ(quotas.size(), 1U);
  EXPECT_EQ(quotas[0].violations(0).subject(), "features/cad");
  EXPECT_EQ(quotas[0].violations(0).description(),
            "all 20 seats of cad are in use");
  const auto facts = Find<google::rpc::ErrorInfo>(details)[0].metadata();
  EXPECT_EQ(facts.at("feature"), "cad");
  EXPECT_EQ(facts.at("total"), "20");
  EXPECT_EQ(facts.at("out"), "20");
  EXPECT_EQ(facts.at("asked"), "1");
}

TEST(StatusTranslationTest, NamesResourcesAndTimesAsTheApiDoes) {
  licensing::LedgerAnswer answer;
  answer.reason = type::v1::ERROR_REASON_SESSION_NOT_FOUND;
  answer.metadata = {{"session", "7"}};
  EXPECT_EQ(MessageOf(RefusalOf(answer)),
            "there is no session sessions/7 (any more)");
  answer.reason = type::v1::ERROR_REASON_LICENSE_EXPIRED;
  answer.metadata = {{"feature", "cad"}, {"ended_ms", "1767225600000"}};
  const Refusal expired = RefusalOf(answer);
  EXPECT_EQ(MessageOf(expired),
            "the licence of cad ended at 2026-01-01T00:00:00Z");
  const google::rpc::Status details = DetailsOf(ToGrpcStatus(expired));
  const auto failures = Find<google::rpc::PreconditionFailure>(details);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].violations(0).type(), "LICENSE_EXPIRED");
  EXPECT_EQ(failures[0].violations(0).subject(), "features/cad");
  answer.reason = type::v1::ERROR_REASON_SERIAL_ROLLBACK;
  answer.metadata = {
      {"license", "L1"}, {"serial", "2"}, {"installed_serial", "3"}};
  EXPECT_EQ(MessageOf(RefusalOf(answer)),
            "serial 2 of licenses/L1 is older than serial 3, which is "
            "installed");
}

TEST(StatusTranslationTest, AFieldThatTheLedgerRefusesIsAFieldOfTheRequest) {
  licensing::LedgerAnswer answer;
  answer.reason = type::v1::ERROR_REASON_BAD_REQUEST;
  answer.metadata = {{"field", "seat_handles"},
                     {"problem", "must not name a seat twice"}};
  const grpc::Status status = ToGrpcStatus(RefusalOf(answer));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "seats: must not name a seat twice");
  const auto faults = Find<google::rpc::BadRequest>(DetailsOf(status));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].field_violations(0).field(), "seats");
}

TEST(StatusTranslationTest, CarriesTheRetryDelay) {
  const grpc::Status status =
      ToGrpcStatus({.reason = type::v1::ERROR_REASON_NO_QUORUM,
                    .retry_delay = absl::Milliseconds(1250)});
  const auto delays = Find<google::rpc::RetryInfo>(DetailsOf(status));
  ASSERT_EQ(delays.size(), 1U);
  EXPECT_EQ(delays[0].retry_delay().seconds(), 1);
  EXPECT_EQ(delays[0].retry_delay().nanos(), 250'000'000);
}

TEST(StatusTranslationTest, TranslatesEveryOutcome) {
  using replication::ProposeOutcome;
  using replication::ReadOutcome;
  using enum type::v1::ErrorReason;
  EXPECT_EQ(RefusalOf(ProposeOutcome::kNoQuorum).reason,
            ERROR_REASON_NO_QUORUM);
  EXPECT_EQ(RefusalOf(ProposeOutcome::kOverloaded).reason,
            ERROR_REASON_OVERLOADED);
  EXPECT_EQ(RefusalOf(ProposeOutcome::kUnknown).reason,
            ERROR_REASON_OUTCOME_UNKNOWN);
  EXPECT_EQ(RefusalOf(ProposeOutcome::kStopping).reason, ERROR_REASON_STOPPING);
  EXPECT_EQ(RefusalOf(ReadOutcome::kNoQuorum).reason, ERROR_REASON_NO_QUORUM);
  EXPECT_EQ(RefusalOf(ReadOutcome::kOverloaded).reason,
            ERROR_REASON_OVERLOADED);
  EXPECT_EQ(RefusalOf(ReadOutcome::kTimedOut).reason, ERROR_REASON_OVERLOADED);
  EXPECT_EQ(RefusalOf(ReadOutcome::kStopping).reason, ERROR_REASON_STOPPING);
}

TEST(StatusTranslationTest, StaysSmallWhateverComesIn) {
  Refusal refusal = {.reason = type::v1::ERROR_REASON_BAD_REQUEST};
  // Two bytes a character, so that a cut in the wrong place breaks one.
  std::string text = "x";
  for (int i = 0; i < 100'000; ++i)
    text += "\xc3\xa9";
  for (int i = 0; i < 100; ++i) {
    refusal.metadata.emplace_back("key" + std::to_string(i), text);
    refusal.fields.push_back({text, text});
  }
  const grpc::Status status = ToGrpcStatus(refusal);
  EXPECT_LT(status.error_message().size(), 500U);
  EXPECT_LE(status.error_details().size(), kMaxDetailBytes);
  const google::rpc::Status details = DetailsOf(status);
  EXPECT_EQ(Find<google::rpc::ErrorInfo>(details).size(), 1U);
  refusal.reason = type::v1::ERROR_REASON_POOL_EXHAUSTED;
  refusal.metadata.emplace_back("feature", text);
  EXPECT_LE(ToGrpcStatus(refusal).error_details().size(), kMaxDetailBytes);
}

}  // namespace
}  // namespace quorate::server
