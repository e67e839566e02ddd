// What is due to be told: decided from how things are, what was told before,
// and since when they are so.

#ifndef QUORATE_SERVER_ALERTS_ALERT_CONDITIONS_H_
#define QUORATE_SERVER_ALERTS_ALERT_CONDITIONS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/alert.pb.h"

#include "server/licensing/alert_book.h"
#include "server/licensing/ledger.h"

namespace quorate::alerts {

// Before a licence ends it is told when so much is left, and once it has ended;
// as a stage each, from 1.
inline constexpr int kDaysBeforeEnd[] = {30, 7, 1};
inline constexpr int64_t kAlertDayMs = int64_t{24} * 3'600'000;
// Of one that ended longer ago nobody is told for the first time.
inline constexpr int64_t kEndedMemoryMs = 30 * kAlertDayMs;

// A pool's episode is over so many points below the percentage that began it,
// where that is higher than this.
inline constexpr uint32_t kUsageHysteresis = 5;
// A member that is heard of again for so long is back: one that comes and goes
// is no news each time.
inline constexpr int64_t kMemberBackMs = 10'000;
// Clocks that are set are wrong for a moment.
inline constexpr int64_t kClockHeldMs = 60'000;

// Features whose denials are told of at a time. Any client can ask for names
// that nobody sells, by the thousand: that is one fault, and must not fill the
// book.
inline constexpr size_t kMaxDeniedFeatures = 100;
// Marks that are kept free for members and clocks, of which there are few.
inline constexpr size_t kReservedMarks = 100;

// A licence as far as it ends at one time.
struct LicenseEnd {
  std::string license_id;
  int64_t end_ms = 0;
  // None: the whole of it. At most licensing::kMaxFeaturesOfAlert of them.
  std::vector<std::string> features = {};
  uint32_t feature_count = 0;
};

struct PoolUse {
  std::string pool;
  uint64_t total = 0;
  uint64_t out = 0;
};

struct FeatureDenials {
  std::string feature;
  uint64_t count = 0;  // In this hour of the calendar or the one before.
};

struct MemberHealth {
  std::string member;
  bool reachable = true;
};

struct ClockTrouble {
  std::string alarm;   // "CLOCK_SKEW"
  std::string member;  // Empty: the calendar's.
  int64_t ahead_ms = 0;
};

// How things are, as the leader sees them.
struct Observation {
  int64_t calendar_ms = 0;
  int64_t cluster_ms = 0;
  std::vector<LicenseEnd> ends = {};
  std::vector<PoolUse> pools = {};
  // Denials are looked for less often; false: they are as they were.
  bool denials_known = false;
  std::vector<FeatureDenials> denials = {};
  std::vector<MemberHealth> members = {};
  std::vector<ClockTrouble> clocks = {};
  // Alerts that the book has room for.
  size_t room = licensing::kMaxAlerts;
};

// Since when, by the cluster's time, something is so that has to last. Not
// replicated: a new leader begins to count. Thread-compatible.
class AlertTimers {
 public:
  // `key` is so at `now_ms`; true where it has been for `span_ms`.
  bool Held(const std::string& key, int64_t now_ms, int64_t span_ms);

  // When `key` began to be so; `now_ms` where it did not.
  int64_t Since(const std::string& key, int64_t now_ms) const;

  // Forgets what was not so since the last call.
  void EndRound();

  void Clear();

 private:
  std::map<std::string, int64_t> since_;  // As the last round left it.
  std::map<std::string, int64_t> now_;
};

// A pure function but for `timers`, of which it is one round. What it returns
// is as large as one command may be, and no more than the book has room for,
// members and clocks first; the rest is found the next time.
internal::v1::RaiseAlerts DecideAlerts(
    const Observation& seen, const internal::v1::AlertSettings& settings,
    const licensing::AlertBook::Marks& marks, AlertTimers* timers);

// When a licence ends, and its features that end by themselves. Appends.
void AppendEnds(const internal::v1::LicenseTerms& terms,
                std::vector<LicenseEnd>* ends);

}  // namespace quorate::alerts

#endif  // QUORATE_SERVER_ALERTS_ALERT_CONDITIONS_H_
