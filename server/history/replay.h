// What would have been: recorded usage of a feature, played again with another
// number of units or another policy.
//
// Each use, each seat that is still out, and each denial that more units or
// other rules could have granted asks once more at its time. A denial, of
// which nobody knows how long its seat would have been held, holds for the mean
// of the others.

#ifndef QUORATE_SERVER_HISTORY_REPLAY_H_
#define QUORATE_SERVER_HISTORY_REPLAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "server/history/history_view.h"
#include "server/policy/compiled_policy.h"

namespace quorate::history {

// Memory and the reader's time: about 100 MB, and a second for one replay.
inline constexpr size_t kMaxDemands = 500'000;

// Rows of advice.
inline constexpr size_t kMaxAdvice = 25;

// One request for units, as it was made.
struct Demand {
  int64_t at_ms = 0;
  int64_t held_ms = 0;
  uint64_t count = 0;
  policy::Subject subject;
  bool was_denied = false;
};

struct Demands {
  int64_t from_ms = 0;  // Uses are kept from then on.
  int64_t until_ms = 0;
  std::vector<Demand> demands;  // By time.
  uint64_t licensed = 0;        // Units in force at the last change.
};

// Those of one feature in [from_ms, until_ms). OUT_OF_RANGE where there are
// more than kMaxDemands.
absl::StatusOr<Demands> ReadDemands(absl::string_view feature, int64_t from_ms,
                                    int64_t until_ms, int64_t now_ms,
                                    HistoryView* view);

// The policy in force; empty where there is none.
absl::StatusOr<std::unique_ptr<const policy::CompiledPolicy>> ReadPolicyInForce(
    HistoryView* view);

struct ReplayRules {
  uint64_t units = 0;
  const policy::CompiledPolicy* policy = nullptr;  // Not owned.
  bool wait = false;  // Who lacks units waits, in the order of arrival.
};

struct ReplayOutcome {
  uint64_t requests = 0;
  uint64_t was_denied = 0;  // Of them, those that were denied in truth.
  uint64_t denied = 0;
  uint64_t peak = 0;
  int64_t peak_ms = 0;

  // Where they wait: of those that had to and were granted.
  uint64_t waits = 0;
  int64_t mean_wait_ms = 0;
  int64_t wait_95_ms = 0;  // 95 of 100 waits are not longer.
  int64_t longest_wait_ms = 0;
};

ReplayOutcome Replay(absl::string_view feature, const Demands& demands,
                     const ReplayRules& rules);

// From half of what would be out at most, were there no end of units, to a
// fifth more than that. Empty where nothing was asked for.
std::vector<uint64_t> UnitsToTry(uint64_t peak);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_REPLAY_H_
