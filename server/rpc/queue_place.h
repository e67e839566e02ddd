// Places in the queue, and seats, in the words of the public API.

#ifndef QUORATE_SERVER_RPC_QUEUE_PLACE_H_
#define QUORATE_SERVER_RPC_QUEUE_PLACE_H_

#include <cstdint>

#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"
#include "server/rpc/response_header.h"

namespace quorate::server {

inline void DescribePlace(uint64_t number,
                          const licensing::QueuePosition& position,
                          checkout::v1::QueuePlace* place) {
  place->set_number(number);
  place->set_position(position.number);
  if (position.expected_wait_ms > 0) {
    SetDuration(absl::Milliseconds(position.expected_wait_ms),
                place->mutable_expected_wait());
  }
}

inline void DescribeSeat(const internal::v1::SeatRecord& from,
                         checkout::v1::Seat* seat) {
  seat->set_handle(from.handle());
  seat->set_feature(from.feature());
  seat->set_count(from.count());
  SetTimestamp(from.granted_calendar_ms(), seat->mutable_grant_time());
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_QUEUE_PLACE_H_
