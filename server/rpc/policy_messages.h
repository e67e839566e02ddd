// Policies as the public API and as the log know them.

#ifndef QUORATE_SERVER_RPC_POLICY_MESSAGES_H_
#define QUORATE_SERVER_RPC_POLICY_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "quorate/admin/v1/policy.pb.h"
#include "quorate/internal/v1/policy.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/policy_book.h"
#include "server/rpc/validation.h"

namespace quorate::server {

internal::v1::Policy ToInternal(const admin::v1::Policy& policy);
admin::v1::Policy ToPublic(const internal::v1::Policy& policy);

// A version as it is shown; version 0 where the record is null.
void DescribeVersion(const internal::v1::PolicyVersionRecord* record,
                     admin::v1::PolicyVersion* version);

// Of the version in force.
std::string EtagOf(const licensing::PolicyBook& policies);

// The version that an etag names; a fault, and 0, for what is none.
uint64_t CheckEtag(absl::string_view etag, FieldFaults* faults);

// Faults of a policy that must not be put in force.
void CheckPolicyFields(const internal::v1::Policy& policy, FieldFaults* faults);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_POLICY_MESSAGES_H_
