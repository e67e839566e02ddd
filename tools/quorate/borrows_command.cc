// `quorate borrows`: who has what away, and what was written off.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct BorrowsFlags {
  std::string user;
  std::string host;
  bool local = false;
};

std::string SeatsOf(const checkout::v1::Borrow& borrow) {
  std::vector<std::string> seats;
  for (const auto& seat : borrow.seats()) {
    seats.push_back(absl::StrCat(seat.count(), " ", seat.feature()));
  }
  return absl::StrJoin(seats, " + ");
}

ListQuery QueryOf(const BorrowsFlags& flags) {
  ListQuery query{.local = flags.local};
  if (!flags.user.empty()) query.filter = FilterFor("user", flags.user);
  if (!flags.host.empty()) query.filter = FilterFor("host", flags.host);
  return query;
}

int List(const Invocation& invocation, const BorrowsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto borrows = Cluster(*options).ListBorrows(QueryOf(flags));
  if (!borrows.ok()) return Fail(invocation, borrows.status());
  if (PrintForPrograms(invocation.output, *borrows, std::cout)) return kExitOk;
  Table table(
      {"BORROW", "SEATS", "USER", "HOST", "SINCE", "UNTIL", "PRINCIPAL"});
  for (const auto& each : borrows->borrows()) {
    table.AddRow({each.borrow().name(), SeatsOf(each.borrow()),
                  each.client().user(), each.client().host(),
                  ShowTime(each.borrow().borrow_time()),
                  ShowTime(each.borrow().until_time()), each.principal()});
  }
  table.Print(std::cout);
  return kExitOk;
}

int ListWrittenOff(const Invocation& invocation, const BorrowsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto gone = Cluster(*options).ListWriteOffs(QueryOf(flags));
  if (!gone.ok()) return Fail(invocation, gone.status());
  if (PrintForPrograms(invocation.output, *gone, std::cout)) return kExitOk;
  Table table({"BORROW", "SEATS", "USER", "HOST", "UNTIL", "WRITTEN OFF", "BY",
               "REASON"});
  for (const auto& each : gone->write_offs()) {
    const auto& borrow = each.borrow().borrow();
    table.AddRow({borrow.name(), SeatsOf(borrow), each.borrow().client().user(),
                  each.borrow().client().host(), ShowTime(borrow.until_time()),
                  ShowTime(each.write_off_time()), each.written_off_by(),
                  each.reason()});
  }
  table.Print(std::cout);
  return kExitOk;
}

struct WriteOffFlags {
  std::string borrow;
  std::string reason;
};

int WriteOff(const Invocation& invocation, const WriteOffFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::WriteOffBorrowRequest request;
  request.set_borrow(SessionNameOf(flags.borrow));
  request.set_reason(flags.reason);
  const auto response = Cluster(*options).WriteOffBorrow(request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    Say(absl::StrCat("borrow ", request.borrow(), " is written off by ",
                     response->written_off_by(), ", and its seats are free"));
  }
  return kExitOk;
}

void AddWriteOff(CLI::App* borrows, Invocation* invocation) {
  CLI::App* command = borrows->add_subcommand(
      "write-off", "Free the seats of a machine that is lost");
  const auto flags = std::make_shared<WriteOffFlags>();  // With the callback.
  command->add_option("BORROW", flags->borrow, "\"sessions/7\", or 7")
      ->required();
  command
      ->add_option("--reason", flags->reason,
                   "Kept with who did it and when; `borrows written-off`")
      ->required();
  command->footer(
      "Should the machine come back, more seats may be in use than there are, "
      "until the\nborrow would have ended.\n\n"
      "Example: quorate borrows write-off 17 --reason \"laptop stolen\"");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return WriteOff(*invocation, *flags);
    };
  });
}

void AddListFlags(CLI::App* command, BorrowsFlags* flags) {
  CLI::Option* user =
      command->add_option("--user", flags->user, "Only of this user");
  command->add_option("--host", flags->host, "Only of this host")
      ->excludes(user);
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
}

void AddWrittenOff(CLI::App* borrows, Invocation* invocation) {
  CLI::App* command = borrows->add_subcommand(
      "written-off", "Show what was written off, by whom and why");
  const auto flags = std::make_shared<BorrowsFlags>();  // With the callback.
  AddListFlags(command, flags.get());
  command->footer("Example: quorate borrows written-off --user ann");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] {
      return ListWrittenOff(*invocation, *flags);
    };
  });
}

}  // namespace

void AddBorrowsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("borrows", "Show who has which seats away");
  const auto flags = std::make_shared<BorrowsFlags>();  // With the callback.
  AddListFlags(command, flags.get());
  command->footer("Example: quorate borrows --user ann");
  AddWriteOff(command, invocation);
  AddWrittenOff(command, invocation);
  command->callback([invocation, command, flags] {
    if (!command->get_subcommands().empty()) return;
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return List(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
