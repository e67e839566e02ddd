// Which pools serve a request.
//
// The one place that decides whether items could be granted now: a checkout
// asks it, and whoever grants later. Items are served in their order, each
// wholly by the first pool that covers it and has room, the narrower pools
// first (pool_kind.h); no seat is of two pools.

#ifndef QUORATE_SERVER_LICENSING_ALLOTMENT_H_
#define QUORATE_SERVER_LICENSING_ALLOTMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"
#include "server/licensing/pools.h"

namespace quorate::licensing {

// What one item takes.
struct Allotment {
  Pool* pool = nullptr;
  std::string share_group;  // Empty: it counts by itself.

  // Null where it takes no tokens.
  Pool* token_pool = nullptr;
  uint64_t token_units = 0;
  std::string token_share_group;  // As share_group, of the token pool.
};

using Allotments = absl::InlinedVector<Allotment, 2>;

// Its units are tokens where another feature takes them.
bool GivesTokens(const Pool& pool);

// True where what is free of the pool is kept for others.
using IsKept = absl::FunctionRef<bool(const Pool&)>;

inline bool KeptForNobody(const Pool& /*pool*/) {
  return false;
}

using CheckoutItems =
    google::protobuf::RepeatedPtrField<internal::v1::CheckoutItem>;

// The share group of a user's seats where they count as one.
std::string UserGroup(absl::string_view user);

// BAD_REQUEST where an item's fields are out of range; else nothing.
std::optional<LedgerAnswer> CheckItems(const CheckoutItems& items);

// One allotment for each item, for a session of that description; none takes
// units of a pool that is kept. The items are in range. Nothing is taken yet. A
// refusal that waiting does not help goes before one that it may help
// (POOL_EXHAUSTED): else a caller would wait for what he cannot get.
std::optional<LedgerAnswer> Allot(
    const CheckoutItems& items,
    const internal::v1::SessionDescription& description, const Pools& pools,
    IsKept is_kept, Allotments* allotments);

// The pools in force that such an item may take units of and of which there
// may be too few.
std::vector<const Pool*> PoolsFor(
    const internal::v1::CheckoutItem& item,
    const internal::v1::SessionDescription& description, const Pools& pools);

// True where the seat is what a checkout of the item could get: of a pool that
// covers it for that session, as many, and shared alike.
bool FitsInPlace(const internal::v1::SeatRecord& seat,
                 const internal::v1::CheckoutItem& item,
                 const internal::v1::SessionDescription& description,
                 const Pools& pools);

// The seat's part of a record.
void WriteAllotment(const Allotment& allotment,
                    internal::v1::SeatRecord* record);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_ALLOTMENT_H_
