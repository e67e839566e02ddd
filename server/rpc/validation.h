// Is a request well formed: the limits that the protos promise, nothing else.
//
// What depends on the state (is there such a session, is a seat free) is the
// ledger's. Limits that the ledger holds too are taken from its header.

#ifndef QUORATE_SERVER_RPC_VALIDATION_H_
#define QUORATE_SERVER_RPC_VALIDATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/type/v1/header.pb.h"

#include "server/licensing/ledger.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// Collects what is wrong with one request. Thread-compatible.
class FieldFaults {
 public:
  void Add(absl::string_view field, absl::string_view description);

  bool empty() const { return faults_.empty(); }

  // BAD_REQUEST with all faults.
  Refusal ToRefusal() &&;

 private:
  std::vector<FieldFault> faults_;
};

// 1 to 64 printable ASCII characters, no space.
void CheckRequestId(absl::string_view request_id, FieldFaults* faults,
                    absl::string_view field = "request_id");

// "sessions/7" to 7; adds a fault and returns 0 for anything else. Zero and
// leading zeros are refused, so that each session has one name.
uint64_t CheckSessionName(absl::string_view name, absl::string_view field,
                          FieldFaults* faults);

// The number of "sessions/7"; nothing for anything else.
std::optional<uint64_t> ParseSessionName(absl::string_view name);
std::string SessionName(uint64_t session_id);

// "licenses/ID" to the ID of 1 to 64 characters [A-Za-z0-9._-].
std::optional<absl::string_view> ParseLicenseName(absl::string_view name);
std::string LicenseName(absl::string_view license_id);

// A feature's name: [A-Za-z0-9_-], 1 to 64 (document.proto).
void CheckFeature(absl::string_view name, absl::string_view field,
                  FieldFaults* faults);

// Strings of at most 256 bytes without control characters; user and host are
// required, the process is not negative.
void CheckClient(const checkout::v1::ClientDescription& client,
                 FieldFaults* faults);

// The TTL in ms: kDefaultTtlMs where unset; a fault outside the limits.
int64_t CheckTtl(const checkout::v1::OpenSessionRequest& request,
                 FieldFaults* faults);

// At most 256 bytes without control characters.
void CheckText(absl::string_view text, absl::string_view field,
               FieldFaults* faults);

// A span of 0 to max_ms, in ms; 0 where unset.
int64_t CheckSpan(const google::protobuf::Duration& span, int64_t max_ms,
                  absl::string_view field, FieldFaults* faults);

// The wait in ms, 0 where unset; and the priority, kDefaultPriority where
// unset.
int64_t CheckWait(const checkout::v1::CheckoutRequest& request,
                  FieldFaults* faults);
inline constexpr uint32_t kDefaultPriority = 5;
uint32_t CheckPriority(const checkout::v1::CheckoutRequest& request,
                       FieldFaults* faults);

void CheckItems(
    const google::protobuf::RepeatedPtrField<checkout::v1::CheckoutItem>& items,
    FieldFaults* faults);

void CheckSeats(const google::protobuf::RepeatedField<uint64_t>& seats,
                FieldFaults* faults);

// AT_LEAST needs an index, and a kind that we know.
void CheckConsistency(const type::v1::Consistency& consistency,
                      FieldFaults* faults);

// Pages of lists: 100 where unset, never more than 1000 (a page is built in one
// go between two batches of the log, so it has to be short).
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;
int CheckPageSize(int page_size, FieldFaults* faults);

// Empty, or the one order that the list has.
void CheckOrderBy(absl::string_view order_by, absl::string_view only,
                  FieldFaults* faults);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_VALIDATION_H_
