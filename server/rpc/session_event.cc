#include "server/rpc/session_event.h"

#include "server/rpc/queue_place.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {

void DescribeEvent(const licensing::LedgerEvent& event,
                   checkout::v1::SessionEvent* news) {
  news->set_session(SessionName(event.session_id));
  switch (event.kind) {
    case licensing::LedgerEvent::Kind::kQueueGranted: {
      checkout::v1::QueueGranted* granted = news->mutable_queue_granted();
      granted->set_request_id(event.request_id);
      for (const internal::v1::SeatRecord& seat : event.seats) {
        DescribeSeat(seat, granted->add_seats());
      }
      break;
    }
    case licensing::LedgerEvent::Kind::kTerminated:
      news->mutable_terminated()->set_reason(event.reason);
      news->mutable_terminated()->set_terminated_by(event.by);
      break;
    case licensing::LedgerEvent::Kind::kSeatReleased:
      DescribeSeat(event.seats.front(),
                   news->mutable_seat_released()->mutable_seat());
      news->mutable_seat_released()->set_reason(event.reason);
      news->mutable_seat_released()->set_released_by(event.by);
      break;
    case licensing::LedgerEvent::Kind::kSeatIdle:
      DescribeSeat(event.seats.front(),
                   news->mutable_seat_idle()->mutable_seat());
      SetDuration(absl::Milliseconds(event.left_ms),
                  news->mutable_seat_idle()->mutable_left());
      news->mutable_seat_idle()->set_rule(event.by);
      break;
    case licensing::LedgerEvent::Kind::kSeatCalledBack:
      SetDuration(absl::Milliseconds(event.left_ms),
                  news->mutable_seat_called_back()->mutable_left());
      [[fallthrough]];
    case licensing::LedgerEvent::Kind::kSeatKept:
      DescribeSeat(event.seats.front(),
                   news->mutable_seat_called_back()->mutable_seat());
      news->mutable_seat_called_back()->set_rule(event.by);
      break;
  }
}

}  // namespace quorate::server
