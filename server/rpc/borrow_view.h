// Borrows in the words of the public API.

#ifndef QUORATE_SERVER_RPC_BORROW_VIEW_H_
#define QUORATE_SERVER_RPC_BORROW_VIEW_H_

#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/internal/v1/record.pb.h"
#include "quorate/monitoring/v1/monitoring.pb.h"

#include "server/licensing/limits.h"
#include "server/rpc/client_description.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {

// Without its seats.
inline void DescribeBorrow(const internal::v1::SessionRecord& from,
                           checkout::v1::Borrow* borrow) {
  borrow->set_name(SessionName(from.session_id()));
  SetTimestamp(from.opened_calendar_ms(), borrow->mutable_borrow_time());
  SetTimestamp(from.borrowed_until_ms(), borrow->mutable_until_time());
  SetTimestamp(from.borrowed_until_ms() + licensing::kBorrowMarginMs,
               borrow->mutable_free_time());
}

// The same, with whose it is.
inline void DescribeBorrow(const internal::v1::SessionRecord& from,
                           monitoring::v1::BorrowedSeats* borrow) {
  DescribeBorrow(from, borrow->mutable_borrow());
  DescribeClient(from.description(), borrow->mutable_client());
  borrow->set_principal(from.principal());
}

// The log's numbers are the API's, but for the oldest.
inline monitoring::v1::SessionKind KindOfSession(
    const internal::v1::SessionRecord& from) {
  return from.kind() == internal::v1::SESSION_KIND_UNSPECIFIED
             ? monitoring::v1::SESSION_KIND_APPLICATION
             : static_cast<monitoring::v1::SessionKind>(from.kind());
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_BORROW_VIEW_H_
