// The one place where a refusal becomes a gRPC status.
//
// Every refusal has a reason out of one closed list (error_reason.proto); here
// it gets its code, its sentence and its typed details. docs/errors.md is the
// same table for people.

#ifndef QUORATE_SERVER_RPC_STATUS_TRANSLATION_H_
#define QUORATE_SERVER_RPC_STATUS_TRANSLATION_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

#include "quorate/type/v1/error_reason.pb.h"

#include "replication/node/node.h"
#include "server/licensing/ledger.h"

namespace quorate::server {

// One field of a request that is wrong, by its path ("client.user").
struct FieldFault {
  std::string field;
  std::string description;
};

// Why a request was not done.
struct Refusal {
  type::v1::ErrorReason reason = type::v1::ERROR_REASON_UNSPECIFIED;
  std::vector<std::pair<std::string, std::string>> metadata;

  // Where set, in place of the sentence that the reason gives.
  std::string message;

  std::vector<FieldFault> fields;             // BAD_REQUEST.
  std::optional<absl::Duration> retry_delay;  // What may be tried again.
};

// "POOL_EXHAUSTED" for ERROR_REASON_POOL_EXHAUSTED.
absl::string_view ReasonName(type::v1::ErrorReason reason);

// The code that a reason comes with. INTERNAL for values out of the list, which
// a newer member may have put into the log.
grpc::StatusCode CodeOfReason(type::v1::ErrorReason reason);

// True where the same request may be sent again as it is.
bool MayRetry(type::v1::ErrorReason reason);

// What a person reads: "all 20 seats of cad are in use".
std::string MessageOf(const Refusal& refusal);

// The status with google.rpc.Status in its details: always ErrorInfo, then
// what helps. The details stay below kMaxDetailBytes, by leaving out what is
// long: clients accept 8 KiB of trailers.
inline constexpr size_t kMaxDetailBytes = 4 * 1024;
grpc::Status ToGrpcStatus(const Refusal& refusal);

// A refusal of the ledger.
Refusal RefusalOf(const licensing::LedgerAnswer& answer);

// How a proposal or a read ended that was not applied; never for kApplied and
// kOk.
Refusal RefusalOf(replication::ProposeOutcome outcome);
Refusal RefusalOf(replication::ReadOutcome outcome);

// How a change of the members ended that was not made (replication::ChangeDone;
// never OK). `unmet` is the reason where things do not stand so that it could
// be made; the sentence is the leader's.
Refusal RefusalOfChange(const absl::Status& done, type::v1::ErrorReason unmet);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_STATUS_TRANSLATION_H_
