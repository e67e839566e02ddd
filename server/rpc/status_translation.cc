#include "server/rpc/status_translation.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

#include "base/check.h"
#include "server/rpc/reason_rows.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using type::v1::ErrorReason;

const std::string* FindFact(const Refusal& refusal, absl::string_view key) {
  for (const auto& [each, value] : refusal.metadata) {
    if (each == key) return &value;
  }
  return nullptr;
}

// The sentence with its facts; empty where one is missing.
std::string FillSentence(absl::string_view sentence, const Refusal& refusal) {
  std::string filled;
  while (true) {
    const size_t open = sentence.find('{');
    absl::StrAppend(&filled, sentence.substr(0, open));
    if (open == absl::string_view::npos) return filled;
    const size_t close = sentence.find('}', open);
    QUORATE_CHECK(close != absl::string_view::npos);
    const std::string* fact =
        FindFact(refusal, sentence.substr(open + 1, close - open - 1));
    if (fact == nullptr) return "";
    absl::StrAppend(&filled, *fact);
    sentence.remove_prefix(close + 1);
  }
}

// Seats that are in use are what engineers ask about most, so the plain case
// gets the plain words.
std::string ExhaustedSentence(const Refusal& refusal) {
  const std::string* feature = FindFact(refusal, "feature");
  const std::string* total = FindFact(refusal, "total");
  const std::string* out = FindFact(refusal, "out");
  if (feature == nullptr || total == nullptr || out == nullptr) return "";
  const std::string* waiting = FindFact(refusal, "waiting");
  if (waiting != nullptr) {
    return absl::StrCat("the free seats of ", *feature, " are kept for ",
                        *waiting, " checkouts that wait for them");
  }
  if (*out != *total) return "";
  return absl::StrCat("all ", *total, " seats of ", *feature, " are in use");
}

// Facts and sentences come in part from requests; these bounds, far above what
// the ledger gives, keep a status small.
constexpr size_t kMaxFacts = 16;
constexpr size_t kMaxFactBytes = 100;
constexpr size_t kMaxFaults = 8;
constexpr size_t kMaxMessageBytes = 400;

std::string Cut(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  // Not in the middle of a character of several bytes: string fields of
  // protobuf must be UTF-8.
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80)
    --limit;
  return absl::StrCat(text.substr(0, limit), "…");
}

void AddRetry(const Refusal& refusal, google::rpc::Status* status) {
  if (!refusal.retry_delay.has_value()) return;
  google::rpc::RetryInfo retry;
  const int64_t ms = absl::ToInt64Milliseconds(*refusal.retry_delay);
  retry.mutable_retry_delay()->set_seconds(ms / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int>(ms % 1000) *
                                         1'000'000);
  status->add_details()->PackFrom(retry);
}

void AddFaults(const Refusal& refusal, google::rpc::Status* status) {
  if (refusal.fields.empty()) return;
  google::rpc::BadRequest faults;
  for (size_t i = 0; i < std::min(refusal.fields.size(), kMaxFaults); ++i) {
    auto* fault = faults.add_field_violations();
    fault->set_field(Cut(refusal.fields[i].field, kMaxFactBytes));
    fault->set_description(
        Cut(refusal.fields[i].description, kMaxMessageBytes / 2));
  }
  status->add_details()->PackFrom(faults);
}

// What the refusal is about, as a path: "features/cad".
std::string SubjectOf(const Refusal& refusal) {
  if (const std::string* feature = FindFact(refusal, "feature")) {
    return absl::StrCat("features/", Cut(*feature, kMaxFactBytes));
  }
  if (const std::string* license = FindFact(refusal, "license")) {
    return Cut(*license, kMaxFactBytes);
  }
  if (const std::string* member = FindFact(refusal, "member")) {
    return absl::StrCat("members/", Cut(*member, kMaxFactBytes));
  }
  if (const std::string* limit = FindFact(refusal, "limit")) {
    return Cut(*limit, kMaxFactBytes);
  }
  return "";
}

void AddQuota(const Refusal& refusal, const std::string& message,
              google::rpc::Status* status) {
  google::rpc::QuotaFailure quota;
  auto* violation = quota.add_violations();
  violation->set_subject(SubjectOf(refusal));
  violation->set_description(message);
  status->add_details()->PackFrom(quota);
}

void AddPrecondition(const Refusal& refusal, const std::string& message,
                     google::rpc::Status* status) {
  google::rpc::PreconditionFailure failure;
  auto* violation = failure.add_violations();
  violation->set_type(std::string(ReasonName(refusal.reason)));
  violation->set_subject(SubjectOf(refusal));
  violation->set_description(message);
  status->add_details()->PackFrom(failure);
}

void AddReason(const Refusal& refusal, google::rpc::Status* status) {
  google::rpc::ErrorInfo reason;
  reason.set_reason(std::string(ReasonName(refusal.reason)));
  reason.set_domain("quorate");
  for (size_t i = 0; i < std::min(refusal.metadata.size(), kMaxFacts); ++i) {
    (*reason.mutable_metadata())[refusal.metadata[i].first] =
        Cut(refusal.metadata[i].second, kMaxFactBytes);
  }
  status->add_details()->PackFrom(reason);
}

// The ledger's facts in the words of the public API: names of resources, and
// times as people and JSON write them.
std::pair<std::string, std::string> PublicFact(const std::string& key,
                                               const std::string& value) {
  constexpr struct {
    absl::string_view key;
    absl::string_view public_key;
  } kTimes[] = {{"starts_ms", "start_time"},
                {"ended_ms", "end_time"},
                {"next_ms", "next_time"},
                {"released_ms", "release_time"},
                {"maintenance_end_ms", "maintenance_end_time"},
                {"until_ms", "until_time"},
                {"latest_ms", "latest_time"}};

  if (key == "session") return {key, absl::StrCat("sessions/", value)};
  if (key == "license") return {key, absl::StrCat("licenses/", value)};
  for (const auto& time : kTimes) {
    int64_t ms = 0;
    if (key != time.key || !absl::SimpleAtoi(value, &ms)) continue;
    return {std::string(time.public_key),
            absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms),
                             absl::UTCTimeZone())};
  }
  return {key, value};
}

// A field of the command by the name that it has in the request.
FieldFault FaultOf(const licensing::LedgerAnswer& answer) {
  constexpr struct {
    absl::string_view field;
    absl::string_view public_field;
  } kFields[] = {{"seat_handles", "seats"}, {"description", "client"},
                 {"ttl_ms", "ttl"},         {"wait_ms", "wait"},
                 {"until_ms", "until"},     {"span_ms", "span"},
                 {"hold_ms", "hold"},       {"cool_down_ms", "cool_down"}};

  FieldFault fault = {.field = "request", .description = "is not valid"};
  for (const auto& [key, value] : answer.metadata) {
    if (key == "field") fault.field = value;
    if (key == "problem") fault.description = value;
  }
  for (const auto& each : kFields) {
    if (fault.field == each.field) fault.field = std::string(each.public_field);
  }
  return fault;
}

}  // namespace

absl::string_view ReasonName(ErrorReason reason) {
  return absl::StripPrefix(type::v1::ErrorReason_Name(reason), "ERROR_REASON_");
}

StatusCode CodeOfReason(ErrorReason reason) {
  const ReasonRow* row = FindRow(reason);
  return row == nullptr ? StatusCode::INTERNAL : row->code;
}

bool MayRetry(ErrorReason reason) {
  const ReasonRow* row = FindRow(reason);
  return row != nullptr && row->extra == Extra::kRetry;
}

std::string MessageOf(const Refusal& refusal) {
  if (!refusal.message.empty()) return refusal.message;
  if (!refusal.fields.empty()) {
    return absl::StrCat(refusal.fields.front().field, ": ",
                        refusal.fields.front().description);
  }
  std::string sentence;
  if (refusal.reason == type::v1::ERROR_REASON_POOL_EXHAUSTED) {
    sentence = ExhaustedSentence(refusal);
  }
  const ReasonRow* row = FindRow(refusal.reason);
  if (row == nullptr)
    return "refused for a reason that this member is too old to know";
  if (FindFact(refusal, "rule") != nullptr) {
    sentence = FillSentence(SentenceByRule(refusal.reason), refusal);
  }
  if (sentence.empty()) sentence = FillSentence(row->sentence, refusal);
  if (sentence.empty()) sentence = std::string(row->plain);
  if (const std::string* rule = FindFact(refusal, "calls_back")) {
    absl::StrAppend(&sentence,
                    "; waiting for one calls lent seats back (rule \"", *rule,
                    "\")");
  }
  return sentence;
}

grpc::Status ToGrpcStatus(const Refusal& refusal) {
  const StatusCode code = CodeOfReason(refusal.reason);
  google::rpc::Status status;
  status.set_code(static_cast<int>(code));
  status.set_message(Cut(MessageOf(refusal), kMaxMessageBytes));
  AddReason(refusal, &status);
  AddRetry(refusal, &status);
  AddFaults(refusal, &status);
  const ReasonRow* row = FindRow(refusal.reason);
  if (row != nullptr && row->extra == Extra::kQuota) {
    AddQuota(refusal, status.message(), &status);
  }
  if (row != nullptr && row->extra == Extra::kPrecondition) {
    AddPrecondition(refusal, status.message(), &status);
  }
  // ErrorInfo comes first and is small; what does not fit is left out.
  while (status.ByteSizeLong() > kMaxDetailBytes && status.details_size() > 1) {
    status.mutable_details()->RemoveLast();
  }
  return {code, status.message(), status.SerializeAsString()};
}

Refusal RefusalOf(const licensing::LedgerAnswer& answer) {
  Refusal refusal = {.reason = answer.reason};
  if (answer.reason == type::v1::ERROR_REASON_BAD_REQUEST) {
    refusal.fields.push_back(FaultOf(answer));
    return refusal;
  }
  refusal.metadata.reserve(answer.metadata.size());
  for (const auto& [key, value] : answer.metadata) {
    refusal.metadata.push_back(PublicFact(key, value));
  }
  return refusal;
}

Refusal RefusalOf(replication::ProposeOutcome outcome) {
  using enum replication::ProposeOutcome;
  switch (outcome) {
    case kNoQuorum:
      return {.reason = type::v1::ERROR_REASON_NO_QUORUM};
    case kOverloaded:
      return {.reason = type::v1::ERROR_REASON_OVERLOADED};
    case kStopping:
      return {.reason = type::v1::ERROR_REASON_STOPPING};
    case kApplied:
    case kUnknown:
      break;
  }
  return {.reason = type::v1::ERROR_REASON_OUTCOME_UNKNOWN};
}

Refusal RefusalOf(replication::ReadOutcome outcome) {
  using enum replication::ReadOutcome;
  switch (outcome) {
    case kOverloaded:
      return {.reason = type::v1::ERROR_REASON_OVERLOADED};
    case kStopping:
      return {.reason = type::v1::ERROR_REASON_STOPPING};
    case kTimedOut:
      return {.reason = type::v1::ERROR_REASON_OVERLOADED,
              .message = "this member has not caught up in time"};
    case kOk:
    case kNoQuorum:
      break;
  }
  return {.reason = type::v1::ERROR_REASON_NO_QUORUM};
}

Refusal RefusalOfChange(const absl::Status& done, ErrorReason unmet) {
  switch (done.code()) {
    case absl::StatusCode::kInvalidArgument:
      return {.reason = type::v1::ERROR_REASON_BAD_REQUEST,
              .message = std::string(done.message())};
    case absl::StatusCode::kFailedPrecondition:
      return {.reason = unmet, .message = std::string(done.message())};
    case absl::StatusCode::kAborted:
      return {.reason = type::v1::ERROR_REASON_CHANGE_UNDER_WAY};
    case absl::StatusCode::kUnavailable:
      return {.reason = type::v1::ERROR_REASON_NO_QUORUM};
    case absl::StatusCode::kCancelled:
      return {.reason = type::v1::ERROR_REASON_STOPPING};
    default:
      return {.reason = type::v1::ERROR_REASON_OUTCOME_UNKNOWN};
  }
}

}  // namespace quorate::server
