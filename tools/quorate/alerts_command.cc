#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "base/status.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using admin::v1::AlertKind;
using admin::v1::AlertRecipient;
using admin::v1::AlertSettings;

constexpr char kKindsHelp[] =
    "Kinds: license-expires, pool-usage, denials, member-down, member-back, "
    "clock.";

struct AlertFlags {
  std::string address;
  std::vector<std::string> addresses;
  std::vector<std::string> kinds;
  std::vector<std::string> on;
  std::vector<std::string> off;
  std::string kind;
  std::string cluster_name;
  std::string usage_held;
  std::string member_down;
  uint32_t usage_percent = 0;
  uint32_t denials_per_hour = 0;
  uint32_t mails_per_hour = 0;
  bool has_cluster_name = false;
  bool local = false;
};

// "POOL_USAGE", as filters have it.
std::string FilterWord(AlertKind kind) {
  return admin::v1::AlertKind_Name(kind).substr(sizeof("ALERT_KIND_") - 1);
}

// "pool-usage"
std::string ShowKind(AlertKind kind) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(FilterWord(kind)),
                             {{"_", "-"}});
}

absl::StatusOr<AlertKind> ParseKind(const std::string& word) {
  AlertKind kind = admin::v1::ALERT_KIND_UNSPECIFIED;
  const std::string name = absl::StrCat(
      "ALERT_KIND_",
      absl::StrReplaceAll(absl::AsciiStrToUpper(word), {{"-", "_"}}));
  if (!admin::v1::AlertKind_Parse(name, &kind) ||
      kind == admin::v1::ALERT_KIND_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", word, "\" is no kind of alert. ", kKindsHelp));
  }
  return kind;
}

template <typename Kinds>
std::string ShowKinds(const Kinds& kinds) {
  return absl::StrJoin(kinds, ", ", [](std::string* out, int kind) {
    absl::StrAppend(out, ShowKind(static_cast<AlertKind>(kind)));
  });
}

void PrintSettings(const AlertSettings& settings) {
  std::cout << "cluster name    "
            << (settings.cluster_name().empty() ? "(by its id)"
                                                : settings.cluster_name())
            << "\npool usage      " << settings.usage_percent()
            << " percent for " << ShowDuration(settings.usage_held())
            << "\ndenials         more than " << settings.denials_per_hour()
            << " in an hour\nmember down     for "
            << ShowDuration(settings.member_down()) << "\nmails           "
            << settings.mails_per_hour()
            << " in an hour at most\noff             "
            << (settings.off().empty() ? "nothing" : ShowKinds(settings.off()))
            << "\n\n";
  Table table({"RECIPIENT", "KINDS"});
  for (const AlertRecipient& each : settings.recipients()) {
    table.AddRow({each.address(),
                  each.kinds().empty() ? "all" : ShowKinds(each.kinds())});
  }
  table.Print(std::cout);
  std::cout << std::flush;
}

int Show(const Invocation& invocation) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto found = Cluster(*options).GetAlertSettings();
  if (!found.ok()) return Fail(invocation, found.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*found, std::cout);
  } else {
    PrintSettings(found->settings());
  }
  return kExitOk;
}

using Edit = std::function<absl::Status(AlertSettings* settings)>;

// Reads, edits and writes the settings; where somebody else changed them in
// between, nothing is done, and the person looks again.
int Change(const Invocation& invocation, const Edit& edit) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  const auto found = cluster.GetAlertSettings();
  if (!found.ok()) return Fail(invocation, found.status());
  admin::v1::UpdateAlertSettingsRequest request;
  *request.mutable_settings() = found->settings();
  request.set_etag(found->etag());
  if (const absl::Status status = edit(request.mutable_settings());
      !status.ok()) {
    return Fail(invocation, status);
  }
  const auto changed = cluster.UpdateAlertSettings(std::move(request));
  if (!changed.ok()) return Fail(invocation, changed.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*changed, std::cout);
  } else {
    PrintSettings(changed->settings());
  }
  return kExitOk;
}

absl::Status SetSpan(absl::string_view flag, const std::string& text,
                     google::protobuf::Duration* span) {
  QUORATE_ASSIGN_OR_RETURN(const absl::Duration parsed,
                           ParsePositiveDuration(flag, text));
  span->set_seconds(absl::ToInt64Seconds(parsed));
  span->set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(parsed % absl::Seconds(1))));
  return absl::OkStatus();
}

void TakeOff(AlertKind kind, google::protobuf::RepeatedField<int>* kinds) {
  kinds->erase(std::remove(kinds->begin(), kinds->end(), kind), kinds->end());
}

absl::Status Edited(const AlertFlags& flags, AlertSettings* settings) {
  if (flags.has_cluster_name) settings->set_cluster_name(flags.cluster_name);
  if (flags.usage_percent != 0) {
    settings->set_usage_percent(flags.usage_percent);
  }
  if (!flags.usage_held.empty()) {
    QUORATE_RETURN_IF_ERROR(SetSpan("--usage-held", flags.usage_held,
                                    settings->mutable_usage_held()));
  }
  if (flags.denials_per_hour != 0) {
    settings->set_denials_per_hour(flags.denials_per_hour);
  }
  if (!flags.member_down.empty()) {
    QUORATE_RETURN_IF_ERROR(SetSpan("--member-down", flags.member_down,
                                    settings->mutable_member_down()));
  }
  if (flags.mails_per_hour != 0) {
    settings->set_mails_per_hour(flags.mails_per_hour);
  }
  for (const std::string& word : flags.off) {
    QUORATE_ASSIGN_OR_RETURN(const AlertKind kind, ParseKind(word));
    TakeOff(kind, settings->mutable_off());
    settings->add_off(kind);
  }
  for (const std::string& word : flags.on) {
    QUORATE_ASSIGN_OR_RETURN(const AlertKind kind, ParseKind(word));
    TakeOff(kind, settings->mutable_off());
  }
  return absl::OkStatus();
}

// Who is there already gets the kinds that are given now.
absl::Status Added(const AlertFlags& flags, AlertSettings* settings) {
  AlertRecipient* recipient = nullptr;
  for (AlertRecipient& each : *settings->mutable_recipients()) {
    if (each.address() == flags.address) recipient = &each;
  }
  if (recipient == nullptr) recipient = settings->add_recipients();
  recipient->set_address(flags.address);
  recipient->clear_kinds();
  for (const std::string& word : flags.kinds) {
    QUORATE_ASSIGN_OR_RETURN(const AlertKind kind, ParseKind(word));
    TakeOff(kind, recipient->mutable_kinds());
    recipient->add_kinds(kind);
  }
  return absl::OkStatus();
}

absl::Status Removed(const AlertFlags& flags, AlertSettings* settings) {
  auto* const all = settings->mutable_recipients();
  const int before = all->size();
  all->erase(std::remove_if(all->begin(), all->end(),
                            [&flags](const AlertRecipient& each) {
                              return each.address() == flags.address;
                            }),
             all->end());
  if (all->size() < before) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(flags.address, " is no recipient; see quorate alerts show"));
}

int Test(const Invocation& invocation, const AlertFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  admin::v1::SendTestAlertRequest request;
  for (const std::string& address : flags.addresses)
    request.add_addresses(address);
  const auto sent = Cluster(*options).SendTestAlert(std::move(request));
  if (!sent.ok()) return Fail(invocation, sent.status());
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(*sent, std::cout);
  } else {
    std::cout << "member       " << sent->header().member() << "\nmail server  "
              << sent->mail_server() << "\nto           "
              << absl::StrJoin(sent->addresses(), ", ") << "\nreply        "
              << sent->reply() << "\n"
              << std::flush;
  }
  if (sent->accepted()) return kExitOk;
  Say(absl::StrCat("not mailed: ", sent->problem()));
  return kExitFailure;
}

int Sent(const Invocation& invocation, const AlertFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.kind.empty()) {
    const auto kind = ParseKind(flags.kind);
    if (!kind.ok()) return Fail(invocation, kind.status());
    query.filter = FilterFor("kind", FilterWord(*kind));
  }
  const auto alerts = Cluster(*options).ListSentAlerts(query);
  if (!alerts.ok()) return Fail(invocation, alerts.status());
  if (PrintForPrograms(invocation.output, *alerts, std::cout)) return kExitOk;
  Table table({"ALERT", "DUE", "KIND", "WHAT", "MAILED", "TO", "BY", "SAID"});
  for (const admin::v1::SentAlert& alert : alerts->alerts()) {
    const bool waits = alert.state() == admin::v1::ALERT_MAIL_STATE_WAITING;
    const bool mailed = alert.state() == admin::v1::ALERT_MAIL_STATE_MAILED;
    table.AddRow({absl::StrCat(alert.number()), ShowTime(alert.raise_time()),
                  ShowKind(alert.kind()), alert.subject(),
                  mailed  ? ShowTime(alert.mail_time())
                  : waits ? "waits"
                          : "no",
                  absl::StrCat(alert.recipients()), alert.member(),
                  alert.text()});
  }
  table.Print(std::cout);
  return kExitOk;
}

using FlagsPointer = std::shared_ptr<AlertFlags>;  // With the callbacks.

void AddSet(CLI::App* alerts, Invocation* invocation,
            const FlagsPointer& flags) {
  CLI::App* set = alerts->add_subcommand(
      "set", "Change when something is told; what is not given stays");
  CLI::Option* name = set->add_option("--cluster-name", flags->cluster_name,
                                      "Stands in subjects; \"\": its id");
  set->add_option("--usage", flags->usage_percent,
                  "Pools from so many percent on")
      ->check(CLI::Range(1, 100));
  set->add_option("--usage-held", flags->usage_held, "... for so long")
      ->type_name("DURATION");
  set->add_option("--denials", flags->denials_per_hour,
                  "More denials of a feature in an hour than this")
      ->check(CLI::Range(1, 1'000'000));
  set->add_option("--member-down", flags->member_down,
                  "Members that do not answer for so long; 5s to 24h")
      ->type_name("DURATION");
  set->add_option("--mails-per-hour", flags->mails_per_hour,
                  "At most; what is over goes into one mail")
      ->check(CLI::Range(2, 1'000));
  set->add_option("--off", flags->off, "Nothing of these kinds")
      ->type_name("KIND");
  set->add_option("--on", flags->on, "These kinds again")->type_name("KIND");
  set->footer(absl::StrCat(
      kKindsHelp,
      "\n\nExample: quorate alerts set --usage 95 --usage-held 30m"));
  set->callback([invocation, flags, name] {
    flags->has_cluster_name = name->count() > 0;
    invocation->run = [invocation, flags] {
      return Change(*invocation, [&flags](AlertSettings* settings) {
        return Edited(*flags, settings);
      });
    };
  });
}

void AddRecipients(CLI::App* alerts, Invocation* invocation,
                   const FlagsPointer& flags) {
  CLI::App* recipients =
      alerts->add_subcommand("recipients", "Who is told; at most 50");
  recipients->require_subcommand(1);
  CLI::App* add = recipients->add_subcommand(
      "add", "Tell somebody, or tell him of other kinds");
  add->add_option("ADDRESS", flags->address, "A mail address")->required();
  add->add_option("--kinds", flags->kinds, "Only of these; all where left out")
      ->delimiter(',')
      ->type_name("KINDS");
  add->footer(absl::StrCat(kKindsHelp,
                           "\n\nExample: quorate alerts recipients add "
                           "licences@plant.example --kinds "
                           "license-expires,pool-usage"));
  add->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Change(*invocation, [&flags](AlertSettings* settings) {
        return Added(*flags, settings);
      });
    };
  });
  CLI::App* remove =
      recipients->add_subcommand("remove", "Tell somebody no more");
  remove->add_option("ADDRESS", flags->address, "A mail address")->required();
  remove->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Change(*invocation, [&flags](AlertSettings* settings) {
        return Removed(*flags, settings);
      });
    };
  });
}

}  // namespace

void AddAlertsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* alerts = app->add_subcommand("alerts", "Who is told what by mail");
  alerts->require_subcommand(0, 1);
  const auto flags = std::make_shared<AlertFlags>();
  const auto show = [invocation] {
    invocation->run = [invocation] { return Show(*invocation); };
  };
  alerts->add_subcommand("show", "Show when something is told, and to whom")
      ->callback(show);
  alerts->callback([alerts, show] {
    if (alerts->get_subcommands().empty()) show();
  });
  AddSet(alerts, invocation, flags);
  AddRecipients(alerts, invocation, flags);
  CLI::App* test = alerts->add_subcommand(
      "test", "Mail a test now, and show what came of it");
  test->add_option("ADDRESS", flags->addresses,
                   "To whom; all recipients where left out");
  test->footer(
      "The member that answers mails it: with --endpoints each is tried by "
      "itself.\nExit code 1 where the mail server did not take it.");
  test->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Test(*invocation, *flags); };
  });
  CLI::App* sent = alerts->add_subcommand(
      "sent", "Show the last 1000 alerts, mailed or not");
  sent->add_option("--kind", flags->kind, "Only of this kind")
      ->type_name("KIND");
  sent->add_flag("--local", flags->local,
                 "What the answering member has; works without a majority");
  sent->footer(kKindsHelp);
  sent->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Sent(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
