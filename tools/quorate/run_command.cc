#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "tools/quorate/child_process.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/seat_holding.h"
#include "tools/quorate/signals.h"

namespace quorate::cli {
namespace {

int Run(const Invocation& invocation, const SeatWish& wish) {
  if (wish.feature.empty() && wish.booking.empty()) {
    return Fail(invocation, absl::InvalidArgumentError(
                                "say which FEATURE, or which --booking"));
  }
  if (!invocation.command.has_value() || invocation.command->empty()) {
    return Fail(invocation,
                absl::InvalidArgumentError(absl::StrCat(
                    "no command: write it behind \"--\", as in \"quorate run ",
                    wish.feature, " -- make\"")));
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());

  Signals signals(&SystemClock());
  auto acquired = SeatHolding::Acquire(
      *options, wish, &signals, [&wish](LossReason reason) {
        Say(absl::StrCat("warning: the seat of ", wish.feature, " is lost (",
                         Describe(reason),
                         "); the command goes on without it"));
      });
  if (acquired.interrupted_by != 0) {
    return kExitSignalBase + acquired.interrupted_by;
  }
  if (!acquired.holding.ok()) {
    return FailCheckout(invocation, *options, wish.feature,
                        acquired.holding.status());
  }
  const CommandOutcome outcome = RunCommand(*invocation.command, &signals);
  if (outcome.start_error != 0) {
    Say(absl::StrCat("cannot run ", invocation.command->front(), ": ",
                     std::generic_category().message(outcome.start_error)));
  }
  SeatHolding& holding = **acquired.holding;
  if (holding.seat().IsValid()) {
    const absl::Status returned = holding.Return();
    if (!returned.ok()) {
      Say(
          absl::StrCat("warning: the seat could not be returned and comes back "
                       "when its lease ends: ",
                       returned.message()));
    }
  }
  return outcome.exit_code;
}

}  // namespace

void AddRunCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "run", "Hold a seat while a command runs: FEATURE -- COMMAND...");
  const auto wish = std::make_shared<SeatWish>();  // Shared with the callback.
  wish->application = "quorate run";
  CLI::Option* feature =
      command->add_option("FEATURE", wish->feature, "The feature");
  command
      ->add_option("--booking", wish->booking,
                   "Take a booking over instead, with all its seats")
      ->excludes(feature);
  command->add_option("--count", wish->count, "How many units")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--ttl", wish->ttl,
                   "When to lose it if nobody can be reached: 10s to 1h")
      ->type_name("DURATION")
      ->capture_default_str();
  AddWaitFlags(command, wish.get());
  AddItemFlags(command, wish.get());
  command->footer(
      "Ends with the command's exit code, or 128+n where signal n ended it. "
      "Signals are\nhanded on to the command. A seat that is lost while it "
      "runs is told on stderr and\ndoes not disturb it. Exit 6 without "
      "running it: no seat is free, and stderr says\nwho holds them.\n\n"
      "Example: quorate run cad -- ./simulate --steps 100");
  command->callback([invocation, wish] {
    invocation->run = [invocation, wish] { return Run(*invocation, *wish); };
  });
}

}  // namespace quorate::cli
