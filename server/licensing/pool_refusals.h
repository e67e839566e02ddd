// How a no about pools is said, whoever asks.

#ifndef QUORATE_SERVER_LICENSING_POOL_REFUSALS_H_
#define QUORATE_SERVER_LICENSING_POOL_REFUSALS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "server/licensing/ledger.h"
#include "server/licensing/pools.h"

namespace quorate::licensing {

// Why no pool of the feature is in force; nothing where one is.
std::optional<LedgerAnswer> WhyNoPool(const std::string& feature,
                                      const Pools& pools);

LedgerAnswer RefuseCredits(const std::string& feature, uint64_t total,
                           uint64_t used, uint64_t asked);

// `limit` is the word for what is passed, like "low_water"; `max` units may be
// borrowed, `borrowed` are.
LedgerAnswer RefuseBorrowLimit(const std::string& feature,
                               absl::string_view limit, uint64_t max,
                               uint64_t borrowed, uint64_t asked);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_POOL_REFUSALS_H_
