#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/member_calls.h"
#include "tools/quorate/noun_list.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using admin::v1::Member;

constexpr char kAbout[] =
    "Show the members, and change who they are: one change at a time, agreed "
    "by all\nwho stay. A machine that has nothing joins by a token.";

std::string ShowPart(const Member& member) {
  const std::string name = admin::v1::MemberPart_Name(member.part());
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StripPrefix(name, "MEMBER_PART_")),
      {{"_", " "}});
}

// How far a member is behind, as far as the one that was asked can tell.
std::string ShowBehind(const Member& member, bool asked_leader) {
  if (!asked_leader) return "?";
  if (member.receives_snapshot()) return "snapshot";
  return absl::StrCat(member.entries_behind());
}

template <typename Response>
bool AskedLeader(const Response& response) {
  for (const Member& member : response.members()) {
    if (member.leader()) return member.name() == response.header().member();
  }
  return false;
}

void PrintMembers(const admin::v1::ListMembersResponse& response) {
  const bool asked_leader = AskedLeader(response);
  Table table({"MEMBER", "PART", "LEADS", "REACHABLE", "BEHIND", "CLIENTS AT",
               "MEMBERS AT", "ID"});
  for (const Member& member : response.members()) {
    table.AddRow({member.name(), ShowPart(member), member.leader() ? "yes" : "",
                  asked_leader || member.reachable()
                      ? (member.reachable() ? "yes" : "no")
                      : "?",
                  ShowBehind(member, asked_leader), member.client_endpoint(),
                  member.peer_endpoint(), member.member_id()});
  }
  table.Print(std::cout);
}

void PrintMember(const Member& member) {
  Table table({"MEMBER", "PART", "CLIENTS AT", "MEMBERS AT", "ID"});
  table.AddRow({member.name(), ShowPart(member), member.client_endpoint(),
                member.peer_endpoint(), member.member_id()});
  table.Print(std::cout);
}

int List(const Invocation& invocation, bool local) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = AskMembers(*options, {.local = local});
  if (!response.ok()) return Fail(invocation, response.status());
  if (!PrintForPrograms(invocation.output, *response, std::cout)) {
    PrintMembers(*response);
  }
  return kExitOk;
}

int Add(const Invocation& invocation,
        const admin::v1::AddMemberRequest& request) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = Cluster(*options).AddMember(request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    PrintMember(response->member());
  }
  Say(absl::StrCat("start ", request.name(), " now; ",
                   request.promote()
                       ? "it gets its vote when it has caught up"
                       : "it has no vote until \"quorate members promote\""));
  return kExitOk;
}

int Promote(const Invocation& invocation, const std::string& name) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::PromoteMemberRequest request;
  request.set_name(name);
  const auto response = Cluster(*options).PromoteMember(request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    PrintMember(response->member());
  }
  return kExitOk;
}

// Goes by the member's id, so that a repeat takes out no one else.
absl::StatusOr<admin::v1::RemoveMemberResponse> RemoveById(
    const ClientOptions& options, const std::string& name) {
  Cluster cluster(options);
  QUORATE_ASSIGN_OR_RETURN(
      const admin::v1::ListMembersResponse members,
      cluster.ListMembers({.filter = FilterFor("name", name)}));
  admin::v1::RemoveMemberRequest request;
  request.set_name(name);
  // Where there is none of that name, the cluster says so itself.
  for (const Member& member : members.members()) {
    request.set_member_id(member.member_id());
  }
  return cluster.RemoveMember(request);
}

int Remove(const Invocation& invocation, const std::string& name) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto response = RemoveById(*options, name);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  }
  Say(absl::StrCat(name,
                   " is no member any more: stop it, and delete its data "
                   "directory, which is of no use now"));
  return kExitOk;
}

int Transfer(const Invocation& invocation, const std::string& to) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::TransferLeadershipRequest request;
  request.set_to(to);
  const auto response = Cluster(*options).TransferLeadership(request);
  if (!response.ok()) return Fail(invocation, response.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*response, std::cout);
  } else {
    std::cout << "leader     " << response->leader() << "\n";
  }
  return kExitOk;
}

// The token is data, and alone on stdout, so that a script can take it; what to
// do with it goes to stderr.
template <typename Response>
int ShowToken(const Invocation& invocation, const Response& response) {
  const admin::v1::JoinToken& token = response.join_token();
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(response, std::cout);
  } else {
    std::cout << token.token() << "\n";
  }
  Say(absl::StrCat("on the machine that will be ", token.name(), ", within ",
                   ShowDuration(token.ttl()), ", once:"));
  std::cerr << "  quorated join --token TOKEN --name " << token.name()
            << " --config-dir DIR --data-dir DIR\n"
               "                --client-listen HOST:PORT --peer-listen "
               "HOST:PORT\n";
  return kExitOk;
}

absl::Status ReadTtl(const std::string& text, google::protobuf::Duration* ttl) {
  QUORATE_ASSIGN_OR_RETURN(const absl::Duration duration,
                           ParsePositiveDuration("--ttl", text));
  ttl->set_seconds(absl::ToInt64Seconds(duration));
  return absl::OkStatus();
}

int MakeToken(const Invocation& invocation, const std::string& ttl,
              admin::v1::CreateJoinTokenRequest request) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const absl::Status parsed = ReadTtl(ttl, request.mutable_ttl());
  if (!parsed.ok()) return Fail(invocation, parsed);
  const auto response = Cluster(*options).CreateJoinToken(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  return ShowToken(invocation, *response);
}

int Replace(const Invocation& invocation, const std::string& ttl,
            const std::string& name) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::ReplaceMemberRequest request;
  request.set_name(name);
  const absl::Status parsed = ReadTtl(ttl, request.mutable_ttl());
  if (!parsed.ok()) return Fail(invocation, parsed);
  const auto response = Cluster(*options).ReplaceMember(std::move(request));
  if (!response.ok()) return Fail(invocation, response.status());
  return ShowToken(invocation, *response);
}

void AddTokenCommands(CLI::App* members, Invocation* invocation) {
  const auto ttl = std::make_shared<std::string>("1h");  // With the callbacks.
  const auto add_ttl = [&ttl](CLI::App* command) {
    command->add_option("--ttl", *ttl, "How long it is good; 1m to 24h")
        ->type_name("DURATION")
        ->capture_default_str();
  };
  CLI::App* token = members->add_subcommand(
      "token", "Make a join token for a machine that has nothing");
  const auto request =
      std::make_shared<admin::v1::CreateJoinTokenRequest>();  // The same.
  token
      ->add_option("NAME", *request->mutable_name(),
                   "What the machine will be called; no member has it")
      ->required();
  token->add_flag_callback(
      "--stay-learner", [request] { request->set_stay_learner(true); },
      "Give it no vote, until \"quorate members promote\"");
  add_ttl(token);
  token->footer(
      "The token is for one machine, and a secret: whoever has it may join "
      "under that name.\nThe machine gets certificates, catches up, and "
      "votes.\n\nExample: quorate members token m4 --ttl 10m");
  token->callback([invocation, ttl, request] {
    invocation->run = [invocation, ttl, request] {
      return MakeToken(*invocation, *ttl, *request);
    };
  });

  CLI::App* replace = members->add_subcommand(
      "replace", "Make a join token for another machine in a member's place");
  const auto name = std::make_shared<std::string>();  // With the callback.
  replace->add_option("NAME", *name, "The member that is replaced")->required();
  add_ttl(replace);
  replace->footer(
      "Nothing changes until the machine joins; then it has the name and the "
      "part of the\nold one, which is a member no more. A machine that has "
      "lost its data alone needs no\ntoken: \"quorated rejoin\".\n\n"
      "Example: quorate members replace m2");
  replace->callback([invocation, ttl, name] {
    invocation->run = [invocation, ttl, name] {
      return Replace(*invocation, *ttl, *name);
    };
  });
}

void AddListCommand(CLI::App* members, Invocation* invocation) {
  CLI::App* command = members->add_subcommand("list", "Show the members");
  const auto local = std::make_shared<bool>(false);  // With the callback.
  command->add_flag("--local", *local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer(
      "PART: voter; learner (receives everything, has no vote); catching up "
      "(a learner\nthat gets its vote by itself); leaving. BEHIND counts "
      "entries of the log.\n\nExample: quorate members list -o json");
  RunList(members, command, invocation,
          [invocation, local] { return List(*invocation, *local); });
}

void AddAddCommand(CLI::App* members, Invocation* invocation) {
  CLI::App* command = members->add_subcommand(
      "add", "Add a member that has its certificates and its directory");
  const auto request =
      std::make_shared<admin::v1::AddMemberRequest>();  // With the callback.
  const auto text = [command](const char* name, const char* about,
                              std::string* value) {
    command->add_option(name, *value, about)->required();
  };
  text("NAME", "The name in its certificates", request->mutable_name());
  text("--id", "The id in its data directory", request->mutable_member_id());
  text("--peer", "Where members reach it, host:port",
       request->mutable_peer_endpoint());
  text("--client", "Where clients reach it, host:port",
       request->mutable_client_endpoint());
  command->add_flag_callback(
      "--promote", [request] { request->set_promote(true); },
      "Give it its vote as soon as it has caught up");
  command->footer(
      "It comes as a learner. Machines that have nothing yet join by \"quorate "
      "members\ntoken\" instead, which makes all of this for them.\n\n"
      "Example: quorate members add m4 --id 81985529216486895 --peer "
      "10.0.0.4:7411\n         --client 10.0.0.4:7401 --promote");
  command->callback([invocation, request] {
    invocation->run = [invocation, request] {
      return Add(*invocation, *request);
    };
  });
}

void AddNamedCommands(CLI::App* members, Invocation* invocation) {
  const auto name = std::make_shared<std::string>();  // With the callbacks.
  CLI::App* promote =
      members->add_subcommand("promote", "Give a learner its vote");
  promote->add_option("NAME", *name, "The learner")->required();
  promote->footer(
      "Refused (exit 7) while it is behind. An odd number of voters is best: "
      "four survive\nno more failures than three.\n\n"
      "Example: quorate members promote m4");
  promote->callback([invocation, name] {
    invocation->run = [invocation, name] {
      return Promote(*invocation, *name);
    };
  });

  CLI::App* remove = members->add_subcommand("remove", "Take a member out");
  remove->add_option("NAME", *name, "The member")->required();
  remove->footer(
      "It is not heard any more from then on, whatever certificate it has. "
      "Refused (exit\n7) where the voters that are left and answer would be no "
      "majority.\n\nExample: quorate members remove m4");
  remove->callback([invocation, name] {
    invocation->run = [invocation, name] { return Remove(*invocation, *name); };
  });

  CLI::App* transfer =
      members->add_subcommand("transfer", "Let another member lead");
  transfer->add_option("NAME", *name,
                       "A voter; whoever is best where left out");
  transfer->footer(
      "Clients see it as one slow call. Before work on a machine, transfer "
      "from it.\n\nExample: quorate members transfer m2");
  transfer->callback([invocation, name] {
    invocation->run = [invocation, name] {
      return Transfer(*invocation, *name);
    };
  });
}

}  // namespace

void AddMembersCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* members = app->add_subcommand("members", kAbout);
  AddListCommand(members, invocation);
  AddAddCommand(members, invocation);
  AddNamedCommands(members, invocation);
  AddTokenCommands(members, invocation);
}

}  // namespace quorate::cli
