// What each reason of a refusal is told as: code, details and words.

#ifndef QUORATE_SERVER_RPC_REASON_ROWS_H_
#define QUORATE_SERVER_RPC_REASON_ROWS_H_

#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

#include "quorate/type/v1/error_reason.pb.h"

namespace quorate::server {

// What helps a client beside ErrorInfo.
enum class Extra { kNothing, kRetry, kFields, kQuota, kPrecondition };

struct ReasonRow {
  type::v1::ErrorReason reason;
  grpc::StatusCode code;
  Extra extra;
  // The sentence; {key} stands for the metadata of that key.
  absl::string_view sentence;
  // In place of it where a key of the sentence is missing.
  absl::string_view plain;
};

// Null for a reason that is not known.
const ReasonRow* FindRow(type::v1::ErrorReason reason);

// The sentence where it is a rule of the policy that refuses what licences
// refuse, too; empty for other reasons.
absl::string_view SentenceByRule(type::v1::ErrorReason reason);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_REASON_ROWS_H_
