// Seats that become seats of more units, in the pools that they are of.

#ifndef QUORATE_SERVER_LICENSING_SEAT_GROWTH_H_
#define QUORATE_SERVER_LICENSING_SEAT_GROWTH_H_

#include <optional>

#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"
#include "server/licensing/pools.h"

namespace quorate::licensing {

// Why a seat that is not out at the moment, and was out as `before`, cannot be
// out with more units, in the pools that it names; nothing where it can.
std::optional<LedgerAnswer> RefuseGrowth(const internal::v1::SeatRecord& before,
                                         const internal::v1::SeatRecord& seat,
                                         const Pools& pools);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_SEAT_GROWTH_H_
