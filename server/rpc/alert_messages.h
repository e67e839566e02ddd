// Alerts and their settings, between the API and the log.

#ifndef QUORATE_SERVER_RPC_ALERT_MESSAGES_H_
#define QUORATE_SERVER_RPC_ALERT_MESSAGES_H_

#include <cstdint>

#include "absl/strings/string_view.h"

#include "quorate/admin/v1/alert.pb.h"
#include "quorate/internal/v1/alert.pb.h"

#include "server/rpc/validation.h"

namespace quorate::server {

// With the defaults for what is unset; a fault for each field that cannot be.
internal::v1::AlertSettings CheckAlertSettings(
    const admin::v1::AlertSettings& settings, FieldFaults* faults);

admin::v1::AlertSettings ToPublic(const internal::v1::AlertSettings& settings);

// Mail addresses, as many as there may be recipients.
void CheckAddresses(
    const google::protobuf::RepeatedPtrField<std::string>& addresses,
    FieldFaults* faults);

// The version of the settings that an etag names.
uint64_t CheckAlertEtag(absl::string_view etag, FieldFaults* faults);

void DescribeAlert(const internal::v1::AlertRecord& from,
                   admin::v1::SentAlert* alert);

// The kind of "POOL_USAGE"; unspecified for another word.
internal::v1::AlertKind ParseAlertKind(absl::string_view word);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ALERT_MESSAGES_H_
