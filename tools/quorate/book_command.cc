// `quorate book` and `quorate cancel-booking`: what a scheduler does for a job.

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "client/process_identity.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct BookFlags {
  std::vector<std::string> items;  // "cad" or "cad=2".
  std::string hold;
  std::string job;
  std::string user;
  std::string host;
  std::string project;
};

absl::Status AddItems(const BookFlags& flags,
                      checkout::v1::BookRequest* request) {
  for (const std::string& text : flags.items) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(text, absl::MaxSplits('=', 1));
    uint32_t count = 1;
    if (!parts.second.empty() &&
        (!absl::SimpleAtoi(parts.second, &count) || count == 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" is not like cad or cad=2"));
    }
    checkout::v1::CheckoutItem* item = request->add_items();
    item->set_feature(parts.first);
    item->set_count(count);
  }
  return absl::OkStatus();
}

int Book(const Invocation& invocation, const BookFlags& flags) {
  checkout::v1::BookRequest request;
  if (const absl::Status status = AddItems(flags, &request); !status.ok()) {
    return Fail(invocation, status);
  }
  const auto hold = ParsePositiveDuration("--hold", flags.hold);
  if (!hold.ok()) return Fail(invocation, hold.status());
  request.mutable_hold()->set_seconds(absl::ToInt64Seconds(*hold));
  request.set_job(flags.job);
  checkout::v1::ClientDescription* client = request.mutable_client();
  client->set_user(flags.user.empty() ? LoginName() : flags.user);
  client->set_host(flags.host.empty() ? HostName() : flags.host);
  client->set_application("quorate book");
  client->set_project(flags.project);
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = Cluster(*options).Book(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
    return kExitOk;
  }
  const checkout::v1::Booking& booking = response->booking();
  Table table({"BOOKING", "SEAT", "FEATURE", "COUNT", "FREE AGAIN IN"});
  for (const auto& seat : booking.seats()) {
    table.AddRow({booking.name(), absl::StrCat(seat.handle()), seat.feature(),
                  absl::StrCat(seat.count()), ShowDuration(booking.left())});
  }
  table.Print(std::cout);
  return kExitOk;
}

int Cancel(const Invocation& invocation, const std::string& booking) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  checkout::v1::CancelBookingRequest request;
  request.set_booking(SessionNameOf(booking));
  const auto response = Cluster(*options).CancelBooking(request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    Say(absl::StrCat("booking ", request.booking(),
                     " is cancelled, and its seats are free"));
  }
  return kExitOk;
}

void AddCancel(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("cancel-booking", "Give booked seats back early");
  const auto booking = std::make_shared<std::string>();  // With the callback.
  command
      ->add_option("BOOKING", *booking, "As `book` printed it, or its number")
      ->required();
  command->footer("Example: quorate cancel-booking 17");
  command->callback([invocation, booking] {
    invocation->run = [invocation, booking] {
      return Cancel(*invocation, *booking);
    };
  });
}

}  // namespace

void AddBookCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "book", "Keep seats for a job that has not begun, all or none");
  const auto flags = std::make_shared<BookFlags>();  // With the callback.
  command->add_option("FEATURE", flags->items, "\"cad\", or \"cad=2\"; several")
      ->required();
  command
      ->add_option("--hold", flags->hold,
                   "How long they are kept if the job does not begin: up to "
                   "24h")
      ->type_name("DURATION")
      ->required();
  command->add_option("--job", flags->job, "Its name, shown to administrators");
  command->add_option("--user", flags->user, "Whose job it is; you");
  command->add_option("--host", flags->host, "Where it will run; this host");
  command->add_option("--project", flags->project, "For which project");
  command->footer(
      "The job takes them over by `quorate run --booking`, with the same "
      "certificate.\nExit 6: not all are free.\n\n"
      "Example: quorate book cad=2 solver=8 --hold 30m --job 4711");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Book(*invocation, *flags); };
  });
  AddCancel(app, invocation);
}

}  // namespace quorate::cli
