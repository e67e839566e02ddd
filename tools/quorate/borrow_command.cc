// `quorate borrow` and `quorate return`.

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/clock.h"
#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"
#include "tools/quorate/seat_holding.h"
#include "tools/quorate/signals.h"

namespace quorate::cli {
namespace {

struct BorrowFlags {
  SeatWish wish{.application = "quorate borrow"};
  std::string span;
  std::string until;
};

// A day is meant wholly.
absl::StatusOr<absl::Time> ParseUntil(const std::string& text) {
  absl::Time time;
  std::string problem;
  const absl::TimeZone zone = absl::LocalTimeZone();
  if (absl::ParseTime("%Y-%m-%d %H:%M", text, zone, &time, &problem)) {
    return time;
  }
  if (absl::ParseTime("%Y-%m-%d", text, zone, &time, &problem)) {
    const absl::CivilDay day = absl::ToCivilDay(time, zone);
    return absl::FromCivil(day + 1, zone) - absl::Seconds(1);
  }
  return absl::InvalidArgumentError(
      "--until must be like 2026-12-24 or \"2026-12-24 18:00\"");
}

absl::StatusOr<BorrowEnd> ReadEnd(const BorrowFlags& flags) {
  BorrowEnd end;
  if (flags.span.empty() == flags.until.empty()) {
    return absl::InvalidArgumentError("say --for 7d or --until 2026-12-24");
  }
  if (!flags.span.empty()) {
    QUORATE_ASSIGN_OR_RETURN(end.span,
                             ParsePositiveDuration("--for", flags.span));
  } else {
    QUORATE_ASSIGN_OR_RETURN(end.until, ParseUntil(flags.until));
  }
  return end;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp result;
  result.set_seconds(absl::ToUnixSeconds(time));
  return result;
}

void PrintBorrow(const Invocation& invocation, const Borrowed& borrowed,
                 const Seat::Grant& grant) {
  if (invocation.output == OutputFormat::kJson) {
    checkout::v1::BorrowResponse response;
    checkout::v1::Borrow* borrow = response.mutable_borrow();
    borrow->set_name(borrowed.name);
    checkout::v1::Seat* seat = borrow->add_seats();
    seat->set_handle(grant.handle);
    seat->set_feature(grant.feature);
    seat->set_count(grant.count);
    *seat->mutable_grant_time() = ToProto(grant.grant_time);
    *borrow->mutable_until_time() = ToProto(borrowed.until);
    *borrow->mutable_free_time() = ToProto(borrowed.free);
    PrintJson(response, std::cout);
    return;
  }
  Table table({"BORROW", "SEAT", "FEATURE", "COUNT", "UNTIL"});
  table.AddRow({borrowed.name, absl::StrCat(grant.handle), grant.feature,
                absl::StrCat(grant.count), ShowTime(ToProto(borrowed.until))});
  table.Print(std::cout);
}

int Borrow(const Invocation& invocation, const BorrowFlags& flags) {
  const auto end = ReadEnd(flags);
  if (!end.ok()) return Fail(invocation, end.status());
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Signals signals(&SystemClock());
  auto acquired =
      SeatHolding::Acquire(*options, flags.wish, &signals, [](LossReason) {});
  if (acquired.interrupted_by != 0) {
    return kExitSignalBase + acquired.interrupted_by;
  }
  if (!acquired.holding.ok()) {
    return FailCheckout(invocation, *options, flags.wish.feature,
                        acquired.holding.status());
  }
  SeatHolding& holding = **acquired.holding;
  const Seat::Grant grant = {.handle = holding.seat().handle(),
                             .feature = holding.seat().feature(),
                             .count = holding.seat().count(),
                             .grant_time = holding.seat().grant_time()};
  const auto borrowed = holding.Borrow(*end);
  if (!borrowed.ok()) return Fail(invocation, borrowed.status());
  PrintBorrow(invocation, *borrowed, grant);
  return kExitOk;
}

int Return(const Invocation& invocation, const std::string& borrow) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto client = Client::Create(*options);
  if (!client.ok()) return Fail(invocation, client.status());
  const std::string name = SessionNameOf(borrow);
  const absl::Status status = (*client)->ReturnBorrow(name);
  if (!status.ok()) return Fail(invocation, status);
  Say(absl::StrCat("borrow ", name, " is returned, and its seats are free"));
  return kExitOk;
}

void AddReturn(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("return", "Give a borrowed seat back early");
  const auto borrow = std::make_shared<std::string>();  // With the callback.
  command
      ->add_option("BORROW", *borrow, "As `borrow` printed it, or its number")
      ->required();
  command->footer(
      "With the certificate that borrowed it. The seat must not be used any "
      "more.\n\nExample: quorate return 17");
  command->callback([invocation, borrow] {
    invocation->run = [invocation, borrow] {
      return Return(*invocation, *borrow);
    };
  });
}

}  // namespace

void AddBorrowCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "borrow", "Take a seat away until a date, for use without the cluster");
  const auto flags = std::make_shared<BorrowFlags>();  // With the callback.
  command->add_option("FEATURE", flags->wish.feature, "The feature")
      ->required();
  command->add_option("--count", flags->wish.count, "How many units")
      ->check(CLI::PositiveNumber);
  CLI::Option* span =
      command->add_option("--for", flags->span, "For so long: 8h, 7d")
          ->type_name("DURATION");
  command
      ->add_option("--until", flags->until,
                   "Until the end of that day, or that minute, in local time")
      ->type_name("DATE")
      ->excludes(span);
  AddWaitFlags(command, &flags->wish);
  AddItemFlags(command, &flags->wish);
  command->footer(
      "The seat is out until then and an hour more, whatever happens; `quorate "
      "return`\ngives it back early. Licences say whether, how long and how "
      "many may be borrowed.\n\nExample: quorate borrow cad --for 7d");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Borrow(*invocation, *flags);
    };
  });
  AddReturn(app, invocation);
}

}  // namespace quorate::cli
