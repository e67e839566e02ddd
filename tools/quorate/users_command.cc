#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/noun_list.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

constexpr int64_t kSecondsOfMinute = 60;

struct ListFlags {
  std::string feature;
  bool local = false;
};

int List(const Invocation& invocation, const ListFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.feature.empty()) {
    query.filter = FilterFor("feature", flags.feature);
  }
  const auto users = Cluster(*options).ListNamedUsers(query);
  if (!users.ok()) return Fail(invocation, users.status());
  if (PrintForPrograms(invocation.output, *users, std::cout)) return kExitOk;
  Table table({"USER", "FEATURE", "SINCE", "ACTIVE", "POOL"});
  for (const auto& user : users->users()) {
    table.AddRow({user.user(), user.feature(), ShowTime(user.assign_time()),
                  user.active() ? "yes" : "no", user.pool()});
  }
  table.Print(std::cout);
  return kExitOk;
}

int ListCasual(const Invocation& invocation, const ListFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.feature.empty()) {
    query.filter = FilterFor("feature", flags.feature);
  }
  const auto users = Cluster(*options).ListCasualUsers(query);
  if (!users.ok()) return Fail(invocation, users.status());
  if (PrintForPrograms(invocation.output, *users, std::cout)) return kExitOk;
  Table table({"USER", "FEATURE", "MINUTES", "OF", "UNTIL", "ACTIVE", "POOL"});
  for (const auto& user : users->users()) {
    table.AddRow({user.user(), user.feature(),
                  absl::StrCat(user.used().seconds() / kSecondsOfMinute),
                  absl::StrCat(user.limit().seconds() / kSecondsOfMinute),
                  ShowTime(user.reset_time()), user.active() ? "yes" : "no",
                  user.pool()});
  }
  table.Print(std::cout);
  return kExitOk;
}

struct ReleaseFlags {
  std::string feature;
  std::string user;
  std::string reason;
};

int Release(const Invocation& invocation, const ReleaseFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::ReleaseNamedUserRequest request;
  request.set_feature(flags.feature);
  request.set_user(flags.user);
  request.set_reason(flags.reason);
  const auto response = Cluster(*options).ReleaseNamedUser(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    Say(absl::StrCat("the name of ", flags.user,
                     " is free for another user of ", flags.feature, ", by ",
                     response->released_by()));
  }
  return kExitOk;
}

void AddList(CLI::App* users, Invocation* invocation) {
  CLI::App* command =
      users->add_subcommand("list", "Show who has a name of which feature");
  const auto flags = std::make_shared<ListFlags>();  // With the callback.
  command->add_option("FEATURE", flags->feature, "Only of this feature");
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer("Example: quorate users list cad");
  RunList(users, command, invocation,
          [invocation, flags] { return List(*invocation, *flags); });
}

void AddCasual(CLI::App* users, Invocation* invocation) {
  CLI::App* command = users->add_subcommand(
      "casual", "Show who has used how many of his minutes of this month");
  const auto flags = std::make_shared<ListFlags>();  // With the callback.
  command->add_option("FEATURE", flags->feature, "Only of this feature");
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer(
      "MINUTES were used, OF what the licence gives each user a month; UNTIL "
      "is when\nthe month ends (UTC, by the cluster's calendar) and all have "
      "all of them again.\nWho has used none is not shown.\n\n"
      "Example: quorate users casual cad");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] {
      return ListCasual(*invocation, *flags);
    };
  });
}

void AddRelease(CLI::App* users, Invocation* invocation) {
  CLI::App* command = users->add_subcommand(
      "release", "Free a user's name of a feature for another");
  const auto flags = std::make_shared<ReleaseFlags>();  // With the callback.
  command->add_option("FEATURE", flags->feature, "The feature")->required();
  command->add_option("USER", flags->user, "As `users list` shows him")
      ->required();
  command->add_option("--reason", flags->reason, "Logged");
  command->footer(
      "The licence says how many names may be freed in how many days. A user "
      "who has a\nseat out keeps his name.\n\nExample: quorate users release "
      "cad ann --reason \"left the company\"");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Release(*invocation, *flags);
    };
  });
}

}  // namespace

void AddUsersCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* users = app->add_subcommand(
      "users",
      "Show and free the names of named users, show casual users' minutes");
  AddList(users, invocation);
  AddCasual(users, invocation);
  AddRelease(users, invocation);
}

}  // namespace quorate::cli
