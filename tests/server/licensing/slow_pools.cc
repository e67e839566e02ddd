// The slow model's pools: recounted from licences and seats whenever asked.

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/server/licensing/slow_model.h"

namespace quorate::licensing {
namespace {

int64_t EndOf(int64_t end_ms) {
  return end_ms == 0 ? std::numeric_limits<int64_t>::max() : end_ms;
}

}  // namespace

bool SlowModel::PlaceSeats(const internal::v1::Checkout& body,
                           std::string* lacking) {
  for (const auto& item : body.items()) {
    if (PlaceSeat(item, body.session_id())) continue;
    *lacking = item.feature();
    for (const Term& term : InOrder(item.feature())) {
      const bool tokens = !term.feature.token_feature().empty();
      const Session& session = sessions_[body.session_id()];
      if (tokens && WhyNotCovered(term.feature, item, session) == 0) {
        *lacking = term.feature.token_feature();
      }
    }
    return false;
  }
  return true;
}

bool SlowModel::PlaceSeat(const internal::v1::CheckoutItem& item,
                          uint64_t session_id) {
  const Session& session = sessions_[session_id];
  for (const Term& term : InOrder(item.feature())) {
    if (WhyNotCovered(term.feature, item, session) != 0) continue;
    Seat seat = {.session = session_id,
                 .pool = term.pool,
                 .count = item.count(),
                 .tokens = uint64_t{item.count()} * term.feature.token_cost()};
    for (const int by : term.feature.shared_by()) {
      seat.group += absl::StrCat(by, ":");
      if (by == internal::v1::SHARED_BY_USER)
        seat.group += session.client.user();
      if (by == internal::v1::SHARED_BY_HOST)
        seat.group += session.client.host();
      if (by == internal::v1::SHARED_BY_KEY) seat.group += item.share_key();
      if (by == internal::v1::SHARED_BY_KEY && item.share_key().empty()) {
        seat.group.clear();
        break;
      }
    }
    std::vector<std::string> token_pools = {""};
    if (seat.tokens > 0) token_pools.clear();
    for (const Term& tokens : InOrder(term.feature.token_feature())) {
      if (tokens.feature.count() > 0 &&
          WhyNotCovered(tokens.feature, item, session) == 0) {
        token_pools.push_back(tokens.pool);
      }
    }
    for (const std::string& token_pool : token_pools) {
      const uint64_t out = Out(seat.pool);
      seat.token_pool = token_pool;
      seats_[next_seat_] = seat;
      if ((Out(seat.pool) == out || Out(seat.pool) <= Ceiling(seat.pool)) &&
          (token_pool.empty() || Out(token_pool) <= Ceiling(token_pool))) {
        ++next_seat_;
        return true;
      }
      seats_.erase(next_seat_);
    }
  }
  return false;
}

ErrorReason SlowModel::WhyNever(const internal::v1::CheckoutItem& item,
                                const Session& session) const {
  ErrorReason why = WhyNotInForce(item.feature());
  if (why != 0) return why;
  for (const Term& term : InOrder(item.feature())) {
    why = WhyNotCovered(term.feature, item, session);
    const std::string& token_feature = term.feature.token_feature();
    if (why == 0 && !token_feature.empty()) {
      why = WhyNotInForce(token_feature);
      if (why == 0) why = type::v1::ERROR_REASON_FEATURE_UNKNOWN;
      for (const Term& tokens : InOrder(token_feature)) {
        if (tokens.feature.count() == 0) continue;
        why = WhyNotCovered(tokens.feature, item, session);
        if (why == 0) break;
      }
    }
    if (why == 0) return why;
  }
  return why;
}

ErrorReason SlowModel::WhyNotCovered(const internal::v1::FeatureTerms& pool,
                                     const internal::v1::CheckoutItem& item,
                                     const Session& session) const {
  const std::string version =
      item.version().empty() ? session.client.version() : item.version();
  if (!pool.version_max().empty() &&
      (version.empty() || CompareVersions(version, pool.version_max()) > 0)) {
    return type::v1::ERROR_REASON_VERSION_NOT_COVERED;
  }
  if (pool.maintenance_end_ms() != 0 &&
      (item.released_ms() == 0 ||
       item.released_ms() >= pool.maintenance_end_ms())) {
    return type::v1::ERROR_REASON_RELEASE_NOT_COVERED;
  }
  std::map<std::string, std::string> has;
  for (const auto& attribute : pool.attributes())
    has[attribute.name()] = attribute.value();
  for (const auto& wanted : item.attributes()) {
    if (has[wanted.name()] != wanted.value()) {
      return type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED;
    }
  }
  bool named = pool.hosts().empty();
  for (const std::string& host : pool.hosts())
    named |= absl::EqualsIgnoreCase(host, session.client.host());
  return named ? ErrorReason() : type::v1::ERROR_REASON_HOST_NOT_COVERED;
}

bool SlowModel::InForce(const Term& term) const {
  return term.start_ms <= now_.calendar_ms && now_.calendar_ms < term.end_ms;
}

std::vector<SlowModel::Term> SlowModel::InOrder(
    const std::string& feature) const {
  std::map<std::string, Term> by_pool;
  for (const Term& term : terms_) {
    if (term.feature.name() == feature && InForce(term)) {
      by_pool.emplace(term.pool, term);
    }
  }
  std::vector<Term> ordered;
  for (const auto& [pool, term] : by_pool)
    ordered.push_back(term);
  std::sort(ordered.begin(), ordered.end(), [](const Term& a, const Term& b) {
    return IsNarrower(KindOf(a.feature), KindOf(b.feature));
  });
  return ordered;
}

uint64_t SlowModel::Ceiling(const std::string& pool) const {
  uint64_t sum = 0;
  for (const Term& term : terms_) {
    if (term.pool != pool || !InForce(term)) continue;
    if (term.feature.count() == 0) return uint64_t{1} << 62;
    sum += term.feature.count();
    if (now_.calendar_ms < EndOf(term.feature.overdraft_end_ms())) {
      sum += term.feature.overdraft();
    }
  }
  return sum;
}

uint64_t SlowModel::Out(const std::string& pool) const {
  uint64_t out = 0;
  std::map<std::string, uint64_t> groups;
  for (const auto& [handle, seat] : seats_) {
    if (seat.token_pool == pool) out += seat.tokens;
    if (seat.pool != pool) continue;
    if (seat.group.empty()) {
      out += seat.count;
    } else {
      groups[seat.group] = std::max(groups[seat.group], seat.count);
    }
  }
  for (const auto& [group, count] : groups)
    out += count;
  return out;
}

ErrorReason SlowModel::WhyNotInForce(const std::string& feature) const {
  ErrorReason why = type::v1::ERROR_REASON_FEATURE_UNKNOWN;
  for (const Term& term : terms_) {
    if (term.feature.name() != feature) continue;
    const bool ended = term.end_ms <= std::max(now_.calendar_ms, term.start_ms);
    if (ended && why == type::v1::ERROR_REASON_FEATURE_UNKNOWN) {
      why = type::v1::ERROR_REASON_LICENSE_EXPIRED;
    }
    if (ended) continue;
    if (term.start_ms <= now_.calendar_ms) return {};
    why = type::v1::ERROR_REASON_LICENSE_NOT_STARTED;
  }
  return why;
}

std::map<std::string, std::pair<uint64_t, uint64_t>> SlowModel::Pools() const {
  std::map<std::string, std::pair<uint64_t, uint64_t>> pools;
  for (const Term& term : terms_) {
    pools[term.pool].first += InForce(term) ? term.feature.count() : 0;
  }
  for (const auto& [handle, seat] : seats_) {
    pools[seat.pool];
    if (seat.tokens > 0) pools[seat.token_pool];
  }
  for (auto& [pool, total_and_out] : pools)
    total_and_out.second = Out(pool);
  return pools;
}

}  // namespace quorate::licensing
