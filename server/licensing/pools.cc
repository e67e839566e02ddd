#include "server/licensing/pools.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

void Order(std::vector<Pool*>* pools) {
  std::sort(pools->begin(), pools->end(),
            [](const Pool* left, const Pool* right) {
              return IsNarrower(left->kind, right->kind);
            });
}

// How many units may be borrowed at a time.
uint64_t BorrowableUnits(const internal::v1::FeatureTerms& feature) {
  if (feature.borrow_max_count() > 0) return feature.borrow_max_count();
  return feature.count() > 0 ? feature.count() : kUnlimited;
}

void EndTrial(int64_t started_ms, uint32_t days, CapacityTerm* term) {
  constexpr int64_t kDayMs = int64_t{24} * 3'600'000;
  term->end_ms = std::min(term->end_ms, AddMs(started_ms, days * kDayMs));
  term->overdraft_end_ms = std::min(term->overdraft_end_ms, term->end_ms);
}

}  // namespace

CapacityTerm TermOf(const internal::v1::LicenseTerms& license,
                    const internal::v1::FeatureTerms& feature) {
  const auto end_of = [](int64_t end_ms) {
    return end_ms == 0 ? kNever : end_ms;
  };
  const int64_t end_ms =
      std::min(end_of(license.not_after_ms()), end_of(feature.end_ms()));
  return {
      .license_id = license.license_id(),
      .count = feature.count(),
      .start_ms = std::max(license.not_before_ms(), feature.start_ms()),
      .end_ms = end_ms,
      .overdraft = feature.overdraft(),
      .overdraft_end_ms = std::min(end_ms, end_of(feature.overdraft_end_ms())),
      .linger_ms = feature.linger_ms(),
      .borrow_max_ms = feature.borrow_max_ms(),
      .borrow_max_count = BorrowableUnits(feature),
      .borrow_low_water = feature.borrow_low_water(),
  };
}

uint64_t Pool::CountOfGroup(absl::string_view group) const {
  const auto found = groups.find(group);
  return found == groups.end() ? 0 : found->second.rbegin()->first;
}

void Pools::BeginEntry() {
  ++entry_;
  touched_.clear();
}

void Pools::FinishEntry() {
  for (Pool* const pool : touched_) {
    QUORATE_CHECK(pool->out <= pool->ceiling() ||
                  pool->out <= pool->out_before_entry);
    if (pool->seats == 0 && pool->terms.empty()) ErasePool(pool);
  }
  touched_.clear();
}

void Pools::Touch(Pool* pool) {
  if (pool->touched_by_entry == entry_) return;
  pool->touched_by_entry = entry_;
  pool->out_before_entry = pool->out;
  touched_.push_back(pool);
}

void Pools::MoveTo(int64_t calendar_ms) {
  calendar_ms_ = std::max(calendar_ms_, calendar_ms);
  while (!changes_.empty() && changes_.begin()->first <= calendar_ms_) {
    Recompute(Find(changes_.begin()->second));
  }
}

void Pools::Recompute(Pool* pool) {
  if (pool->next_change_ms != kNever) {
    changes_.erase({pool->next_change_ms, pool->name});
  }
  pool->in_force = false;
  pool->total = 0;
  pool->overdraft = 0;
  pool->credits_used = 0;
  pool->credits_left = 0;
  pool->next_change_ms = kNever;
  for (const CapacityTerm& term : pool->terms) {
    if (term.InForce(calendar_ms_)) {
      pool->in_force = true;
      pool->total += term.count;
      pool->credits_used += term.used;
      if (pool->kind.counting == Counting::kCredits) {
        pool->credits_left += term.left();
      }
      pool->next_change_ms = std::min(pool->next_change_ms, term.end_ms);
      if (term.overdraft == 0 || calendar_ms_ >= term.overdraft_end_ms) {
        continue;
      }
      pool->overdraft += term.overdraft;
      pool->next_change_ms =
          std::min(pool->next_change_ms, term.overdraft_end_ms);
    } else if (calendar_ms_ < term.start_ms && term.start_ms < term.end_ms) {
      pool->next_change_ms = std::min(pool->next_change_ms, term.start_ms);
    }
  }
  if (pool->next_change_ms != kNever) {
    changes_.insert({pool->next_change_ms, pool->name});
  }
}

void Pools::AddTerms(const internal::v1::LicenseTerms& license) {
  for (const internal::v1::FeatureTerms& feature : license.features()) {
    PoolKind kind = KindOf(feature);
    const std::string name = PoolName(kind);
    Pool* pool = Find(name);
    if (pool == nullptr) {
      pool = AddPool(std::move(kind), name);
    } else if (pool->terms.empty()) {
      // Only seats had kept it, and these do not know its kind.
      SetKind(pool, std::move(kind));
    }
    Touch(pool);
    pool->terms.push_back(TermOf(license, feature));
    if (feature.trial_days() > 0) {
      const auto started_ms =
          models_->trials.StartOf(license.license_id(), feature.name());
      if (started_ms.has_value()) {
        EndTrial(*started_ms, feature.trial_days(), &pool->terms.back());
      }
    }
    if (feature.credits()) {
      pool->terms.back().used =
          models_->credits.Used(license.license_id(), feature.name());
    }
    Recompute(pool);
  }
}

void Pools::RemoveTerms(const internal::v1::LicenseTerms& license) {
  for (const internal::v1::FeatureTerms& feature : license.features()) {
    Pool* const pool = Find(PoolName(KindOf(feature)));
    if (pool == nullptr) continue;
    Touch(pool);
    std::erase_if(pool->terms, [&license](const CapacityTerm& term) {
      return term.license_id == license.license_id();
    });
    if (pool->terms.empty()) {
      SetKind(pool, {.feature = pool->kind.feature});
    }
    Recompute(pool);
  }
}

Pool* Pools::Find(absl::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

const Pool* Pools::Find(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

Pool* Pools::FindOrAdd(absl::string_view name) {
  if (Pool* const pool = Find(name); pool != nullptr) return pool;
  return AddPool({.feature = std::string(FeatureOfPool(name))}, name);
}

Pool* Pools::AddPool(PoolKind kind, absl::string_view name) {
  auto added = std::make_unique<Pool>();
  added->name = std::string(name);
  added->kind.feature = kind.feature;
  Pool* const pool = added.get();
  by_name_.emplace(pool->name, std::move(added));
  std::vector<Pool*>& pools = by_feature_[kind.feature];
  pool->of_feature = &pools;
  pools.push_back(pool);
  SetKind(pool, std::move(kind));
  return pool;
}

// A pool's feature stays.
void Pools::SetKind(Pool* pool, PoolKind kind) {
  if (pool->kind.counting == Counting::kTokens) {
    const auto tokens = token_features_.find(pool->kind.token_feature);
    if (--tokens->second == 0) token_features_.erase(tokens);
  }
  if (kind.counting == Counting::kTokens) ++token_features_[kind.token_feature];
  pool->kind = std::move(kind);
  Order(&by_feature_[pool->kind.feature]);
}

void Pools::ErasePool(Pool* pool) {
  SetKind(pool, {.feature = pool->kind.feature});
  const auto pools = by_feature_.find(pool->kind.feature);
  std::erase(pools->second, pool);
  if (pools->second.empty()) by_feature_.erase(pools);
  by_name_.erase(by_name_.find(pool->name));
}

absl::Span<Pool* const> Pools::OfFeature(absl::string_view feature) const {
  const auto found = by_feature_.find(feature);
  if (found == by_feature_.end()) return {};
  return found->second;
}

void Pools::TakeSeat(Pool* pool, const Share& share) {
  Touch(pool);
  ++pool->seats;
  if (share.borrowed) pool->borrowed += share.count;
  if (share.group.empty()) {
    pool->out += share.count;
    return;
  }
  const uint64_t before = pool->CountOfGroup(share.group);
  ++pool->groups[std::string(share.group)][share.count];
  pool->out += std::max(before, share.count) - before;
}

void Pools::GiveBackSeat(Pool* pool, const Share& share) {
  Touch(pool);
  QUORATE_CHECK(pool->seats > 0);
  --pool->seats;
  if (share.borrowed) {
    QUORATE_CHECK(pool->borrowed >= share.count);
    pool->borrowed -= share.count;
  }
  uint64_t freed = share.count;
  if (!share.group.empty()) {
    const auto group = pool->groups.find(share.group);
    QUORATE_CHECK(group != pool->groups.end());
    const uint64_t before = group->second.rbegin()->first;
    const auto seats = group->second.find(share.count);
    QUORATE_CHECK(seats != group->second.end());
    if (--seats->second == 0) group->second.erase(seats);
    if (group->second.empty()) pool->groups.erase(group);
    freed = before - pool->CountOfGroup(share.group);
  }
  QUORATE_CHECK(pool->out >= freed);
  pool->out -= freed;
}

void Pools::StartTrials(Pool* pool) {
  if (pool->kind.trial_days == 0) return;
  Touch(pool);
  for (CapacityTerm& term : pool->terms) {
    if (!term.InForce(calendar_ms_) ||
        models_->trials.StartOf(term.license_id, pool->kind.feature)
            .has_value()) {
      continue;
    }
    models_->trials.Start(term.license_id, pool->kind.feature, calendar_ms_);
    EndTrial(calendar_ms_, pool->kind.trial_days, &term);
  }
  Recompute(pool);
}

void Pools::UseCredits(Pool* pool, uint64_t count) {
  Touch(pool);
  std::vector<CapacityTerm*> terms;
  for (CapacityTerm& term : pool->terms) {
    if (term.InForce(calendar_ms_)) terms.push_back(&term);
  }
  std::sort(terms.begin(), terms.end(),
            [](const CapacityTerm* left, const CapacityTerm* right) {
              return std::tie(left->end_ms, left->license_id) <
                     std::tie(right->end_ms, right->license_id);
            });
  for (CapacityTerm* const term : terms) {
    const uint64_t taken = std::min(count, term->left());
    if (taken == 0) continue;
    term->used += taken;
    count -= taken;
    models_->credits.Use(term->license_id, pool->kind.feature, taken);
  }
  QUORATE_CHECK(count == 0);
  Recompute(pool);
}

int64_t Pools::NextChangeMs() const {
  return changes_.empty() ? kNever : changes_.begin()->first;
}

uint64_t Pools::OutBeforeEntry(const Pool& pool) const {
  return pool.touched_by_entry == entry_ ? pool.out_before_entry : pool.out;
}

}  // namespace quorate::licensing
