#include "server/history/replay.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include "base/status.h"
#include "server/history/stored_record.h"
#include "server/policy/decision.h"
#include "server/policy/rule_use.h"

namespace quorate::history {
namespace {

using policy::CompiledPolicy;
using policy::Verdict;

// Places of the line that are looked at when units come back.
constexpr size_t kMaxPassed = 256;

struct Ending {
  int64_t at_ms = 0;
  size_t demand = 0;

  bool operator>(const Ending& other) const { return at_ms > other.at_ms; }
};

class Player {
 public:
  // Views are of the caller's.
  Player(absl::string_view feature, const std::vector<Demand>& demands,
         const ReplayRules& rules)
      : feature_(feature), demands_(demands), rules_(rules) {
    for (const Demand& demand : demands) {
      folded_.push_back(rules.policy->empty()
                            ? policy::Subject()
                            : rules.policy->Folded(demand.subject));
    }
  }

  ReplayOutcome Play();

 private:
  enum class Fate { kGranted, kDenied, kLacksUnits, kHeldBack };

  Fate FateOf(size_t demand, int64_t now_ms) const;
  void Grant(size_t demand, int64_t now_ms);
  // Takes back what ends until then, and serves the line each time.
  void GoTo(int64_t now_ms);
  void Serve(int64_t now_ms);

  const absl::string_view feature_;
  const std::vector<Demand>& demands_;
  const ReplayRules& rules_;
  std::vector<policy::Subject> folded_;
  policy::RuleUse use_;
  uint64_t out_ = 0;
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> endings_;
  std::deque<size_t> line_;
  std::vector<int64_t> waits_;
  ReplayOutcome outcome_;
};

Player::Fate Player::FateOf(size_t demand, int64_t now_ms) const {
  const Demand& asks = demands_[demand];
  if (asks.count > rules_.units) return Fate::kDenied;
  if (!rules_.policy->empty()) {
    switch (policy::Decide(*rules_.policy, use_,
                           {.folded = &folded_[demand],
                            .feature = feature_,
                            .count = asks.count,
                            .calendar_ms = now_ms,
                            .total = rules_.units,
                            .taken = out_},
                           nullptr)
                .verdict) {
      case Verdict::kDenied:
      case Verdict::kNotAllowed:
        return Fate::kDenied;
      case Verdict::kOverLimit:
      case Verdict::kReserved:
        return Fate::kHeldBack;
      case Verdict::kGranted:
        break;
    }
  }
  return out_ + asks.count > rules_.units ? Fate::kLacksUnits : Fate::kGranted;
}

void Player::Grant(size_t demand, int64_t now_ms) {
  const Demand& asks = demands_[demand];
  out_ += asks.count;
  if (!rules_.policy->empty()) {
    use_.Take(*rules_.policy, folded_[demand], feature_, asks.count);
  }
  endings_.push({.at_ms = now_ms + asks.held_ms, .demand = demand});
  if (out_ <= outcome_.peak) return;
  outcome_.peak = out_;
  outcome_.peak_ms = now_ms;
}

void Player::Serve(int64_t now_ms) {
  size_t passed = 0;
  for (auto place = line_.begin();
       place != line_.end() && passed < kMaxPassed;) {
    const Fate fate = FateOf(*place, now_ms);
    if (fate == Fate::kLacksUnits) return;
    if (fate == Fate::kHeldBack) {
      ++passed;
      ++place;
      continue;
    }
    if (fate == Fate::kGranted) {
      waits_.push_back(now_ms - demands_[*place].at_ms);
      Grant(*place, now_ms);
    } else {
      ++outcome_.denied;
    }
    place = line_.erase(place);
  }
}

void Player::GoTo(int64_t now_ms) {
  while (!endings_.empty() && endings_.top().at_ms <= now_ms) {
    const Ending ending = endings_.top();
    endings_.pop();
    const uint64_t count = demands_[ending.demand].count;
    out_ -= count;
    if (!rules_.policy->empty()) {
      use_.GiveBack(*rules_.policy, folded_[ending.demand], feature_, count);
    }
    Serve(ending.at_ms);
  }
}

ReplayOutcome Player::Play() {
  for (size_t i = 0; i < demands_.size(); ++i) {
    const Demand& demand = demands_[i];
    GoTo(demand.at_ms);
    ++outcome_.requests;
    outcome_.was_denied += demand.was_denied;
    Fate fate = FateOf(i, demand.at_ms);
    // Nobody overtakes those who wait for units.
    if (fate == Fate::kGranted && !line_.empty() &&
        FateOf(line_.front(), demand.at_ms) == Fate::kLacksUnits) {
      fate = Fate::kLacksUnits;
    }
    if (fate == Fate::kGranted) {
      Grant(i, demand.at_ms);
    } else if (fate == Fate::kDenied || !rules_.wait) {
      ++outcome_.denied;
    } else {
      line_.push_back(i);
    }
  }
  GoTo(std::numeric_limits<int64_t>::max());
  // What a rule holds back for ever.
  outcome_.denied += line_.size();
  std::sort(waits_.begin(), waits_.end());
  outcome_.waits = waits_.size();
  if (waits_.empty()) return outcome_;
  double sum_ms = 0;
  for (const int64_t wait_ms : waits_)
    sum_ms += static_cast<double>(wait_ms);
  outcome_.mean_wait_ms =
      static_cast<int64_t>(sum_ms / static_cast<double>(waits_.size()));
  outcome_.wait_95_ms = waits_[(waits_.size() * 95 + 99) / 100 - 1];
  outcome_.longest_wait_ms = waits_.back();
  return outcome_;
}

}  // namespace

ReplayOutcome Replay(absl::string_view feature, const Demands& demands,
                     const ReplayRules& rules) {
  return Player(feature, demands.demands, rules).Play();
}

std::vector<uint64_t> UnitsToTry(uint64_t peak) {
  std::vector<uint64_t> units;
  if (peak == 0) return units;
  const uint64_t first = (peak + 1) / 2;
  const uint64_t last = peak + (peak + 4) / 5;
  const uint64_t step = (last - first) / (kMaxAdvice - 1) + 1;
  for (uint64_t each = first; each < last; each += step)
    units.push_back(each);
  units.push_back(last);
  return units;
}

}  // namespace quorate::history
