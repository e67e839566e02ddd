#include "server/licensing/recall.h"

#include <algorithm>
#include <utility>

#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

// Seats of one feature that are looked at, the youngest. Bounds the work.
constexpr int kMaxLooked = 1024;

uint64_t Over(uint64_t value, uint64_t limit) {
  return value > limit ? value - limit : 0;
}

// A seat that may give way, and what comes back then.
struct Candidate {
  uint64_t handle = 0;
  uint64_t units = 0;
  Call call;  // Where it stands already.
  bool lingers = false;
};

// At most as many as are lacking, in their order; and where that is too little
// the smallest of the rest, in place of those that it makes needless.
std::vector<Candidate> Choose(const std::vector<Candidate>& seats,
                              uint64_t lacking) {
  std::vector<Candidate> chosen;
  const Candidate* smallest = nullptr;
  for (const Candidate& seat : seats) {
    if (seat.units <= lacking) {
      lacking -= seat.units;
      chosen.push_back(seat);
    } else if (smallest == nullptr || seat.units < smallest->units) {
      smallest = &seat;
    }
  }
  if (lacking == 0 || smallest == nullptr) return chosen;
  uint64_t surplus = smallest->units - lacking;
  for (size_t i = chosen.size(); i-- > 0;) {
    if (chosen[i].units > surplus) continue;
    surplus -= chosen[i].units;
    chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(i));
  }
  chosen.push_back(*smallest);
  return chosen;
}

uint64_t UnitsOf(const std::vector<Candidate>& seats) {
  uint64_t units = 0;
  for (const Candidate& seat : seats)
    units += seat.units;
  return units;
}

// The calls of one feature, thought through. Thread-compatible.
class CallPlan {
 public:
  CallPlan(const Tables& tables, absl::string_view feature)
      : tables_(tables),
        feature_(feature),
        all_(tables.FindFeature(feature).value_or(FeatureView())),
        claims_(tables, feature) {}

  std::map<uint64_t, Call> Run() &&;

 private:
  // What is to come back of one pool.
  struct Need {
    uint64_t asked = 0;
    uint64_t lacking = 0;
    uint32_t rule = 0;  // Of the first who needs it.
  };

  struct Lent {
    std::vector<Candidate> standing;
    std::vector<Candidate> others;
  };

  void AddPlace(const QueuePlace& place, uint32_t rule);
  uint64_t Lacking(const Pool& pool, uint64_t count, uint64_t kept) const;
  // Of the pool; all pools are looked through at the first call.
  const Lent& LentOf(const Pool& pool);
  void FindLent();
  void AddSeat(const Seat& seat);
  bool MayGiveWay(const Seat& seat);
  static uint64_t UnitsBack(const Seat& seat);

  const Tables& tables_;
  const absl::string_view feature_;
  const FeatureView all_;
  Claims claims_;
  bool looked_ = false;
  std::map<absl::string_view, Need> needs_;  // By pool.
  std::map<absl::string_view, Lent> lent_;
  // By reservation, what those whom it matches have beyond what it keeps.
  std::vector<uint64_t> beyond_;
};

std::map<uint64_t, Call> CallPlan::Run() && {
  std::map<uint64_t, Call> calls;
  const QueueLine* const line = tables_.queue.FindLine(feature_);
  if (line == nullptr || line->claimed() == 0) return calls;
  int looked = 0;
  line->Visit([&](const QueuePlace& place) {
    if (!place.record.calls_back()) return false;
    if (const auto rule = claims_.ClaimFor(place)) AddPlace(place, *rule);
    return ++looked < kMaxCalling;
  });
  for (const auto& [pool, need] : needs_) {
    if (need.lacking == 0) continue;
    const Lent& lent = lent_[pool];
    const uint64_t standing = UnitsOf(lent.standing);
    for (const Candidate& seat : standing > need.lacking
                                     ? Choose(lent.standing, need.lacking)
                                     : lent.standing) {
      calls[seat.handle] = seat.call;
    }
    const int64_t now = tables_.counters.cluster_ms;
    const auto& rule = tables_.policies.compiled().rule(need.rule);
    for (const Candidate& seat :
         Choose(lent.others, Over(need.lacking, standing))) {
      // Nobody uses what lingers.
      calls[seat.handle] = {
          .due_cluster_ms = seat.lingers ? now : AddMs(now, rule.span_ms()),
          .rule = rule.name()};
    }
  }
  return calls;
}

void CallPlan::AddPlace(const QueuePlace& place, uint32_t rule) {
  const Session& session = *tables_.sessions.Find(place.record.session_id());
  const internal::v1::CheckoutItem& item = place.record.items(0);
  const uint64_t kept = claims_.KeptFrom(session);
  for (const Pool* const pool :
       PoolsFor(item, session.record.description(), tables_.pools)) {
    if (pool->kind.counting != Counting::kCounted ||
        pool->kind.feature != feature_) {
      continue;
    }
    const uint64_t lacking = Lacking(*pool, item.count(), kept);
    const Lent& lent = LentOf(*pool);
    if (lacking > UnitsOf(lent.standing) + UnitsOf(lent.others)) continue;
    const auto [need, added] = needs_.emplace(pool->name, Need{.rule = rule});
    need->second.asked += item.count();
    need->second.lacking = std::max(need->second.lacking, lacking);
    return;
  }
}

uint64_t CallPlan::Lacking(const Pool& pool, uint64_t count,
                           uint64_t kept) const {
  uint64_t asked_here = count;
  uint64_t asked = count;
  uint64_t coming = 0;
  for (const auto& [name, need] : needs_) {
    asked += need.asked;
    if (name == pool.name) {
      asked_here += need.asked;
    } else {
      coming += need.lacking;
    }
  }
  const uint64_t free = Over(all_.total, all_.taken) + coming;
  return std::max(Over(asked_here, Over(pool.ceiling(), pool.out)),
                  Over(asked + kept, free));
}

const CallPlan::Lent& CallPlan::LentOf(const Pool& pool) {
  if (!looked_) FindLent();
  looked_ = true;
  return lent_[pool.name];
}

void CallPlan::FindLent() {
  for (const policy::Reservation& each : claims_.reservations()) {
    beyond_.push_back(Over(each.used, each.units));
  }
  std::vector<std::pair<int64_t, uint64_t>> standing;
  const auto calls = tables_.seats.calls().find(std::string(feature_));
  if (calls != tables_.seats.calls().end()) {
    standing.assign(calls->second.begin(), calls->second.end());
  }
  std::sort(standing.begin(), standing.end(),
            [](const auto& left, const auto& right) {
              return std::pair(left.first, right.second) <
                     std::pair(right.first, left.second);
            });
  for (const auto& [due_ms, handle] : standing)
    AddSeat(*tables_.seats.Find(handle));
  const FeatureSeats* const seats = tables_.seats.OfFeature(feature_);
  if (seats == nullptr) return;
  int looked = 0;
  for (auto handle = seats->handles.rbegin();
       handle != seats->handles.rend() && looked < kMaxLooked; ++handle) {
    const Seat& seat = *tables_.seats.Find(*handle);
    if (seat.record.call_due_cluster_ms() != 0) continue;
    ++looked;
    AddSeat(seat);
  }
}

void CallPlan::AddSeat(const Seat& seat) {
  if (!MayGiveWay(seat)) return;
  const internal::v1::SeatRecord& record = seat.record;
  Lent& lent = lent_[seat.pool->name];
  (record.call_due_cluster_ms() != 0 ? lent.standing : lent.others)
      .push_back({.handle = record.handle(),
                  .units = UnitsBack(seat),
                  .call = {.due_cluster_ms = record.call_due_cluster_ms(),
                           .rule = record.call_rule()},
                  .lingers = IsLinger(seat.session->record)});
}

uint64_t CallPlan::UnitsBack(const Seat& seat) {
  const std::string& name = seat.record.share_group();
  if (name.empty()) return seat.record.count();
  const auto group = seat.pool->groups.find(name);
  uint32_t sharing = 0;
  for (const auto& [count, seats] : group->second)
    sharing += seats;
  return sharing == 1 ? seat.record.count() : 0;
}

// What stands once is taken off what its holder has beyond his own.
bool CallPlan::MayGiveWay(const Seat& seat) {
  const internal::v1::SessionRecord& holder = seat.session->record;
  if ((!IsApplication(holder) && !IsLinger(holder)) || !seat.pool->in_force ||
      seat.pool->kind.counting != Counting::kCounted || UnitsBack(seat) == 0) {
    return false;
  }
  const policy::CompiledPolicy& compiled = tables_.policies.compiled();
  const policy::Subject folded =
      compiled.Folded(SubjectOf(holder.description()));
  std::vector<size_t> covering;
  for (size_t i = 0; i < beyond_.size(); ++i) {
    if (!compiled.Matches(claims_.reservations()[i].rule, folded)) continue;
    if (beyond_[i] < seat.record.count()) return false;
    covering.push_back(i);
  }
  for (const size_t i : covering)
    beyond_[i] -= seat.record.count();
  return true;
}

}  // namespace

Claims::Claims(const Tables& tables, absl::string_view feature)
    : tables_(tables) {
  const PolicyBook& policies = tables.policies;
  if (policies.compiled().empty()) return;
  const std::optional<FeatureView> all = tables.FindFeature(feature);
  if (!all.has_value()) return;
  reservations_ =
      policy::ReservationsOf(policies.compiled(), policies.use(), feature,
                             all->total, tables.counters.calendar_ms);
  claimed_.resize(reservations_.size());
}

std::optional<uint32_t> Claims::Claim(const Session& session, uint64_t count) {
  const policy::CompiledPolicy& compiled = tables_.policies.compiled();
  const policy::Subject folded =
      compiled.Folded(SubjectOf(session.record.description()));
  for (size_t i = 0; i < reservations_.size(); ++i) {
    const policy::Reservation& each = reservations_[i];
    if (!policy::CallsBack(compiled.rule(each.rule)) ||
        Over(each.unused(), claimed_[i]) < count ||
        !compiled.Matches(each.rule, folded)) {
      continue;
    }
    claimed_[i] += count;
    return each.rule;
  }
  return std::nullopt;
}

std::optional<uint32_t> Claims::ClaimFor(const QueuePlace& place) {
  if (place.record.items_size() != 1) return std::nullopt;
  const Session* const session =
      tables_.sessions.Find(place.record.session_id());
  return Claim(*session, place.record.items(0).count());
}

uint64_t Claims::KeptFrom(const Session& session) const {
  const policy::CompiledPolicy& compiled = tables_.policies.compiled();
  const policy::Subject folded =
      compiled.Folded(SubjectOf(session.record.description()));
  uint64_t kept = 0;
  for (const policy::Reservation& each : reservations_) {
    if (compiled.rule(each.rule).lend()) continue;
    if (!compiled.Matches(each.rule, folded)) kept += each.unused();
  }
  return kept;
}

std::map<uint64_t, Call> PlanCalls(const Tables& tables,
                                   absl::string_view feature) {
  return CallPlan(tables, feature).Run();
}

std::optional<std::string> CallingRuleFor(const Tables& tables,
                                          const Session& session,
                                          const CheckoutItems& items) {
  const policy::CompiledPolicy& compiled = tables.policies.compiled();
  if (items.size() != 1 || compiled.empty() ||
      !compiled.RulesOf(items[0].feature()).some_call_back) {
    return std::nullopt;
  }
  Claims claims(tables, items[0].feature());
  if (const auto* const line = tables.queue.FindLine(items[0].feature())) {
    int looked = 0;
    line->Visit([&](const QueuePlace& place) {
      if (!place.record.calls_back()) return false;
      claims.ClaimFor(place);
      return ++looked < kMaxCalling;
    });
  }
  const std::optional<uint32_t> rule = claims.Claim(session, items[0].count());
  if (!rule.has_value()) return std::nullopt;
  return tables.policies.RuleName(*rule);
}

}  // namespace quorate::licensing
