#include "server/rpc/status_translation.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

#include "base/check.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using type::v1::ErrorReason;

// What helps a client beside ErrorInfo.
enum class Extra { kNothing, kRetry, kFields, kQuota, kPrecondition };

struct ReasonRow {
  ErrorReason reason;
  StatusCode code;
  Extra extra;
  // The sentence; {key} stands for the metadata of that key.
  absl::string_view sentence;
  // In place of it where a key of the sentence is missing.
  absl::string_view plain;
};

constexpr ReasonRow kReasons[] = {
    {type::v1::ERROR_REASON_NO_QUORUM, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "too few members agree at the moment; nothing was done"},
    {type::v1::ERROR_REASON_OUTCOME_UNKNOWN, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "the outcome is not known yet; ask again with the same request_id"},
    {type::v1::ERROR_REASON_OVERLOADED, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "this member has too much to do; nothing was done"},
    {type::v1::ERROR_REASON_STOPPING, StatusCode::UNAVAILABLE, Extra::kRetry,
     "", "this member is stopping; ask another one, with the same request_id"},
    {type::v1::ERROR_REASON_BAD_REQUEST, StatusCode::INVALID_ARGUMENT,
     Extra::kFields, "", "the request is not valid"},
    {type::v1::ERROR_REASON_REQUEST_ID_REUSED, StatusCode::ABORTED,
     Extra::kNothing, "",
     "this request_id was used for another request before; take a new one"},
    {type::v1::ERROR_REASON_REQUEST_EXPIRED, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "the attempt was under way for too long and had no effect; ask again "
     "with the same request_id"},
    {type::v1::ERROR_REASON_SESSION_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "there is no session {session} (any more)",
     "the session is not there (any more)"},
    {type::v1::ERROR_REASON_SESSION_NOT_YOURS, StatusCode::PERMISSION_DENIED,
     Extra::kNothing, "{session} was opened with another client certificate",
     "the session was opened with another client certificate"},
    {type::v1::ERROR_REASON_SEAT_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "the session holds no seat {seat}",
     "the session does not hold one of these seats"},
    {type::v1::ERROR_REASON_FEATURE_UNKNOWN, StatusCode::NOT_FOUND,
     Extra::kNothing, "no installed licence has a feature {feature}",
     "no installed licence has one of these features"},
    {type::v1::ERROR_REASON_POOL_EXHAUSTED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} seats of {feature} asked for, but {out} of {total} are in use",
     "too few seats are free now"},
    {type::v1::ERROR_REASON_COUNT_OVER_TOTAL, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{asked} seats of {feature} asked for, but there are only {total} in all",
     "more seats were asked for than there are"},
    {type::v1::ERROR_REASON_LICENSE_EXPIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "the licence of {feature} ended at {end_time}",
     "the licence has ended"},
    {type::v1::ERROR_REASON_LICENSE_NOT_STARTED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the licence of {feature} begins at {start_time}",
     "the licence has not begun yet"},
    {type::v1::ERROR_REASON_VERSION_NOT_COVERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "the licence of {feature} covers versions up to {version_max}, not "
     "'{version}'",
     "the licence covers older versions only"},
    {type::v1::ERROR_REASON_RELEASE_NOT_COVERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "maintenance of {feature} ended at {maintenance_end_time}, and the "
     "application was released at {release_time}",
     "maintenance ended, and the application does not say when it was "
     "released"},
    {type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "no licence of {feature} has {attribute}",
     "no licence of the feature has this attribute"},
    {type::v1::ERROR_REASON_HOST_NOT_COVERED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "the licence of {feature} is not for host {host}",
     "the licence is for other hosts"},
    {type::v1::ERROR_REASON_LICENSE_FOREIGN, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "{license} was issued for another cluster; this one is {cluster_id}, "
     "epoch {cluster_epoch}",
     "the licence was issued for another cluster"},
    {type::v1::ERROR_REASON_SERIAL_ROLLBACK, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "serial {serial} of {license} is older than serial {installed_serial}, "
     "which is installed",
     "a newer serial of the licence is installed"},
    {type::v1::ERROR_REASON_SERIAL_FORK, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "another document with serial {serial} of {license} is installed",
     "another document with the same serial of the licence is installed"},
    {type::v1::ERROR_REASON_LICENSE_INVALID, StatusCode::INVALID_ARGUMENT,
     Extra::kFields, "", "the licence file cannot be trusted"},
    {type::v1::ERROR_REASON_LIMIT_REACHED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota, "the limit of {max} {limit} is reached",
     "a limit of the cluster is reached"},
    {type::v1::ERROR_REASON_LICENSE_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "{license} is not installed",
     "no such licence is installed"},
    {type::v1::ERROR_REASON_POLICY_DENIED, StatusCode::PERMISSION_DENIED,
     Extra::kNothing,
     "rule \"{rule}\" of the policy (version {policy_version}) denies "
     "{feature}",
     "the policy allows this feature only to others; `quorate explain` says to "
     "whom"},
    {type::v1::ERROR_REASON_POLICY_LIMIT, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} of {feature} asked for, but rule \"{rule}\" of the policy limits "
     "to {units}, of which {used} are out",
     "a rule of the policy limits how much is out at a time"},
    {type::v1::ERROR_REASON_SEATS_RESERVED, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kQuota,
     "{asked} of {feature} asked for; {out} of {total} are in use and "
     "{reserved} kept for others, most by rule \"{rule}\" of the policy",
     "what is free is reserved for others"},
    {type::v1::ERROR_REASON_POLICY_CHANGED, StatusCode::ABORTED,
     Extra::kNothing,
     "the policy was changed meanwhile: version {policy_version} is in force, "
     "not {base_version}",
     "the policy was changed meanwhile"},
    {type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "version {policy_version} of the policy is not kept",
     "there is no such version of the policy"},
    {type::v1::ERROR_REASON_DISK_FULL, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kRetry,
     "the disk of {member}, which leads, is nearly full: nothing new is begun; "
     "seats can be given back and renewed",
     "the leader's disk is nearly full: nothing new is begun; seats can be "
     "given back and renewed"},
    {type::v1::ERROR_REASON_UNAUTHENTICATED, StatusCode::UNAUTHENTICATED,
     Extra::kNothing, "",
     "the connection carries no client identity of this cluster"},
    {type::v1::ERROR_REASON_CHANGE_UNDER_WAY, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "another change of the members is under way; nothing was done"},
    {type::v1::ERROR_REASON_MEMBER_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "there is no member {member}", "there is no such member"},
    {type::v1::ERROR_REASON_MEMBER_EXISTS, StatusCode::ALREADY_EXISTS,
     Extra::kNothing, "{member} has the same {same}",
     "name, id or address are another member's"},
    {type::v1::ERROR_REASON_MEMBER_BEHIND, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "{member} has not caught up yet",
     "the member has not caught up yet"},
    {type::v1::ERROR_REASON_QUORUM_WOULD_BE_LOST,
     StatusCode::FAILED_PRECONDITION, Extra::kPrecondition,
     "without {member}, the voters that answer would be no majority",
     "the voters that answer would be no majority"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_INVALID, StatusCode::PERMISSION_DENIED,
     Extra::kNothing, "",
     "there is no such join token, or it is for another name"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_EXPIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "the join token's time is over; make another one"},
    {type::v1::ERROR_REASON_JOIN_TOKEN_USED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "another machine has used the join token; make another one"},
    {type::v1::ERROR_REASON_JOIN_NOT_SERVED, StatusCode::UNAVAILABLE,
     Extra::kRetry, "",
     "this member has no join port ([listen] join in its configuration)"},
    {type::v1::ERROR_REASON_CLOCKS_BEYOND, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition, "",
     "the clocks of a majority show more than was accepted"},
    {type::v1::ERROR_REASON_RESTORED_ON_HOLD, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "restored from a backup of epoch {old_epoch}: no seat is granted for "
     "{seconds_left} s yet, until the old cluster's leases have ended",
     "this cluster was restored from a backup and is on hold; an administrator "
     "lets it serve by `quorate restore release`"},
    {type::v1::ERROR_REASON_CLUSTER_RETIRED, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "this cluster was retired by {retired_by}: epoch {retired_for_epoch}, "
     "restored from its backup, serves in its place",
     "this cluster was retired for one restored from its backup"},
    {type::v1::ERROR_REASON_WAIT_TIMED_OUT, StatusCode::RESOURCE_EXHAUSTED,
     Extra::kNothing, "", "the wait is over, and no seat came free for it"},
    {type::v1::ERROR_REASON_WAIT_CANCELLED, StatusCode::ABORTED,
     Extra::kNothing, "", "the checkout was taken back while it waited"},
    {type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND, StatusCode::NOT_FOUND,
     Extra::kNothing, "", "no checkout of this request_id waits"},
    {type::v1::ERROR_REASON_SESSION_TERMINATED, StatusCode::NOT_FOUND,
     Extra::kNothing, "{session} was terminated by {terminated_by}: {why}",
     "the session was terminated by an administrator"},
    {type::v1::ERROR_REASON_COOLING_DOWN, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "a session of yours that used {feature} was terminated; it can be had "
     "again in {seconds_left} s",
     "a session of this client was terminated a short time ago"},
    {type::v1::ERROR_REASON_EPOCH_MISMATCH, StatusCode::FAILED_PRECONDITION,
     Extra::kPrecondition,
     "epoch {epoch} is not the one that this cluster, of epoch "
     "{cluster_epoch}, can do this for",
     "another epoch of the cluster is meant"},
};

const ReasonRow* FindRow(ErrorReason reason) {
  const auto* row = std::find_if(
      std::begin(kReasons), std::end(kReasons),
      [reason](const ReasonRow& each) { return each.reason == reason; });
  return row == std::end(kReasons) ? nullptr : row;
}

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
                {"released_ms", "release_time"},
                {"maintenance_end_ms", "maintenance_end_time"}};

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
  } kFields[] = {{"seat_handles", "seats"},
                 {"description", "client"},
                 {"ttl_ms", "ttl"},
                 {"wait_ms", "wait"},
                 {"cool_down_ms", "cool_down"}};

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
  if (sentence.empty()) sentence = FillSentence(row->sentence, refusal);
  return sentence.empty() ? std::string(row->plain) : sentence;
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
