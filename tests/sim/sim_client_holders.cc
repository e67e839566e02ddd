// What clients of the simulated cluster borrow and book, and what of it they
// check.

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "tests/sim/sim_client.h"
#include "tests/sim/sim_licenses.h"

namespace quorate::sim {

using licensing::LedgerAnswer;
using type::v1::ErrorReason;

namespace {

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

std::string ReasonOf(const LedgerAnswer& answer) {
  return absl::StrCat("was refused with ", static_cast<int>(answer.reason));
}

}  // namespace

// The machine goes away with it: nobody believes in it any more that can be
// asked, but the seat stays out.
void SimClient::Borrow() {
  auto seat = seats_.begin();
  std::advance(seat, random_.Below(seats_.size()));
  const uint64_t handle = seat->first;
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::Borrow* body = command.mutable_borrow();
  body->set_session_id(session_);
  body->add_seat_handles(handle);
  const int64_t span_ms =
      random_.OneIn(2) ? static_cast<int64_t>(random_.Between(1, 20)) * kDayMs
                       : static_cast<int64_t>(random_.Between(1, 5'000));
  body->set_span_ms(span_ms);
  Ask(std::move(command),
      [this, handle, span_ms, opened = opened_](const LedgerAnswer& answer) {
        if (answer.ok()) {
          if (opened == opened_ && seats_.count(handle) > 0) DropSeat(handle);
          // A repeated answer does not say when the borrow was made.
          const int64_t end_ms = answer.repeated
                                     ? 0
                                     : answer.time.calendar_ms + span_ms +
                                           licensing::kBorrowMarginMs;
          borrowed_[answer.session_id] = {.seat = handle, .end_ms = end_ms};
        }
        Think();
      });
}

void SimClient::ReturnBorrow() {
  auto borrow = borrowed_.begin();
  std::advance(borrow, random_.Below(borrowed_.size()));
  const uint64_t id = borrow->first;
  borrowed_.erase(borrow);
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  if (random_.OneIn(3)) {
    command.mutable_write_off_borrow()->set_session_id(id);
    command.mutable_write_off_borrow()->set_reason("simulated");
  } else {
    command.mutable_return_borrow()->set_session_id(id);
  }
  Ask(std::move(command), [this](const LedgerAnswer& answer) {
    // By then the calendar may have ended it.
    if (!answer.ok() &&
        answer.reason != ErrorReason::ERROR_REASON_BORROW_NOT_FOUND) {
      deps_.checker->Fail("a borrow can be returned",
                          absl::StrCat(principal_, " ", ReasonOf(answer)));
    }
    Think();
  });
}

void SimClient::VerifyBorrows(const licensing::Ledger& ledger,
                              const std::map<uint64_t, Away>& borrowed) {
  for (const auto& [borrow, away] : borrowed) {
    if (borrowed_.count(borrow) == 0) continue;  // Returned meanwhile.
    const auto* const seat = ledger.FindSeat(away.seat);
    if (seat != nullptr && seat->session_id() == borrow) continue;
    borrowed_.erase(borrow);
    if (seat == nullptr && ledger.time().calendar_ms >= away.end_ms) continue;
    deps_.checker->Fail(
        "no acknowledged borrow is lost",
        absl::StrCat(principal_, " misses seat ", away.seat, " of ", borrow));
  }
}

void SimClient::Book() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::Book* body = command.mutable_book();
  *body->mutable_description() = description_;
  for (uint64_t items = random_.Between(1, 2); items > 0; --items) {
    internal::v1::CheckoutItem* item = body->add_items();
    item->set_feature(SomeFeature());
    item->set_count(1);
    if (deps_.options->conditions_per_mille > 0) DrawConditions(&random_, item);
  }
  const auto hold_ms = static_cast<int64_t>(random_.Between(1'000, 15'000));
  body->set_hold_ms(hold_ms);
  Ask(command, [this, booked = *body, hold_ms](const LedgerAnswer& answer) {
    // Some jobs never begin.
    if (!answer.ok() || random_.OneIn(4)) return Think();
    // A repeated answer does not say when the booking was made.
    const int64_t kept_ms =
        answer.repeated ? 0 : answer.time.cluster_ms + hold_ms;
    deps_.scheduler->After(
        TimeBelow(&random_, 4 * kSecond),
        [this, booked, kept_ms, booking = answer.session_id] {
          if (session_ == 0 || random_.OneIn(5)) return CancelBooking(booking);
          ConfirmBooking(booked, booking, kept_ms);
        });
  });
}

void SimClient::ConfirmBooking(const internal::v1::Book& booked,
                               uint64_t booking, int64_t kept_ms) {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  command.mutable_confirm_booking()->set_booking_id(booking);
  command.mutable_confirm_booking()->set_session_id(session_);
  Ask(std::move(command), [this, booked, booking, kept_ms,
                           opened = opened_](const LedgerAnswer& answer) {
    if (answer.reason == ErrorReason::ERROR_REASON_BOOKING_NOT_FOUND &&
        answer.time.cluster_ms < kept_ms) {
      deps_.checker->Fail("a booking is kept for its time",
                          absl::StrCat(principal_, " misses ", booking));
    }
    if (answer.ok() && opened == opened_ && session_ != 0) {
      for (int i = 0; i < booked.items_size(); ++i) {
        const uint64_t handle = answer.seat_handles.at(static_cast<size_t>(i));
        if (gone_.count(handle) > 0) continue;
        seats_[handle] = booked.items(i);
        deps_.checker->OnBelief(deps_.checker->beliefs().OnTaken(
            handle, description_, booked.items(i)));
      }
    }
    Think();
  });
}

void SimClient::CancelBooking(uint64_t booking) {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  command.mutable_cancel_booking()->set_booking_id(booking);
  Ask(std::move(command), [this](const LedgerAnswer&) { Think(); });
}

}  // namespace quorate::sim
