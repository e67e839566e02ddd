#include "tools/quorate/seat_holding.h"

#include <algorithm>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/error.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

// A terminal's worth of holders; `quorate seats FEATURE` shows all.
constexpr int kMaxHoldersShown = 40;

// Who holds the seats is a kindness after the refusal: it must not take long.
constexpr absl::Duration kHoldersDeadline = absl::Seconds(3);

// How often calls are cancelled again after an interruption: one may begin
// between two cancellations.
constexpr absl::Duration kCancelInterval = absl::Milliseconds(100);

void SayPlace(const QueuePlace& place) {
  std::string text = absl::StrCat("waiting: place ", place.number,
                                  ", position ", place.position);
  if (place.expected_wait > absl::ZeroDuration()) {
    absl::StrAppend(
        &text, ", about ",
        absl::FormatDuration(absl::Ceil(place.expected_wait, absl::Seconds(1))),
        " more");
  }
  Say(text);
}

void PrintHolders(const monitoring::v1::ListSeatsResponse& seats) {
  Table table({"USER", "HOST", "APPLICATION", "COUNT", "SINCE", "SESSION"});
  const int shown = std::min(seats.seats_size(), kMaxHoldersShown);
  for (int i = 0; i < shown; ++i) {
    const auto& held = seats.seats(i);
    table.AddRow({held.client().user(), held.client().host(),
                  held.client().application(),
                  absl::StrCat(held.seat().count()),
                  ShowTime(held.seat().grant_time()), held.session()});
  }
  std::cerr << "Held by:\n";
  table.Print(std::cerr, "  ");
  if (shown < seats.seats_size()) {
    std::cerr << "  ... and " << seats.seats_size() - shown << " more\n";
  }
}

}  // namespace

void SayCalledBack(uint64_t seat, absl::Duration left) {
  if (left == absl::InfiniteDuration()) {
    Say(absl::StrCat("seat ", seat, " is not called back any more"));
    return;
  }
  Say(absl::StrCat("seat ", seat,
                   " is called back for whom it is reserved, and is taken away "
                   "in ",
                   absl::FormatDuration(absl::Trunc(left, absl::Seconds(1)))));
}

SeatHolding::Acquired SeatHolding::Acquire(
    const ClientOptions& options, const SeatWish& wish, Signals* signals,
    std::function<void(LossReason)> on_lost) {
  Acquired result;
  const auto terms = ReadTerms(wish);
  if (!terms.ok()) {
    result.holding = terms.status();
    return result;
  }
  auto client = Client::Create(options);
  if (!client.ok()) {
    result.holding = client.status();
    return result;
  }
  std::unique_ptr<SeatHolding> holding(new SeatHolding());
  holding->client_ = *std::move(client);

  std::atomic<bool> interrupted{false};
  std::atomic<bool> done{false};
  absl::Status status;
  std::thread taker([&] {
    status = holding->Take(wish, *terms, std::move(on_lost), interrupted);
    done = true;
    signals->Wake();
  });
  while (!done) {
    const auto event =
        signals->Wait(interrupted ? kCancelInterval : absl::InfiniteDuration());
    if (event.has_value() && Signals::AsksToEnd(event->number)) {
      result.interrupted_by = event->number;
      interrupted = true;
    }
    if (interrupted && !done) holding->client_->CancelCalls();
  }
  taker.join();
  if (interrupted) {
    result.holding = absl::CancelledError("interrupted");
  } else if (!status.ok()) {
    result.holding = status;
  } else {
    result.holding = std::move(holding);
  }
  return result;
}

void AddWaitFlags(CLI::App* command, SeatWish* wish) {
  command
      ->add_option("--wait", wish->wait,
                   "Where none is free, wait in the queue: up to 7 days. "
                   "Ctrl-C leaves it")
      ->type_name("DURATION");
  command
      ->add_option("--priority", wish->priority,
                   "In the queue: 0 to 9, higher is served first")
      ->check(CLI::Range(0, 9))
      ->capture_default_str();
}

void AddItemFlags(CLI::App* command, SeatWish* wish) {
  command
      ->add_option("--version", wish->version,
                   "The application's version, which the licence must cover")
      ->type_name("VERSION");
  command
      ->add_option("--released", wish->released,
                   "When that version was released, like 2026-01-31: needed "
                   "where maintenance of the licence ends")
      ->type_name("DATE");
  command
      ->add_option("--attribute", wish->attributes,
                   "What the seat must have, like region=eu; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--share-key", wish->share_key,
                   "Seats with one key count as one, where the licence lets "
                   "them be shared by key")
      ->type_name("KEY");
}

absl::StatusOr<SeatHolding::Terms> SeatHolding::ReadTerms(
    const SeatWish& wish) {
  Terms terms = {.request = {.feature = wish.feature,
                             .count = wish.count,
                             .version = wish.version,
                             .share_key = wish.share_key}};
  QUORATE_ASSIGN_OR_RETURN(terms.ttl, ParsePositiveDuration("--ttl", wish.ttl));
  if (!wish.wait.empty()) {
    QUORATE_ASSIGN_OR_RETURN(terms.wait,
                             ParsePositiveDuration("--wait", wish.wait));
  }
  std::string problem;
  if (!wish.released.empty() &&
      !absl::ParseTime("%Y-%m-%d", wish.released, absl::UTCTimeZone(),
                       &terms.request.released, &problem)) {
    return absl::InvalidArgumentError("--released must be like 2026-01-31");
  }
  for (const std::string& attribute : wish.attributes) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(attribute, absl::MaxSplits('=', 1));
    const bool added = terms.request.attributes.insert(parts).second;
    if (parts.first.empty() || parts.second.empty() || !added) {
      return absl::InvalidArgumentError(
          "--attribute must be NAME=VALUE, each name once");
    }
  }
  return terms;
}

absl::Status SeatHolding::Take(const SeatWish& wish, const Terms& terms,
                               std::function<void(LossReason)> on_lost,
                               const std::atomic<bool>& interrupted) {
  QUORATE_ASSIGN_OR_RETURN(
      session_, client_->OpenSession({.application = wish.application,
                                      .ttl = terms.ttl,
                                      .on_lost = std::move(on_lost),
                                      .on_seat_called_back = SayCalledBack}));
  if (interrupted) return absl::CancelledError("interrupted");
  if (!wish.booking.empty()) {
    QUORATE_ASSIGN_OR_RETURN(
        rest_, session_->ConfirmBooking(SessionNameOf(wish.booking)));
    if (rest_.empty()) return absl::InternalError("the booking has no seats");
    seat_ = std::move(rest_.front());
    rest_.erase(rest_.begin());
    return absl::OkStatus();
  }
  if (terms.wait > absl::ZeroDuration()) {
    uint64_t told = 0;
    QUORATE_ASSIGN_OR_RETURN(
        seat_,
        session_->CheckoutOrWait(terms.request,
                                 {.wait = terms.wait,
                                  .priority = wish.priority,
                                  .on_place = [&told](const QueuePlace& place) {
                                    if (std::exchange(told, place.position) !=
                                        place.position) {
                                      SayPlace(place);
                                    }
                                  }}));
    return absl::OkStatus();
  }
  QUORATE_ASSIGN_OR_RETURN(seat_, session_->Checkout(terms.request));
  return absl::OkStatus();
}

absl::StatusOr<Borrowed> SeatHolding::Borrow(const BorrowEnd& end) {
  auto borrowed = seat_.Borrow(end);
  if (!borrowed.ok()) seat_.Return().IgnoreError();
  session_->Close().IgnoreError();
  return borrowed;
}

absl::Status SeatHolding::Return() {
  for (Seat& seat : rest_)
    seat.Return().IgnoreError();
  absl::Status status = seat_.Return();
  if (status.ok()) session_->Close().IgnoreError();
  return status;
}

int FailCheckout(const Invocation& invocation, const ClientOptions& options,
                 const std::string& feature, const absl::Status& status) {
  const int exit_code = Fail(invocation, status);
  if (ReasonOf(status) != ErrorReason::kPoolExhausted &&
      ReasonOf(status) != ErrorReason::kWaitTimedOut) {
    return exit_code;
  }
  ClientOptions quick = options;
  quick.deadline = std::min(quick.deadline, kHoldersDeadline);
  const auto seats =
      Cluster(quick).ListSeats({.filter = FilterFor("feature", feature)});
  if (!seats.ok()) {
    Say(absl::StrCat("who holds them is not known: ",
                     seats.status().message()));
  } else if (invocation.output == OutputFormat::kJson) {
    PrintJson(*seats, std::cerr);
  } else {
    PrintHolders(*seats);
  }
  return exit_code;
}

}  // namespace quorate::cli
