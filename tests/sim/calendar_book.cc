#include "tests/sim/calendar_book.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "server/licensing/pool_kind.h"
#include "server/licensing/record_codec.h"

namespace quorate::sim {
namespace {

using internal::v1::SeatRecord;
using internal::v1::SessionRecord;
using licensing::RecordChange;
using licensing::RecordFamily;

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = int64_t{24} * 60 * kMinuteMs;

int64_t EndOfMonth(int64_t ms) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilMonth month =
      absl::ToCivilMonth(absl::FromUnixMillis(ms), utc);
  return absl::ToUnixMillis(absl::FromCivil(month + 1, utc));
}

bool IsOf(const RecordChange& change, RecordFamily family) {
  const auto is = licensing::FamilyOf(change.key);
  return is.ok() && *is == family;
}

}  // namespace

void CalendarBook::OnLicense(const internal::v1::LicenseTerms& license) {
  for (const internal::v1::FeatureTerms& terms : license.features()) {
    const std::string pool = licensing::PoolName(licensing::KindOf(terms));
    if (terms.casual_minutes() > 0) {
      limits_ms_[pool] = terms.casual_minutes() * kMinuteMs;
    }
    if (terms.trial_days() > 0) {
      trials_[pool].span_ms = terms.trial_days() * kDayMs;
    }
  }
}

void CalendarBook::Pass(const Key& key, int64_t now_ms, Minutes* minutes,
                        std::set<uint64_t>* due) {
  const int64_t limit_ms = limits_ms_.at(key.first);
  bool over = false;
  while (minutes->counted_ms < now_ms) {
    const int64_t month_end_ms = EndOfMonth(minutes->counted_ms);
    const int64_t until_ms = std::min(now_ms, month_end_ms);
    const bool runs = !minutes->handles.empty() && !over;
    if (runs) minutes->used_ms += until_ms - minutes->counted_ms;
    // What is used up just as the month ends goes on.
    if (runs && minutes->used_ms >= limit_ms &&
        (until_ms < month_end_ms || minutes->used_ms > limit_ms)) {
      over = true;
      over_.insert({key.second, month_end_ms});
    }
    minutes->counted_ms = until_ms;
    if (until_ms == month_end_ms) minutes->used_ms = 0;
  }
  if (over) due->insert(minutes->handles.begin(), minutes->handles.end());
}

std::string CalendarBook::PutSeat(const RecordChange& change, int64_t now_ms) {
  const auto record =
      licensing::ParseRecord<SeatRecord>(change.key, *change.value);
  if (!record.ok()) return "";
  const bool casual = limits_ms_.count(record->pool()) > 0;
  const auto trial = trials_.find(record->pool());
  if (!casual && trial == trials_.end()) return "";
  const auto [position, added] = seats_.try_emplace(record->handle());
  handles_[change.key] = record->handle();
  Seat& seat = position->second;
  const bool more = record->count() > seat.count;
  seat.count = record->count();
  if (added) {
    seat.pool = record->pool();
    seat.user = users_[record->session_id()];
  }
  if (casual && added) {
    Minutes& minutes = minutes_[{seat.pool, seat.user}];
    if (minutes.counted_ms == 0) minutes.counted_ms = now_ms;
    minutes.handles.insert(record->handle());
    if (minutes.used_ms >= limits_ms_.at(seat.pool)) {
      return absl::StrCat(
          "no casual user has more minutes than a month's: ", seat.user,
          " got seat ", record->handle(), " after ", minutes.used_ms, " ms");
    }
  }
  if (trial == trials_.end() || !more) return "";
  if (!trial->second.began_ms.has_value()) trial->second.began_ms = now_ms;
  const int64_t end_ms = *trial->second.began_ms + trial->second.span_ms;
  if (now_ms < end_ms) return "";
  return absl::StrCat("a trial ends for all at once: ", seat.user, " got seat ",
                      record->handle(), " ", now_ms - end_ms, " ms after it");
}

void CalendarBook::EraseSeat(uint64_t handle) {
  const auto seat = seats_.find(handle);
  if (seat == seats_.end()) return;
  const auto minutes = minutes_.find({seat->second.pool, seat->second.user});
  if (minutes != minutes_.end()) minutes->second.handles.erase(handle);
  seats_.erase(seat);
}

std::string CalendarBook::OnEntry(int64_t calendar_ms,
                                  const std::vector<RecordChange>& changes) {
  std::set<uint64_t> due;
  for (auto& [key, minutes] : minutes_)
    Pass(key, calendar_ms, &minutes, &due);
  std::string broken;
  for (const RecordChange& change : changes) {
    if (IsOf(change, RecordFamily::kSession) && change.value.has_value()) {
      const auto session =
          licensing::ParseRecord<SessionRecord>(change.key, *change.value);
      if (session.ok()) {
        users_[session->session_id()] = session->description().user();
      }
    }
    if (!IsOf(change, RecordFamily::kSeat)) continue;
    const auto handle = handles_.find(change.key);
    if (change.value.has_value()) {
      const std::string fault = PutSeat(change, calendar_ms);
      if (broken.empty()) broken = fault;
    } else if (handle != handles_.end()) {
      EraseSeat(handle->second);
    }
  }
  for (const uint64_t handle : due) {
    const auto seat = seats_.find(handle);
    if (seat != seats_.end() && broken.empty()) {
      broken = absl::StrCat(
          "no casual user has more minutes than a month's: ", seat->second.user,
          " keeps seat ", handle, " at ", calendar_ms);
    }
    taken_back_.insert(handle);
    all_taken_back_.insert(handle);
  }
  return broken;
}

std::set<uint64_t> CalendarBook::TakeTakenBack() {
  std::set<uint64_t> taken_back;
  std::swap(taken_back, taken_back_);
  return taken_back;
}

std::string CalendarBook::OnTrialOver(int64_t calendar_ms) const {
  const bool over =
      std::any_of(trials_.begin(), trials_.end(), [&](const auto& each) {
        const Trial& trial = each.second;
        return trial.began_ms.has_value() &&
               calendar_ms >= *trial.began_ms + trial.span_ms;
      });
  return over ? "" : absl::StrCat("no trial ends early: over at ", calendar_ms);
}

std::string CalendarBook::OnMinutesOver(const std::string& user,
                                        int64_t calendar_ms) const {
  if (over_.count({user, EndOfMonth(calendar_ms)}) > 0) return "";
  return absl::StrCat("no minutes are over early: those of ", user, " at ",
                      calendar_ms);
}

}  // namespace quorate::sim
