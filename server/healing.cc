#include "server/healing.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/join/rejoiner.h"
#include "server/quarantine.h"

namespace quorate::server {
namespace {

// One attempt, and the pauses between them.
constexpr absl::Duration kAttempt = absl::Seconds(8);
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(30);

// What no waiting changes.
bool IsFinal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsUnauthenticated(status) ||
         absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status) ||
         absl::IsUnimplemented(status);
}

absl::Status StayDown(const absl::Status& why, absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(why.message(), " ", reason));
}

}  // namespace

bool NeedsHealing(const Config& config, const absl::Status& status) {
  if (absl::IsDataLoss(status)) return true;
  return absl::IsNotFound(status) &&
         QuarantinesSince(config.data_dir, absl::InfinitePast()) > 0;
}

absl::Status HealMember(const Config& config, const MemberFiles& files,
                        const absl::Status& why, const Clock& clock,
                        const HealingPause& pause) {
  LogError(
      "server", "data_not_usable",
      {{"data_dir", config.data_dir}, {"error", std::string(why.message())}});
  if (!config.heal) {
    return StayDown(why, "It does not heal itself: storage.heal is false.");
  }
  if (config.members.size() < 2) {
    return StayDown(why, "There is no other member that has the data.");
  }
  const int before =
      QuarantinesSince(config.data_dir, clock.Calendar() - kQuarantineSpan);
  if (absl::IsDataLoss(why) && before + 1 >= kMostQuarantines) {
    return StayDown(
        why, absl::StrCat("This is the ", kMostQuarantines,
                          "rd time within ten minutes: look at the disk and "
                          "the memory of this machine. It stays down until "
                          "the quarantine folders are taken away."));
  }
  absl::Duration wait = kFirstPause;
  std::string logged;
  while (true) {
    const absl::StatusOr<raft::MemberId> id = RejoinCluster(
        config, files, {.quarantine = true, .timeout = kAttempt}, clock);
    if (id.ok()) {
      LogWarn("server", "comes_back",
              {{"member_id", absl::StrCat(id->value())}});
      return absl::OkStatus();
    }
    if (IsFinal(id.status())) return StayDown(why, id.status().message());
    const std::string text(id.status().message());
    if (text != logged) {
      LogWarn("server", "not_let_in_yet", {{"reason", text}});
      logged = text;
    }
    if (!pause(wait)) return absl::CancelledError("stopped");
    wait = std::min(2 * wait, kLongestPause);
  }
}

}  // namespace quorate::server
