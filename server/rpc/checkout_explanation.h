// Why a checkout is granted, or is not.

#ifndef QUORATE_SERVER_RPC_CHECKOUT_EXPLANATION_H_
#define QUORATE_SERVER_RPC_CHECKOUT_EXPLANATION_H_

#include <cstdint>
#include <string>

#include "quorate/monitoring/v1/monitoring.pb.h"

#include "server/licensing/ledger.h"
#include "server/policy/compiled_policy.h"
#include "server/policy/decision.h"

namespace quorate::server {

// A checkout that nobody makes.
struct ImaginedCheckout {
  policy::Subject subject;
  std::string feature;
  uint64_t count = 1;
  int64_t calendar_ms = 0;  // 0: now.
};

// Writes all of the explanation but its header.
void WriteExplanation(const licensing::Ledger& ledger,
                      const ImaginedCheckout& checkout,
                      monitoring::v1::ExplainCheckoutResponse* explanation);

// The reason that such a verdict is refused with; 0 where it is granted.
type::v1::ErrorReason ReasonOf(policy::Verdict verdict);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CHECKOUT_EXPLANATION_H_
