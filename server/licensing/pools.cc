#include "server/licensing/pools.h"

#include <algorithm>

#include "base/check.h"

namespace quorate::licensing {

CapacityTerm TermOf(const internal::v1::LicenseTerms& license,
                    const internal::v1::FeatureTerms& feature) {
  const auto end_of = [](int64_t end_ms) {
    return end_ms == 0 ? kNever : end_ms;
  };
  return {
      .license_id = license.license_id(),
      .count = feature.count(),
      .start_ms = std::max(license.not_before_ms(), feature.start_ms()),
      .end_ms =
          std::min(end_of(license.not_after_ms()), end_of(feature.end_ms())),
  };
}

void Pools::BeginEntry() {
  ++entry_;
  touched_.clear();
}

void Pools::FinishEntry() {
  for (Pool* const pool : touched_) {
    QUORATE_CHECK(pool->out <= pool->total ||
                  pool->out <= pool->out_before_entry);
    if (pool->out == 0 && pool->terms.empty()) {
      by_feature_.erase(by_feature_.find(pool->feature));
    }
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
    changes_.erase({pool->next_change_ms, pool->feature});
  }
  pool->total = 0;
  pool->next_change_ms = kNever;
  for (const CapacityTerm& term : pool->terms) {
    if (term.InForce(calendar_ms_)) {
      pool->total += term.count;
      pool->next_change_ms = std::min(pool->next_change_ms, term.end_ms);
    } else if (calendar_ms_ < term.start_ms && term.start_ms < term.end_ms) {
      pool->next_change_ms = std::min(pool->next_change_ms, term.start_ms);
    }
  }
  if (pool->next_change_ms != kNever) {
    changes_.insert({pool->next_change_ms, pool->feature});
  }
}

void Pools::AddTerms(const internal::v1::LicenseTerms& license) {
  for (const internal::v1::FeatureTerms& feature : license.features()) {
    Pool* const pool = FindOrAdd(feature.name());
    Touch(pool);
    pool->terms.push_back(TermOf(license, feature));
    Recompute(pool);
  }
}

void Pools::RemoveTerms(const internal::v1::LicenseTerms& license) {
  for (const internal::v1::FeatureTerms& feature : license.features()) {
    Pool* const pool = Find(feature.name());
    if (pool == nullptr) continue;
    Touch(pool);
    std::erase_if(pool->terms, [&license](const CapacityTerm& term) {
      return term.license_id == license.license_id();
    });
    Recompute(pool);
  }
}

Pool* Pools::Find(absl::string_view feature) {
  const auto found = by_feature_.find(feature);
  return found == by_feature_.end() ? nullptr : found->second.get();
}

const Pool* Pools::Find(absl::string_view feature) const {
  const auto found = by_feature_.find(feature);
  return found == by_feature_.end() ? nullptr : found->second.get();
}

Pool* Pools::FindOrAdd(absl::string_view feature) {
  if (Pool* const pool = Find(feature); pool != nullptr) return pool;
  auto pool = std::make_unique<Pool>();
  pool->feature = std::string(feature);
  Pool* const added = pool.get();
  by_feature_.emplace(std::string(feature), std::move(pool));
  return added;
}

void Pools::TakeSeat(Pool* pool, uint64_t handle, uint64_t count) {
  Touch(pool);
  pool->out += count;
  QUORATE_CHECK(pool->seats.insert(handle).second);
}

void Pools::GiveBackSeat(Pool* pool, uint64_t handle, uint64_t count) {
  Touch(pool);
  QUORATE_CHECK(pool->out >= count);
  pool->out -= count;
  QUORATE_CHECK(pool->seats.erase(handle) == 1);
}

int64_t Pools::NextChangeMs() const {
  return changes_.empty() ? kNever : changes_.begin()->first;
}

uint64_t Pools::OutBeforeEntry(const Pool& pool) const {
  return pool.touched_by_entry == entry_ ? pool.out_before_entry : pool.out;
}

}  // namespace quorate::licensing
