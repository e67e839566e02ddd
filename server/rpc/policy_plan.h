// What another policy would change.

#ifndef QUORATE_SERVER_RPC_POLICY_PLAN_H_
#define QUORATE_SERVER_RPC_POLICY_PLAN_H_

#include <cstddef>

#include "quorate/admin/v1/policy.pb.h"

#include "server/licensing/ledger.h"
#include "server/policy/compiled_policy.h"

namespace quorate::server {

// Seats that one plan looks at. The applier does nothing else meanwhile: a few
// microseconds each, so that this stays near a tenth of a second.
inline constexpr size_t kMaxPlanSeats = 50'000;

// Items of each list of a plan: people read them.
inline constexpr int kMaxPlanItems = 100;

// Writes all of the plan but its header.
void WritePlan(const licensing::Ledger& ledger,
               const policy::CompiledPolicy& draft,
               admin::v1::PlanPolicyResponse* plan);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_POLICY_PLAN_H_
