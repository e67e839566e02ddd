#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/clock.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"
#include "tools/quorate/seat_holding.h"
#include "tools/quorate/signals.h"

namespace quorate::cli {
namespace {

struct CheckoutFlags {
  SeatWish wish{.application = "quorate checkout"};
  std::string hold;  // Empty: return the seat at once.
};

void PrintGrant(const Invocation& invocation, const SeatHolding& holding) {
  const Seat& seat = holding.seat();
  if (invocation.output == OutputFormat::kJson) {
    checkout::v1::CheckoutResponse response;
    checkout::v1::Seat* granted = response.add_seats();
    granted->set_handle(seat.handle());
    granted->set_feature(seat.feature());
    granted->set_count(seat.count());
    const int64_t seconds = absl::ToUnixSeconds(seat.grant_time());
    granted->mutable_grant_time()->set_seconds(seconds);
    PrintJson(response, std::cout);
    return;
  }
  Table table({"SEAT", "FEATURE", "COUNT", "SESSION"});
  table.AddRow({absl::StrCat(seat.handle()), seat.feature(),
                absl::StrCat(seat.count()), holding.session()});
  table.Print(std::cout);
}

// Waits until the time is over, a signal asks to end, or the seat is lost.
// True where the seat is still held then.
bool Hold(const SeatHolding& holding, absl::Duration hold, Signals* signals) {
  const Clock& clock = SystemClock();
  const absl::Duration end = clock.SinceBoot() + hold;
  while (holding.seat().IsValid()) {
    const absl::Duration left = end - clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    const auto event = signals->Wait(left);
    if (event.has_value() && Signals::AsksToEnd(event->number)) {
      return holding.seat().IsValid();
    }
  }
  return false;
}

int Run(const Invocation& invocation, const CheckoutFlags& flags) {
  absl::Duration hold;
  if (flags.hold == "forever") {
    hold = absl::InfiniteDuration();
  } else if (!flags.hold.empty()) {
    const auto parsed = ParsePositiveDuration("--hold", flags.hold);
    if (!parsed.ok()) return Fail(invocation, parsed.status());
    hold = *parsed;
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());

  Signals signals(&SystemClock());
  auto acquired = SeatHolding::Acquire(
      *options, flags.wish, &signals, [&signals](LossReason reason) {
        Say(absl::StrCat("the seat is lost: ", Describe(reason)));
        signals.Wake();
      });
  if (acquired.interrupted_by != 0) {
    return kExitSignalBase + acquired.interrupted_by;
  }
  if (!acquired.holding.ok()) {
    return FailCheckout(invocation, *options, flags.wish.feature,
                        acquired.holding.status());
  }
  SeatHolding& holding = **acquired.holding;
  PrintGrant(invocation, holding);
  if (!flags.hold.empty() && !Hold(holding, hold, &signals)) {
    return kExitFailure;
  }
  const absl::Status returned = holding.Return();
  if (!returned.ok()) return Fail(invocation, returned);
  Say(flags.hold.empty()
          ? "returned at once; --hold 5m or --hold forever keeps it"
          : "returned");
  return kExitOk;
}

}  // namespace

void AddCheckoutCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("checkout", "Take a seat of a feature");
  const auto flags = std::make_shared<CheckoutFlags>();  // With the callback.
  command->add_option("FEATURE", flags->wish.feature, "The feature")
      ->required();
  command->add_option("--count", flags->wish.count, "How many units")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--hold", flags->hold,
                   "Keep it for so long: 30s, 5m, forever. Without it, "
                   "the seat is returned at once")
      ->type_name("DURATION");
  command
      ->add_option("--ttl", flags->wish.ttl,
                   "When to lose it if nobody can be reached: 10s to 1h")
      ->type_name("DURATION")
      ->capture_default_str();
  AddWaitFlags(command, &flags->wish);
  AddItemFlags(command, &flags->wish);
  command->footer(
      "Ctrl-C returns the seat (exit 0), or leaves the queue. Exit 6: none is "
      "free, or none\ncame free in time, and stderr says who holds them; exit "
      "1: the seat was lost while\nit was held.\n\n"
      "Example: quorate checkout cad --wait 10m --hold 5m");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
