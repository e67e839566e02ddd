#include "tools/quorate/seat_holding.h"

#include <algorithm>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/status.h"
#include "client/error.h"
#include "tools/quorate/cluster.h"
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

SeatHolding::Acquired SeatHolding::Acquire(
    const ClientOptions& options, const SeatWish& wish, Signals* signals,
    std::function<void(LossReason)> on_lost) {
  Acquired result;
  auto ttl = ParsePositiveDuration("--ttl", wish.ttl);
  if (!ttl.ok()) {
    result.holding = ttl.status();
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
    status = holding->Take(wish, *ttl, std::move(on_lost), interrupted);
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

absl::Status SeatHolding::Take(const SeatWish& wish, absl::Duration ttl,
                               std::function<void(LossReason)> on_lost,
                               const std::atomic<bool>& interrupted) {
  QUORATE_ASSIGN_OR_RETURN(
      session_, client_->OpenSession({.application = wish.application,
                                      .ttl = ttl,
                                      .on_lost = std::move(on_lost)}));
  if (interrupted) return absl::CancelledError("interrupted");
  QUORATE_ASSIGN_OR_RETURN(seat_, session_->Checkout(wish.feature, wish.count));
  return absl::OkStatus();
}

absl::Status SeatHolding::Return() {
  absl::Status status = seat_.Return();
  if (status.ok()) session_->Close().IgnoreError();
  return status;
}

int FailCheckout(const Invocation& invocation, const ClientOptions& options,
                 const std::string& feature, const absl::Status& status) {
  const int exit_code = Fail(invocation, status);
  if (ReasonOf(status) != ErrorReason::kPoolExhausted) return exit_code;
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
