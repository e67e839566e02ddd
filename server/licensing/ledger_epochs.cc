// A restored cluster on hold, and one that was retired for it
// (docs/adr/0007-restore.md).

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/refusals.h"
#include "server/licensing/restoration.h"
#include "server/licensing/times.h"

namespace quorate::licensing {

using internal::v1::Command;
using internal::v1::Restoration;

namespace {

uint64_t SessionOfGrant(const Command& command) {
  switch (command.body_case()) {
    case Command::kCheckout:
      return command.checkout().session_id();
    case Command::kResizeSeat:
      return command.resize_seat().session_id();
    case Command::kConfirmBooking:
      return command.confirm_booking().session_id();
    case Command::kBorrow:
      return command.borrow().session_id();
    default:
      return std::numeric_limits<uint64_t>::max();  // A new one.
  }
}

LedgerAnswer RefuseEpoch(uint32_t meant, const Tables& tables) {
  return Refuse(type::v1::ERROR_REASON_EPOCH_MISMATCH,
                {{"epoch", absl::StrCat(meant)},
                 {"cluster_epoch", absl::StrCat(tables.cluster_epoch)}});
}

LedgerAnswer RefuseRetired(const Tables& tables) {
  const internal::v1::Retirement& retirement = *tables.retirement;
  return Refuse(type::v1::ERROR_REASON_CLUSTER_RETIRED,
                {{"retired_for_epoch", absl::StrCat(retirement.epoch())},
                 {"retired_by", retirement.retired_by()}});
}

}  // namespace

std::optional<LedgerAnswer> Ledger::State::RefuseByEpoch(
    const Command& command) const {
  const Command::BodyCase body = command.body_case();
  const bool grants = body == Command::kCheckout ||
                      body == Command::kResizeSeat ||
                      body == Command::kBorrow || body == Command::kBook ||
                      body == Command::kConfirmBooking;
  // What would add to what may be used, or prolong it.
  const bool adds = grants || body == Command::kOpenSession ||
                    body == Command::kRenewSessions ||
                    body == Command::kInstallLicense;
  if (!adds) return std::nullopt;
  if (tables_.retirement.has_value()) return RefuseRetired(tables_);
  if (!tables_.restoration.has_value()) return std::nullopt;
  const Restoration& restoration = *tables_.restoration;
  if (!restoration.released()) {
    return Refuse(type::v1::ERROR_REASON_RESTORED_ON_HOLD,
                  {{"old_epoch", absl::StrCat(restoration.old_epoch())},
                   {"waits_for", "release"}});
  }
  const int64_t left_ms =
      restoration.quiet_until_cluster_ms() - tables_.counters.cluster_ms;
  if (!grants) return std::nullopt;
  // A client of the old cluster believes in nothing that is granted here.
  const uint64_t session_id = SessionOfGrant(command);
  if (left_ms <= 0 && IsOfOldEpoch(session_id)) {
    return Refuse(type::v1::ERROR_REASON_SESSION_NOT_FOUND,
                  {{"session", absl::StrCat(session_id)}});
  }
  if (left_ms <= 0) return std::nullopt;
  return Refuse(type::v1::ERROR_REASON_RESTORED_ON_HOLD,
                {{"old_epoch", absl::StrCat(restoration.old_epoch())},
                 {"waits_for", "old_leases"},
                 {"seconds_left", absl::StrCat((left_ms + 999) / 1000)}});
}

bool Ledger::State::IsOfOldEpoch(uint64_t session_id) const {
  return tables_.restoration.has_value() &&
         session_id < tables_.restoration->first_session_id();
}

LedgerAnswer Ledger::State::ReleaseRestored(const Command& command) {
  const internal::v1::ReleaseRestored& body = command.release_restored();
  if (tables_.retirement.has_value()) return RefuseRetired(tables_);
  if (!tables_.restoration.has_value() ||
      tables_.restoration->old_epoch() != body.old_epoch()) {
    return RefuseEpoch(body.old_epoch(), tables_);
  }
  const int64_t longest_ms = LeaseEndMs(0, kMaxTtlMs);
  if (body.longest_lease_ms() < 0 || body.longest_lease_ms() > longest_ms) {
    return RefuseField("longest_lease",
                       absl::StrCat("must be 0 to ", longest_ms, " ms"));
  }
  if (body.stopped_for_ms() < 0 ||
      (body.stopped_for_ms() > 0 && !body.old_cluster_is_gone())) {
    return RefuseField("stopped_for", "must be positive, of one that is gone");
  }
  Restoration& restoration = *tables_.restoration;
  if (restoration.released()) return {};
  const int64_t quiet_ms =
      body.old_cluster_is_gone()
          ? std::max<int64_t>(0, longest_ms - body.stopped_for_ms())
          : body.longest_lease_ms();
  restoration.set_released(true);
  restoration.set_released_by(command.principal());
  restoration.set_released_calendar_ms(tables_.counters.calendar_ms);
  restoration.set_old_cluster_is_gone(body.old_cluster_is_gone());
  restoration.set_stopped_for_ms(body.stopped_for_ms());
  // Never before the old cluster itself might have granted a seat.
  restoration.set_quiet_until_cluster_ms(
      std::max(restoration.quiet_until_cluster_ms(),
               AddMs(tables_.counters.cluster_ms, quiet_ms)));
  written_.reset();
  return {};
}

LedgerAnswer Ledger::State::RetireCluster(const Command& command) {
  const internal::v1::RetireCluster& body = command.retire_cluster();
  if (!IsRequestId(body.restore_id())) {
    return RefuseField("restore_id",
                       "must be 1 to 64 printable ASCII characters");
  }
  if (body.cluster_epoch() != tables_.cluster_epoch ||
      body.epoch() <= tables_.cluster_epoch) {
    return RefuseEpoch(body.cluster_epoch(), tables_);
  }
  if (tables_.retirement.has_value()) {
    const bool same = tables_.retirement->epoch() == body.epoch() &&
                      tables_.retirement->restore_id() == body.restore_id();
    return same ? LedgerAnswer() : RefuseRetired(tables_);
  }
  internal::v1::Retirement& retirement = tables_.retirement.emplace();
  retirement.set_epoch(body.epoch());
  retirement.set_restore_id(body.restore_id());
  retirement.set_retired_by(command.principal());
  retirement.set_retired_calendar_ms(tables_.counters.calendar_ms);
  written_.reset();
  return {};
}

const Restoration* Ledger::restoration() const {
  const auto& restoration = state_->tables().restoration;
  return restoration.has_value() ? &*restoration : nullptr;
}

const internal::v1::Retirement* Ledger::retirement() const {
  const auto& retirement = state_->tables().retirement;
  return retirement.has_value() ? &*retirement : nullptr;
}

int64_t Ledger::LongestLeaseMs() const {
  const SessionTable& sessions = state_->tables().sessions;
  const auto& ends = sessions.by_lease_end();
  for (auto last = ends.rbegin(); last != ends.rend(); ++last) {
    // Nobody believes in what others than applications hold by a lease.
    if (!IsApplication(sessions.Find(last->second)->record)) continue;
    return std::max<int64_t>(0, last->first - time().cluster_ms);
  }
  return 0;
}

}  // namespace quorate::licensing
