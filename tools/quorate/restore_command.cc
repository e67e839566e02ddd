#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "client/error.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/duration.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using admin::v1::GetRestorationResponse;

// How long one member of the old cluster is asked.
constexpr absl::Duration kOldAttempt = absl::Seconds(5);

struct ReleaseFlags {
  uint32_t old_epoch = 0;
  bool retire = false;
  bool gone = false;
  std::string stopped_for;
  std::vector<std::string> old_endpoints;
};

void Print(const Invocation& invocation,
           const GetRestorationResponse& restoration) {
  if (invocation.output == OutputFormat::kJson) {
    PrintJson(restoration, std::cout);
    return;
  }
  const std::string state =
      admin::v1::RestorationState_Name(restoration.state());
  std::cout << "cluster      " << restoration.header().cluster_id() << " epoch "
            << restoration.header().cluster_epoch() << "\n"
            << "state        "
            << absl::AsciiStrToLower(
                   absl::StripPrefix(state, "RESTORATION_STATE_"))
            << "\n";
  if (restoration.old_epoch() != 0) {
    std::cout << "restored     from epoch " << restoration.old_epoch() << ", "
              << absl::StrJoin(restoration.old_endpoints(), " ") << "\n";
  }
  if (restoration.state() == admin::v1::RESTORATION_STATE_QUIET) {
    std::cout << "grants in    " << ShowDuration(restoration.quiet_time())
              << "\n";
  }
  if (!restoration.released_by().empty()) {
    std::cout << "released by  " << restoration.released_by() << ", "
              << ShowTime(restoration.release_time()) << "\n"
              << "old cluster  "
              << (restoration.old_cluster_is_gone()
                      ? absl::StrCat("gone by their word, for ",
                                     ShowDuration(restoration.stopped_for()))
                      : "retired before")
              << "\n";
  }
  if (restoration.retired_for_epoch() != 0) {
    std::cout << "retired      for epoch " << restoration.retired_for_epoch()
              << " by " << restoration.retired_by() << "\n";
  }
}

int Status(const Invocation& invocation, bool local) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto restoration = Cluster(*options).GetRestoration(local);
  if (!restoration.ok()) return Fail(invocation, restoration.status());
  Print(invocation, *restoration);
  return kExitOk;
}

// The options for one member of the old cluster: it takes the same
// certificates.
ClientOptions OptionsFor(const ClientOptions& options,
                         const std::string& endpoint) {
  ClientOptions one = options;
  one.endpoints = {endpoint};
  one.deadline = std::min(kOldAttempt, options.deadline);
  return one;
}

// What answers at an old member's address, and is not the restored cluster
// itself, is the old one, with a quorum or not, or another one that was
// restored in its place; or something that will not say what it is. Empty where
// nothing answers.
std::string FindAlive(const ClientOptions& options,
                      const std::vector<std::string>& endpoints,
                      const GetRestorationResponse& restored) {
  for (const std::string& endpoint : endpoints) {
    const auto found =
        Cluster(OptionsFor(options, endpoint)).GetRestoration(/*local=*/true);
    if (found.ok()) {
      if (found->restore_id() == restored.restore_id()) continue;
      return absl::StrCat(endpoint, " answers with epoch ",
                          found->header().cluster_epoch());
    }
    const bool silent = ReasonOf(found.status()) == ErrorReason::kUnspecified &&
                        (absl::IsUnavailable(found.status()) ||
                         absl::IsDeadlineExceeded(found.status()));
    if (silent) continue;
    return absl::StrCat(endpoint, " answers with ", found.status().message());
  }
  return "";
}

absl::StatusOr<google::protobuf::Duration> Retire(
    const ClientOptions& options, const std::vector<std::string>& endpoints,
    const GetRestorationResponse& restoration) {
  admin::v1::RetireClusterRequest request;
  request.set_cluster_id(restoration.header().cluster_id());
  request.set_cluster_epoch(restoration.old_epoch());
  request.set_epoch(restoration.header().cluster_epoch());
  request.set_restore_id(restoration.restore_id());
  absl::Status last = absl::UnavailableError("no address is known");
  for (const std::string& endpoint : endpoints) {
    const auto retired =
        Cluster(OptionsFor(options, endpoint)).RetireCluster(request);
    if (retired.ok()) return retired->longest_lease();
    last = Annotate(retired.status(), endpoint);
    // A No is the cluster's, and no other member says Yes.
    if (absl::IsUnavailable(last) || absl::IsDeadlineExceeded(last)) continue;
    return Annotate(last, "the old cluster was not retired");
  }
  return Annotate(last,
                  "the old cluster was not retired (where it can never have a "
                  "majority again, stop what is left of it, and say "
                  "--old-cluster-is-gone)");
}

// What to tell the restored cluster about the old one.
absl::StatusOr<admin::v1::ReleaseRestoredRequest> SettleOldCluster(
    const ClientOptions& options, const ReleaseFlags& flags,
    const GetRestorationResponse& restoration) {
  std::vector<std::string> endpoints = flags.old_endpoints;
  if (endpoints.empty()) {
    endpoints.assign(restoration.old_endpoints().begin(),
                     restoration.old_endpoints().end());
  }
  for (const std::string& endpoint : endpoints) {
    QUORATE_RETURN_IF_ERROR(OptionsFor(options, endpoint).Validate());
  }
  admin::v1::ReleaseRestoredRequest request;
  request.set_old_epoch(flags.old_epoch);
  if (!flags.stopped_for.empty()) {
    QUORATE_ASSIGN_OR_RETURN(
        const absl::Duration stopped_for,
        ParsePositiveDuration("--stopped-for", flags.stopped_for));
    request.mutable_stopped_for()->set_seconds(
        absl::ToInt64Seconds(stopped_for));
  }
  if (flags.retire) {
    QUORATE_ASSIGN_OR_RETURN(*request.mutable_longest_lease(),
                             Retire(options, endpoints, restoration));
    return request;
  }
  const std::string alive = FindAlive(options, endpoints, restoration);
  if (!alive.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the old cluster lives: ", alive,
                     ". --retire-old-cluster retires it for ever. Where it has "
                     "lost its majority, stop that member. Else leave this one "
                     "on hold"));
  }
  if (!flags.gone) {
    return absl::FailedPreconditionError(
        "no member of the old cluster answers from here, which does not mean "
        "that none serves. Say --old-cluster-is-gone if it can never come "
        "back, or --old-endpoints where it is");
  }
  request.set_old_cluster_is_gone(true);
  return request;
}

int Release(const Invocation& invocation, const ReleaseFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  Cluster cluster(*options);
  auto restoration = cluster.GetRestoration(/*local=*/false);
  if (!restoration.ok()) return Fail(invocation, restoration.status());
  if (restoration->old_epoch() != flags.old_epoch) {
    const std::string why =
        restoration->old_epoch() == 0
            ? std::string(
                  "was not restored from a backup: is this the old "
                  "cluster? --endpoints has to name the restored one")
            : absl::StrCat("was restored from epoch ", restoration->old_epoch(),
                           ", not ", flags.old_epoch);
    return Fail(invocation,
                absl::FailedPreconditionError(absl::StrCat(
                    "the cluster that was asked, of "
                    "epoch ",
                    restoration->header().cluster_epoch(), ", ", why)));
  }
  if (restoration->state() == admin::v1::RESTORATION_STATE_ON_HOLD) {
    const auto request = SettleOldCluster(*options, flags, *restoration);
    if (!request.ok()) return Fail(invocation, request.status());
    const auto released = cluster.ReleaseRestored(*request);
    if (!released.ok()) return Fail(invocation, released.status());
    restoration = cluster.GetRestoration(/*local=*/false);
    if (!restoration.ok()) return Fail(invocation, restoration.status());
  }
  Print(invocation, *restoration);
  return kExitOk;
}

void AddRelease(CLI::App* restore, Invocation* invocation) {
  CLI::App* release = restore->add_subcommand(
      "release", "Let a restored cluster serve in place of the old one");
  const auto flags = std::make_shared<ReleaseFlags>();  // With the callback.
  release
      ->add_option("--old-epoch", flags->old_epoch,
                   "The epoch of the cluster that was backed up")
      ->required();
  auto* retire = release->add_flag(
      "--retire-old-cluster", flags->retire,
      "Retire the old cluster first: it never grants or renews again");
  CLI::Option* gone = release->add_flag(
      "--old-cluster-is-gone", flags->gone,
      "It can never come back, nor did another restored one take its place");
  gone->excludes(retire);
  release
      ->add_option("--stopped-for", flags->stopped_for,
                   "It stopped at least so long ago: so much less is waited")
      ->needs(gone)
      ->type_name("DURATION");
  release
      ->add_option("--old-endpoints", flags->old_endpoints,
                   "Where the old cluster is, if not where the backup says")
      ->delimiter(',')
      ->type_name("LIST");
  release->footer(
      "No seat is granted before the last lease of the old cluster has ended: "
      "as long as it\nsays when it is retired, and 75 minutes, the longest "
      "there can be, where it is gone.\nWho says that it is gone while it "
      "serves hands the same seats out twice; your name is\nkept with it."
      "\n\nExamples:\n"
      "  quorate restore release --old-epoch 1 --retire-old-cluster\n"
      "  quorate restore release --old-epoch 1 --old-cluster-is-gone "
      "--stopped-for 40m");
  release->callback([invocation, flags] {
    invocation->run = [invocation, flags] {
      return Release(*invocation, *flags);
    };
  });
}

}  // namespace

void AddRestoreCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* restore = app->add_subcommand(
      "restore", "See and release a cluster restored from a backup");
  restore->require_subcommand(0, 1);
  // What many will type first.
  const auto file = std::make_shared<std::string>();  // With the callback.
  restore->add_option("FILE", *file, "")->group("");
  restore->footer(
      "A backup is restored on each machine of the new cluster, by\n"
      "  quorated restore --config CONFIG --backup FILE\n"
      "and `quorated run`. Then `quorate restore status` says that it is on "
      "hold, and `quorate restore\nrelease` lets it serve. "
      "docs/operations.md has it step by step.");
  restore->callback([restore, invocation] {
    if (!restore->get_subcommands().empty()) return;
    invocation->run = [invocation] {
      return Fail(*invocation,
                  absl::InvalidArgumentError(
                      "say `restore status` or `restore release`; a file is "
                      "restored by `quorated restore --config CONFIG --backup "
                      "FILE`, on each machine of the new cluster"));
    };
  });
  CLI::App* status = restore->add_subcommand(
      "status", "Show whether the cluster is on hold, or retired");
  const auto local = std::make_shared<bool>(false);  // With the callback.
  status->add_flag("--local", *local,
                   "What the member has that answers: may be old, works "
                   "without a quorum");
  status->footer("Example: quorate restore status");
  status->callback([invocation, local] {
    invocation->run = [invocation, local] {
      return Status(*invocation, *local);
    };
  });
  AddRelease(restore, invocation);
}

}  // namespace quorate::cli
