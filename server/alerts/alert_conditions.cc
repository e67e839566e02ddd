#include "server/alerts/alert_conditions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace quorate::alerts {
namespace {

using internal::v1::AlertFacts;
using internal::v1::AlertKind;
using internal::v1::AlertSettings;
using internal::v1::RaiseAlerts;
using licensing::AlertBook;

// The beginnings of keys, for ever.
constexpr absl::string_view kExpiry = "license_expires/";
constexpr absl::string_view kUsage = "pool_usage/";
constexpr absl::string_view kDenied = "denials/";
constexpr absl::string_view kDown = "member_down/";
constexpr absl::string_view kBack = "member_back/";
constexpr absl::string_view kClock = "clock/";

// A pool's name has all hosts of its licence in it.
constexpr size_t kMaxNameBytes = 200;

// FNV-1a: names that begin alike must stay apart.
uint64_t HashOf(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::string ShortName(absl::string_view name) {
  if (name.size() <= kMaxNameBytes) return std::string(name);
  return absl::StrCat(name.substr(0, kMaxNameBytes - 17), "#",
                      absl::Hex(HashOf(name), absl::kZeroPad16));
}

// 0: nothing to tell of.
uint32_t StageOf(int64_t left_ms) {
  uint32_t stage = 0;
  if (left_ms <= -kEndedMemoryMs) return stage;
  for (const int days : kDaysBeforeEnd) {
    if (left_ms > days * kAlertDayMs) return stage;
    ++stage;
  }
  return left_ms > 0 ? stage : stage + 1;
}

// One round.
class Decision {
 public:
  Decision(const Observation& seen, const AlertSettings& settings,
           const AlertBook::Marks& marks, AlertTimers* timers)
      : seen_(seen),
        settings_(settings),
        marks_(marks),
        timers_(timers),
        denied_features_(CountOf(kDenied)) {}

  RaiseAlerts Run() {
    if (IsOn(internal::v1::ALERT_KIND_MEMBER_DOWN)) LookAtMembers();
    if (IsOn(internal::v1::ALERT_KIND_CLOCK)) LookAtClocks();
    if (IsOn(internal::v1::ALERT_KIND_LICENSE_EXPIRES)) LookAtLicenses();
    if (IsOn(internal::v1::ALERT_KIND_POOL_USAGE)) LookAtPools();
    if (IsOn(internal::v1::ALERT_KIND_DENIALS)) LookAtDenials();
    EndOthers();
    timers_->EndRound();
    return std::move(raised_);
  }

 private:
  bool IsOn(AlertKind kind) const {
    return std::find(settings_.off().begin(), settings_.off().end(), kind) ==
           settings_.off().end();
  }

  uint32_t MarkOf(const std::string& key) const {
    const auto mark = marks_.find(key);
    return mark == marks_.end() ? 0 : mark->second;
  }

  bool IsMarked(const std::string& key) const { return MarkOf(key) != 0; }

  bool Held(const std::string& key, int64_t span_ms) {
    return timers_->Held(key, seen_.cluster_ms, span_ms);
  }

  // How long ago by the calendar `key` began to be so.
  int64_t CalendarSince(const std::string& key) const {
    return seen_.calendar_ms -
           (seen_.cluster_ms - timers_->Since(key, seen_.cluster_ms));
  }

  size_t CountOf(absl::string_view beginning) const {
    size_t count = 0;
    auto mark = marks_.lower_bound(beginning);
    while (mark != marks_.end() && absl::StartsWith(mark->first, beginning)) {
      ++count;
      ++mark;
    }
    return count;
  }

  bool HasRoomForMark(AlertKind kind) const {
    size_t limit = licensing::kMaxAlertMarks;
    if (kind == internal::v1::ALERT_KIND_DENIALS &&
        denied_features_ >= kMaxDeniedFeatures) {
      return false;
    }
    if (kind != internal::v1::ALERT_KIND_MEMBER_DOWN &&
        kind != internal::v1::ALERT_KIND_CLOCK) {
      limit -= kReservedMarks;
    }
    return marks_.size() + new_marks_ < limit;
  }

  // Room for one more; null where the command or the book is full.
  AlertFacts* Raise(AlertKind kind, const std::string& key,
                    absl::string_view name) {
    const size_t room =
        std::min<size_t>(licensing::kMaxRaisedAlerts, seen_.room);
    if (static_cast<size_t>(raised_.alerts_size()) >= room) return nullptr;
    if (kind != internal::v1::ALERT_KIND_MEMBER_BACK && !IsMarked(key)) {
      if (!HasRoomForMark(kind)) return nullptr;
      ++new_marks_;
      if (kind == internal::v1::ALERT_KIND_DENIALS) ++denied_features_;
    }
    AlertFacts* facts = raised_.add_alerts();
    facts->set_key(key);
    facts->set_kind(kind);
    facts->set_stage(1);
    facts->set_name(ShortName(name));
    return facts;
  }

  void LookAtLicenses() {
    for (const LicenseEnd& end : seen_.ends) {
      const uint32_t stage = StageOf(end.end_ms - seen_.calendar_ms);
      if (stage == 0) continue;
      const std::string key =
          absl::StrCat(kExpiry, end.license_id, "/", end.end_ms);
      so_.insert(key);
      if (MarkOf(key) >= stage) continue;
      AlertFacts* facts =
          Raise(internal::v1::ALERT_KIND_LICENSE_EXPIRES, key, end.license_id);
      if (facts == nullptr) continue;
      facts->set_stage(stage);
      facts->set_time_ms(end.end_ms);
      facts->set_feature_count(end.feature_count);
      for (const std::string& feature : end.features) {
        facts->add_features(feature);
      }
    }
  }

  void LookAtPools() {
    const uint64_t begins = settings_.usage_percent();
    const uint64_t ends =
        begins > kUsageHysteresis ? begins - kUsageHysteresis : begins;
    for (const PoolUse& pool : seen_.pools) {
      if (pool.total == 0) continue;
      const std::string key = absl::StrCat(kUsage, ShortName(pool.pool));
      // In 128 bits, since units are numbers of 64.
      const auto part = absl::uint128(pool.out) * 100;
      if (IsMarked(key)) {
        const bool low = part < absl::uint128(ends) * pool.total;
        const bool over = low && Held(key + "/low", settings_.usage_held_ms());
        if (!over) so_.insert(key);
        continue;
      }
      if (part < absl::uint128(begins) * pool.total) continue;
      if (!Held(key + "/high", settings_.usage_held_ms())) continue;
      AlertFacts* facts =
          Raise(internal::v1::ALERT_KIND_POOL_USAGE, key, pool.pool);
      if (facts == nullptr) continue;
      facts->set_time_ms(CalendarSince(key + "/high"));
      facts->set_amount(static_cast<int64_t>(pool.out));
      facts->set_total(static_cast<int64_t>(pool.total));
    }
  }

  void LookAtDenials() {
    for (const FeatureDenials& denials : seen_.denials) {
      if (denials.count <= settings_.denials_per_hour()) continue;
      const std::string key = absl::StrCat(kDenied, denials.feature);
      so_.insert(key);
      if (IsMarked(key)) continue;
      AlertFacts* facts =
          Raise(internal::v1::ALERT_KIND_DENIALS, key, denials.feature);
      if (facts == nullptr) continue;
      facts->set_time_ms(seen_.calendar_ms);
      facts->set_amount(static_cast<int64_t>(denials.count));
      facts->set_total(settings_.denials_per_hour());
    }
  }

  void LookAtMembers() {
    for (const MemberHealth& member : seen_.members) {
      const std::string key = absl::StrCat(kDown, member.member);
      if (member.reachable) {
        LookAtReachable(member, key);
        continue;
      }
      if (IsMarked(key)) {
        so_.insert(key);
        continue;
      }
      if (!Held(key, settings_.member_down_ms())) continue;
      AlertFacts* facts =
          Raise(internal::v1::ALERT_KIND_MEMBER_DOWN, key, member.member);
      if (facts != nullptr) facts->set_time_ms(CalendarSince(key));
    }
  }

  void LookAtReachable(const MemberHealth& member, const std::string& down) {
    if (!IsMarked(down)) return;
    const std::string key = absl::StrCat(kBack, member.member);
    const bool is_back = Held(key, kMemberBackMs);
    if (is_back && !IsOn(internal::v1::ALERT_KIND_MEMBER_BACK)) return;
    so_.insert(down);
    if (!is_back) return;
    AlertFacts* facts =
        Raise(internal::v1::ALERT_KIND_MEMBER_BACK, key, member.member);
    if (facts == nullptr) return;
    facts->set_ends_key(down);
    facts->set_time_ms(CalendarSince(key));
  }

  void LookAtClocks() {
    for (const ClockTrouble& trouble : seen_.clocks) {
      const std::string key =
          absl::StrCat(kClock, trouble.alarm, "/", trouble.member);
      if (IsMarked(key)) {
        so_.insert(key);
        continue;
      }
      if (!Held(key, kClockHeldMs)) continue;
      AlertFacts* facts =
          Raise(internal::v1::ALERT_KIND_CLOCK, key, trouble.member);
      if (facts == nullptr) continue;
      facts->set_time_ms(CalendarSince(key));
      facts->set_amount(trouble.ahead_ms);
    }
  }

  // Marks of what is not so any more.
  void EndOthers() {
    const bool denials_open =
        !seen_.denials_known && IsOn(internal::v1::ALERT_KIND_DENIALS);
    for (const auto& [key, stage] : marks_) {
      if (raised_.ended_keys_size() >= licensing::kMaxEndedKeys) return;
      if (so_.contains(key)) continue;
      if (denials_open && absl::StartsWith(key, kDenied)) continue;
      raised_.add_ended_keys(key);
    }
  }

  const Observation& seen_;
  const AlertSettings& settings_;
  const AlertBook::Marks& marks_;
  AlertTimers* const timers_;
  size_t denied_features_;    // Marks of theirs, with the new ones.
  size_t new_marks_ = 0;      // Of all kinds.
  std::set<std::string> so_;  // Marks that stay.
  RaiseAlerts raised_;
};

}  // namespace

bool AlertTimers::Held(const std::string& key, int64_t now_ms,
                       int64_t span_ms) {
  const int64_t since = Since(key, now_ms);
  now_[key] = since;
  return now_ms - since >= span_ms;
}

int64_t AlertTimers::Since(const std::string& key, int64_t now_ms) const {
  const auto found = since_.find(key);
  return found == since_.end() ? now_ms : found->second;
}

void AlertTimers::EndRound() {
  since_ = std::move(now_);
  now_.clear();
}

void AlertTimers::Clear() {
  since_.clear();
  now_.clear();
}

RaiseAlerts DecideAlerts(const Observation& seen, const AlertSettings& settings,
                         const AlertBook::Marks& marks, AlertTimers* timers) {
  return Decision(seen, settings, marks, timers).Run();
}

void AppendEnds(const internal::v1::LicenseTerms& terms,
                std::vector<LicenseEnd>* ends) {
  // By when they end; 0: with the licence.
  std::map<int64_t, LicenseEnd> by_time;
  bool some_with_it = false;
  for (const internal::v1::FeatureTerms& feature : terms.features()) {
    const bool sooner =
        feature.end_ms() != 0 &&
        (terms.not_after_ms() == 0 || feature.end_ms() < terms.not_after_ms());
    some_with_it |= !sooner;
    if (!sooner) continue;
    LicenseEnd& end = by_time[feature.end_ms()];
    end.license_id = terms.license_id();
    end.end_ms = feature.end_ms();
    ++end.feature_count;
    if (end.features.size() <
        static_cast<size_t>(licensing::kMaxFeaturesOfAlert)) {
      end.features.push_back(feature.name());
    }
  }
  if (terms.not_after_ms() != 0 && some_with_it) {
    ends->push_back(
        {.license_id = terms.license_id(), .end_ms = terms.not_after_ms()});
  }
  for (auto& [time, end] : by_time) {
    // Nothing is left of the licence then.
    if (by_time.size() == 1 && !some_with_it) {
      end.features.clear();
      end.feature_count = 0;
    }
    ends->push_back(std::move(end));
  }
}

}  // namespace quorate::alerts
