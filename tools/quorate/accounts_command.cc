#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "client/error.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/noun_list.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using admin::v1::Role;

std::string ShowRole(int role) {
  const std::string& name = admin::v1::Role_Name(static_cast<Role>(role));
  return absl::AsciiStrToLower(absl::StripPrefix(name, "ROLE_"));
}

template <typename Roles>
std::string ShowRoles(const Roles& roles) {
  if (roles.empty()) return "none";
  return absl::StrJoin(roles, ",", [](std::string* out, int role) {
    absl::StrAppend(out, ShowRole(role));
  });
}

// "user", "viewer", ...: what --role takes.
std::vector<std::string> RoleWords() {
  std::vector<std::string> words;
  const auto* type = admin::v1::Role_descriptor();
  for (int i = 0; i < type->value_count(); ++i) {
    const int role = type->value(i)->number();
    if (role != admin::v1::ROLE_UNSPECIFIED) words.push_back(ShowRole(role));
  }
  return words;
}

Role RoleOf(const std::string& word) {
  Role role = admin::v1::ROLE_UNSPECIFIED;
  admin::v1::Role_Parse(absl::StrCat("ROLE_", absl::AsciiStrToUpper(word)),
                        &role);
  return role;
}

struct ListFlags {
  std::string role;
  bool local = false;
};

int List(const Invocation& invocation, const ListFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.role.empty()) {
    query.filter = FilterFor("role", absl::AsciiStrToUpper(flags.role));
  }
  const auto accounts = Cluster(*options).ListAccounts(query);
  if (!accounts.ok()) return Fail(invocation, accounts.status());
  if (PrintForPrograms(invocation.output, *accounts, std::cout)) {
    return kExitOk;
  }
  Table table({"NAME", "ROLES", "SET", "BY", "REMARK"});
  for (const auto& account : accounts->accounts()) {
    table.AddRow({account.name(),
                  absl::StrCat(ShowRoles(account.roles()),
                               account.configured_administrator()
                                   ? " (administrator by configuration)"
                                   : ""),
                  ShowTime(account.set_time()), account.set_by(),
                  account.remark()});
  }
  table.Print(std::cout);
  return kExitOk;
}

struct SetFlags {
  std::string name;
  std::vector<std::string> roles;
  bool no_role = false;
  std::string remark;
  bool has_remark = false;
};

int Set(const Invocation& invocation, const SetFlags& flags) {
  if (flags.roles.empty() != flags.no_role) {
    Say("give --role once or more, or --no-role for an account that may do "
        "nothing");
    return kExitUsage;
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  admin::v1::SetAccountRequest request;
  request.set_account(flags.name);
  for (const std::string& role : flags.roles)
    request.add_roles(RoleOf(role));
  request.set_remark(flags.remark);
  // What this replaces; somebody who is quicker is not overwritten.
  const auto before = cluster.GetAccount(flags.name);
  if (before.ok()) {
    request.set_etag(before->account().etag());
    if (!flags.has_remark) request.set_remark(before->account().remark());
  } else if (ReasonOf(before.status()) != ErrorReason::kAccountNotFound) {
    return Fail(invocation, before.status());
  }
  const auto response = cluster.SetAccount(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
    return kExitOk;
  }
  const admin::v1::Account& account = response->account();
  Say(absl::StrCat(
      account.name(), " has ", ShowRoles(account.roles()),
      before.ok()
          ? absl::StrCat(", before ", ShowRoles(before->account().roles()))
          : ""));
  if (account.configured_administrator()) {
    Say("a member's configuration makes it an administrator all the same");
  }
  return kExitOk;
}

int Delete(const Invocation& invocation, const std::string& name) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::DeleteAccountRequest request;
  request.set_account(name);
  const auto response = Cluster(*options).DeleteAccount(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    Say(absl::StrCat(name, " has no account any more: a user"));
  }
  return kExitOk;
}

void ShowRights(const admin::v1::Rights& rights) {
  const bool restricted = rights.mode() == admin::v1::MODE_RESTRICTED;
  std::cout << "principal    " << rights.principal() << "\n"
            << "roles        " << ShowRoles(rights.roles())
            << (rights.configured_administrator()
                    ? " (by this member's configuration)"
                : rights.has_account() ? ""
                                       : " (no account)")
            << "\n"
            << "mode         "
            << (restricted ? "restricted: look only" : "full") << "\n"
            << "permissions  "
            << absl::StrJoin(
                   rights.permissions(), " ",
                   [](std::string* out, int permission) {
                     const std::string& name = options::v1::Permission_Name(
                         static_cast<options::v1::Permission>(permission));
                     absl::StrAppend(out,
                                     absl::StripPrefix(name, "PERMISSION_"));
                   })
            << std::endl;
}

struct WhoamiFlags {
  std::string name;
  bool local = false;
};

int Whoami(const Invocation& invocation, const WhoamiFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  if (!flags.name.empty()) {
    const auto other = cluster.TestAccountPermissions(flags.name, flags.local);
    if (!other.ok()) return Fail(invocation, other.status());
    if (invocation.output == OutputFormat::kJson) {
      PrintJson(*other, std::cout);
    } else {
      ShowRights(other->rights());
    }
    return kExitOk;
  }
  const auto mine = cluster.TestPermissions(flags.local);
  if (!mine.ok()) return Fail(invocation, mine.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*mine, std::cout);
  } else {
    ShowRights(mine->rights());
  }
  return kExitOk;
}

void AddList(CLI::App* accounts, Invocation* invocation) {
  CLI::App* command =
      accounts->add_subcommand("list", "Show who has which roles");
  const auto flags = std::make_shared<ListFlags>();  // With the callback.
  command->add_option("--role", flags->role, "Only those who have this one")
      ->type_name("ROLE")
      ->check(CLI::IsMember(RoleWords(), CLI::ignore_case));
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer(
      "Whoever is not shown is a user. Administrators that a member's "
      "configuration names\n([access] administrators) are shown only where "
      "they have an account, too.\n\nExample: quorate accounts list");
  RunList(accounts, command, invocation,
          [invocation, flags] { return List(*invocation, *flags); });
}

void AddSet(CLI::App* accounts, Invocation* invocation) {
  CLI::App* command = accounts->add_subcommand(
      "set", "Give one these roles, in place of those he has");
  const auto flags = std::make_shared<SetFlags>();  // With the callback.
  command
      ->add_option("NAME", flags->name,
                   "The name in the client certificate: what stands behind "
                   "/client/ in its URI")
      ->required();
  command->add_option("--role", flags->roles, "Given once for each role")
      ->type_name("ROLE")
      ->check(CLI::IsMember(RoleWords(), CLI::ignore_case));
  command->add_flag("--no-role", flags->no_role,
                    "He may do nothing, not even what a user may");
  CLI::Option* const remark =
      command->add_option("--remark", flags->remark,
                          "What the account is for; kept where not given");
  command->footer(
      "user: checkouts and looks. viewer: looks, also at licences and the "
      "policy.\nterminator: a viewer who ends what others use. administrator: "
      "everything.\nNo account: a user.\n\n"
      "Example: quorate accounts set helpdesk --role terminator --remark "
      "\"first line\"");
  command->callback([invocation, flags, remark] {
    flags->has_remark = remark->count() > 0;
    invocation->run = [invocation, flags] { return Set(*invocation, *flags); };
  });
}

void AddDelete(CLI::App* accounts, Invocation* invocation) {
  CLI::App* command = accounts->add_subcommand(
      "delete", "Delete an account: its owner is a user then");
  const auto name = std::make_shared<std::string>();  // With the callback.
  command->add_option("NAME", *name, "As `accounts list` shows it")->required();
  command->footer("Example: quorate accounts delete helpdesk");
  command->callback([invocation, name] {
    invocation->run = [invocation, name] { return Delete(*invocation, *name); };
  });
}

}  // namespace

void AddAccountsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* accounts =
      app->add_subcommand("accounts", "Show and change who may do what");
  AddList(accounts, invocation);
  AddSet(accounts, invocation);
  AddDelete(accounts, invocation);
}

void AddWhoamiCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "whoami", "Show your roles, and what you may do with them");
  const auto flags = std::make_shared<WhoamiFlags>();  // With the callback.
  command->add_option("NAME", flags->name, "Another one's; for administrators");
  command->add_flag("--local", flags->local,
                    "By what the member has that answers: works without a "
                    "quorum");
  command->footer("Example: quorate whoami --restricted");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Whoami(*invocation, *flags);
    };
  });
}

}  // namespace quorate::cli
