#include "server/alert_watch.h"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/log.h"
#include "base/status.h"
#include "replication/node/calendar_state.h"
#include "replication/state_store.h"
#include "server/alerts/alert_mail.h"
#include "server/rpc/member_view.h"

namespace quorate::server {
namespace {

using alerts::Observation;
using licensing::PoolView;

// A read or proposal that takes longer: the next look comes anyhow.
constexpr absl::Duration kTimeout = absl::Seconds(2);

// Denials are counted by the hour.
constexpr absl::Duration kDenialsPeriod = absl::Seconds(10);

// What one reading of them may take.
constexpr absl::Duration kDenialsTime = absl::Seconds(2);

// Of one page: less than a millisecond of the applier's time.
constexpr size_t kPoolsOfPage = 500;
constexpr int kFeaturesOfPage = 5'000;

// Pools and licences have limits of their own; this ends a look whatever comes.
constexpr int kMaxPages = 10'000;

// What counts as used up, of what; nothing of pools that have no end.
std::optional<alerts::PoolUse> UseOf(const PoolView& pool) {
  if (!pool.licensed) return std::nullopt;
  switch (pool.kind.counting) {
    case licensing::Counting::kCounted:
      return alerts::PoolUse{
          .pool = pool.name, .total = pool.total, .out = pool.out};
    case licensing::Counting::kCredits:
    case licensing::Counting::kNamed:
      return alerts::PoolUse{
          .pool = pool.name, .total = pool.used + pool.left, .out = pool.used};
    case licensing::Counting::kUncounted:
    case licensing::Counting::kTokens:  // Another pool's units.
      break;
  }
  return std::nullopt;
}

constexpr auto kDenials = history::HistoryKind::kHourDenialTotal;

// Of a feature in one of the hours that begin at `hour` and an hour before.
absl::StatusOr<uint64_t> MostDenials(history::HistoryView* history,
                                     const std::string& feature, int64_t hour) {
  uint64_t most = 0;
  QUORATE_RETURN_IF_ERROR(history->VisitRecords(
      kDenials, feature, hour - history::kHourMs, hour + history::kHourMs,
      [&most](const history::HistoryKey& /*key*/,
              absl::string_view value) -> absl::Status {
        internal::v1::DenialRecord record;
        if (record.ParseFromArray(value.data(),
                                  static_cast<int>(value.size()))) {
          most = std::max<uint64_t>(most, record.denials());
        }
        return absl::OkStatus();
      }));
  return most;
}

}  // namespace

// What one look has found so far.
struct AlertWatch::Seen {
  Observation observation;
  internal::v1::AlertSettings settings;
  licensing::AlertBook::Marks marks;
  std::string last_pool;
  std::string last_license;
  bool pools_done = false;
  bool licenses_done = false;

  void TakeBook(const licensing::AlertBook& book) {
    settings = book.settings().settings();
    marks = book.marks();
    // The newest alert never makes room (AlertBook::MakeRoom).
    observation.room =
        licensing::kMaxAlerts - 1 -
        std::min(book.waiting_count(), licensing::kMaxAlerts - 1);
  }

  void TakePools(const licensing::Ledger& ledger) {
    const std::vector<PoolView> pools = ledger.Pools(last_pool, kPoolsOfPage);
    for (const PoolView& pool : pools) {
      if (auto use = UseOf(pool)) observation.pools.push_back(*std::move(use));
    }
    pools_done = pools.size() < kPoolsOfPage;
    if (!pools.empty()) last_pool = pools.back().name;
  }

  void TakeLicenses(const licensing::Ledger& ledger) {
    int features = 0;
    licenses_done = true;
    ledger.VisitLicenses(
        last_license, [&](const internal::v1::LicenseRecord& license) {
          licenses_done = features < kFeaturesOfPage;
          if (!licenses_done) return false;
          features += 1 + license.terms().features_size();
          last_license = license.terms().license_id();
          alerts::AppendEnds(license.terms(), &observation.ends);
          return true;
        });
  }
};

void AlertWatch::Look() {
  if (!deps_.node->LeadsHint()) {
    timers_.Clear();
    pass_ = {};
    return;
  }
  Seen seen;
  if (!Read(&seen)) return;
  AddHealth(&seen.observation);
  ReportRoom(seen.observation.room, seen.marks.size());
  const internal::v1::RaiseAlerts due = alerts::DecideAlerts(
      seen.observation, seen.settings, seen.marks, &timers_);
  if (due.alerts().empty() && due.ended_keys().empty()) return;
  Raise(due);
}

// Once for as long as it is so: what is not raised is looked for each time.
void AlertWatch::ReportRoom(size_t room, size_t marks) {
  const bool full =
      room == 0 || marks >= licensing::kMaxAlertMarks - alerts::kReservedMarks;
  if (full == std::exchange(full_, full) || !full) return;
  LogWarn("alerts", "full",
          {{"waiting_for_mail", room == 0 ? "too_many" : "fewer"},
           {"told_and_still_so", absl::StrCat(marks)}});
}

bool AlertWatch::Read(Seen* seen) {
  for (int page = 0; !seen->pools_done || !seen->licenses_done; ++page) {
    if (page == kMaxPages) return false;
    const bool read = AwaitRead([this, seen] {
      const LicensingView& view = *deps_.view;
      if (!seen->pools_done) seen->TakePools(*view.ledger);
      if (!seen->licenses_done) seen->TakeLicenses(*view.ledger);
      // Thousands of marks are copied once, not with each page.
      if (seen->pools_done && seen->licenses_done) seen->TakeBook(*view.alerts);
    });
    if (!read) return false;
  }
  const absl::Duration now = deps_.clock->SinceBoot();
  if (now < denials_due_) return true;
  denials_due_ = now + kDenialsPeriod;
  ReadDenials(&seen->observation);
  return true;
}

// Runs `look` on the applier thread.
bool AlertWatch::AwaitRead(const std::function<void()>& look) {
  // Shared: who sets it may still hold it when the waiting is over.
  const auto read = std::make_shared<std::promise<bool>>();
  deps_.node->Read({.kind = replication::ReadConsistency::Kind::kLinearizable},
                   kTimeout, [&look, read](replication::ReadOutcome outcome) {
                     if (outcome == replication::ReadOutcome::kOk) look();
                     read->set_value(outcome == replication::ReadOutcome::kOk);
                   });
  // The node answers each read, and none later than after its timeout.
  return read->get_future().get();
}

void AlertWatch::ReadDenials(Observation* observation) {
  // Nothing waits for the node while there is one: the applier may wait for
  // cursors to go (StateStore::Install).
  std::unique_ptr<replication::RecordCursor> cursor;
  const bool read = AwaitRead([this, &cursor] {
    auto taken = deps_.view->records->NewCursor();
    if (taken.ok()) cursor = *std::move(taken);
  });
  if (!read || cursor == nullptr) return;
  const absl::Duration end = deps_.clock->SinceBoot() + kDenialsTime;
  auto history = history::HistoryView::Open(
      cursor.get(),
      [clock = deps_.clock, end] { return clock->SinceBoot() >= end; });
  if (!history.ok()) return;
  const absl::Status status = ReadOn(&*history);
  // Where the time was over, the next look goes on.
  if (absl::IsCancelled(status)) return;
  if (status.ok()) {
    observation->denials = std::move(pass_.found);
    observation->denials_known = true;
  }
  pass_ = {};
}

// To the last feature, or CANCELLED where the time is over.
absl::Status AlertWatch::ReadOn(history::HistoryView* history) {
  const int64_t hour =
      history::FloorHour(std::max<int64_t>(deps_.node->CalendarMsHint(), 0));
  while (true) {
    QUORATE_ASSIGN_OR_RETURN(const std::optional<std::string> next,
                             history->NextFeatureOf(kDenials, pass_.feature));
    if (!next.has_value()) return absl::OkStatus();
    QUORATE_ASSIGN_OR_RETURN(const uint64_t most,
                             MostDenials(history, *next, hour));
    if (most > 0) pass_.found.push_back({.feature = *next, .count = most});
    pass_.feature = *next;
    QUORATE_RETURN_IF_ERROR(history->CheckTime());
  }
}

void AlertWatch::AddHealth(Observation* observation) const {
  observation->cluster_ms = deps_.node->ClusterMsHint();
  observation->calendar_ms = deps_.node->CalendarMsHint();
  const replication::NodeStatus status = deps_.node->Status();
  std::map<raft::MemberId, std::string> names;
  for (const raft::MemberAddress& member : status.configuration.addresses) {
    names[member.id] = member.name;
    observation->members.push_back(
        {.member = member.name,
         .reachable = ContactOf(status, member.id).reachable});
  }
  if (!status.calendar.has_value()) return;
  for (const replication::ClockAlarm& alarm :
       replication::AlarmsOf(*status.calendar)) {
    observation->clocks.push_back(
        {.alarm = std::string(replication::ClockAlarmName(alarm.kind)),
         .member = names[alarm.member],
         .ahead_ms = absl::ToInt64Milliseconds(alarm.ahead)});
  }
}

void AlertWatch::Raise(const internal::v1::RaiseAlerts& due) {
  internal::v1::Command command;
  command.set_not_after_cluster_ms(deps_.node->ClusterMsHint() +
                                   licensing::kAttemptMs);
  *command.mutable_raise_alerts() = due;
  const auto raised = std::make_shared<std::promise<bool>>();
  deps_.node->Propose(
      command.SerializeAsString(), kTimeout,
      [raised](const replication::ProposeResult& result) {
        raised->set_value(
            result.outcome == replication::ProposeOutcome::kApplied &&
            static_cast<const LicensingAnswer&>(*result.answer).ledger.ok());
      });
  // Where it is not known whether it is in the log, the next look sees it.
  if (!raised->get_future().get()) return;
  for (const internal::v1::AlertFacts& facts : due.alerts()) {
    internal::v1::AlertRecord record;
    *record.mutable_facts() = facts;
    record.set_raised_calendar_ms(deps_.node->CalendarMsHint());
    LogWarn("alerts", "raised",
            {{"alert", alerts::SubjectOf(record)}, {"key", facts.key()}});
  }
}

}  // namespace quorate::server
