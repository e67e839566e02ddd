#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/clock.h"
#include "client/client.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"
#include "tools/quorate/seat_holding.h"
#include "tools/quorate/signals.h"

namespace quorate::cli {
namespace {

struct AttachFlags {
  std::string session;
  std::string hold;  // Empty: leave it as it is.
};

void PrintSeats(const Invocation& invocation, const AttachedSession& attached) {
  checkout::v1::ListSeatsResponse list;
  Table table({"SEAT", "FEATURE", "COUNT", "SINCE"});
  for (const Seat& seat : attached.seats) {
    checkout::v1::Seat* row = list.add_seats();
    row->set_handle(seat.handle());
    row->set_feature(seat.feature());
    row->set_count(seat.count());
    row->mutable_grant_time()->set_seconds(
        absl::ToUnixSeconds(seat.grant_time()));
    table.AddRow({absl::StrCat(row->handle()), row->feature(),
                  absl::StrCat(row->count()), ShowTime(row->grant_time())});
  }
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(list, std::cout);
  } else {
    table.Print(std::cout);
  }
}

// As long as it is to be held; false where it was lost before.
bool Hold(const Session& session, absl::Duration hold, Signals* signals) {
  const Clock& clock = SystemClock();
  const absl::Duration end = clock.SinceBoot() + hold;
  while (session.IsValid()) {
    const absl::Duration left = end - clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    const auto event = signals->Wait(left);
    if (event.has_value() && Signals::AsksToEnd(event->number)) {
      return session.IsValid();
    }
  }
  return false;
}

int Run(const Invocation& invocation, const AttachFlags& flags) {
  absl::Duration hold = absl::InfiniteDuration();
  if (!flags.hold.empty() && flags.hold != "forever") {
    const auto parsed = ParsePositiveDuration("--hold", flags.hold);
    if (!parsed.ok()) return Fail(invocation, parsed.status());
    hold = *parsed;
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Signals signals(&SystemClock());
  const auto client = Client::Create(*options);
  if (!client.ok()) return Fail(invocation, client.status());
  const std::string name = absl::StartsWith(flags.session, "sessions/")
                               ? flags.session
                               : absl::StrCat("sessions/", flags.session);
  const auto attached = (*client)->Attach(
      name, {.on_lost =
                 [&signals](LossReason reason) {
                   Say(absl::StrCat("the session is lost: ", Describe(reason)));
                   signals.Wake();
                 },
             .on_seat_called_back = SayCalledBack});
  if (!attached.ok()) return Fail(invocation, attached.status());
  PrintSeats(invocation, *attached);
  if (flags.hold.empty()) {
    attached->session->Detach();
    Say("renewed once and left as it is; --hold 5m or --hold forever keeps it");
    return kExitOk;
  }
  if (!Hold(*attached->session, hold, &signals)) return kExitFailure;
  const absl::Status closed = attached->session->Close();
  if (!closed.ok()) return Fail(invocation, closed);
  Say("returned");
  return kExitOk;
}

}  // namespace

void AddAttachCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "attach", "Take up a session, with its seats, whose program is gone");
  const auto flags = std::make_shared<AttachFlags>();  // With the callback.
  command->add_option("SESSION", flags->session, "\"sessions/7\", or 7")
      ->required();
  command
      ->add_option("--hold", flags->hold,
                   "Keep it for so long: 30s, 5m, forever; then its seats go "
                   "back. Without it, the session is left as it is")
      ->type_name("DURATION");
  command->footer(
      "As long as its lease runs, and only with the certificate that opened "
      "it. The seats\nkeep their handles and their time. Exit 5: the session "
      "is "
      "gone.\n\n"
      "Example: quorate attach sessions/7 --hold forever");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
