// Random borrows and bookings, and what ends them.

#include <algorithm>

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/random_commands.h"

namespace quorate::licensing {

using internal::v1::Command;

void CommandSource::AddBorrowing(internal::v1::FeatureTerms* feature) {
  // Whose minutes run out is not lent.
  if (feature->casual_minutes() > 0) return;
  const auto units = [this] { return static_cast<uint32_t>(random_.Below(5)); };
  if (!random_.OneIn(6)) {
    feature->set_borrow_max_ms(static_cast<int64_t>(
        random_.Below(random_.OneIn(2) ? 50'000 : 2 * kBorrowMarginMs)));
  }
  if (feature->borrow_max_ms() > 0 && random_.OneIn(2)) {
    feature->set_borrow_max_count(static_cast<uint32_t>(random_.Between(1, 6)));
  }
  if (random_.OneIn(3)) feature->set_borrow_low_water(units());
}

uint64_t CommandSource::SomeHolder() {
  if (holders_.empty() || random_.OneIn(15)) return SomeSession();
  const size_t recent = std::min<size_t>(holders_.size(), 4);
  return holders_[holders_.size() - 1 - random_.Below(recent)];
}

Command CommandSource::SomeBorrow() {
  auto span_ms = static_cast<int64_t>(random_.Below(60'000));
  // To the seconds that random policies speak of.
  if (random_.OneIn(2)) span_ms -= span_ms % 1'000;
  Command command = BorrowCommand(SomeSession(), {}, span_ms);
  internal::v1::Borrow* const body = command.mutable_borrow();
  const uint64_t size = random_.OneIn(4) ? 2 : 1;
  for (uint64_t i = 0; i < size && !seats_.empty(); ++i) {
    const size_t recent = std::min<size_t>(seats_.size(), 4);
    const auto& [owner, handle] =
        seats_[seats_.size() - 1 - random_.Below(recent)];
    if (!random_.OneIn(20)) body->set_session_id(owner);
    body->add_seat_handles(handle);
  }
  if (random_.OneIn(4)) {
    body->set_until_ms(SomeTime());
    if (!random_.OneIn(10)) body->clear_span_ms();
  }
  return command;
}

Command CommandSource::SomeBooking() {
  if (!holders_.empty() && random_.OneIn(2)) {
    return ConfirmCommand(SomeHolder(), SomeSession());
  }
  const Command checkout = SomeCheckout();
  Command command =
      BookCommand({}, static_cast<int64_t>(random_.Below(30'000)));
  *command.mutable_book()->mutable_items() = checkout.checkout().items();
  *command.mutable_book()->mutable_description() =
      SomeOpen().open_session().description();
  return command;
}

Command CommandSource::SomeEndOfHolder() {
  switch (random_.Below(4)) {
    case 0:
      return CancelBookingCommand(SomeHolder());
    case 1: {
      Command command = WriteOffCommand(SomeHolder());
      if (random_.OneIn(20)) command.mutable_write_off_borrow()->clear_reason();
      return command;
    }
    default:
      return ReturnCommand(SomeHolder());
  }
}

void CommandSource::SawHolder(const Command& command,
                              const LedgerAnswer& answer) {
  const bool begins = command.has_borrow() || command.has_book();
  if (begins && answer.ok() && !answer.repeated) {
    holders_.push_back(answer.session_id);
  }
  const bool over = answer.ok() ||
                    answer.reason == type::v1::ERROR_REASON_BORROW_NOT_FOUND ||
                    answer.reason == type::v1::ERROR_REASON_BOOKING_NOT_FOUND;
  if (!over || random_.OneIn(8)) return;
  const uint64_t ended = command.return_borrow().session_id() +
                         command.write_off_borrow().session_id() +
                         command.confirm_booking().booking_id() +
                         command.cancel_booking().booking_id();
  std::erase(holders_, ended);
}

}  // namespace quorate::licensing
