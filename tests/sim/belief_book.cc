#include "tests/sim/belief_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "server/licensing/limits.h"
#include "server/licensing/pool_kind.h"
#include "server/licensing/record_codec.h"

namespace quorate::sim {
namespace {

using internal::v1::Attribute;
using internal::v1::CheckoutItem;
using internal::v1::FeatureTerms;
using internal::v1::SessionDescription;

bool Offers(const FeatureTerms& terms, const Attribute& wanted) {
  return std::any_of(terms.attributes().begin(), terms.attributes().end(),
                     [&wanted](const Attribute& has) {
                       return has.name() == wanted.name() &&
                              has.value() == wanted.value();
                     });
}

// Versions of these worlds are in their order as text.
bool Covers(const FeatureTerms& terms, const SessionDescription& client,
            const CheckoutItem& item) {
  const std::string& version =
      item.version().empty() ? client.version() : item.version();
  if (!terms.version_max().empty() &&
      (version.empty() || version > terms.version_max())) {
    return false;
  }
  if (terms.maintenance_end_ms() != 0 &&
      (item.released_ms() == 0 ||
       item.released_ms() >= terms.maintenance_end_ms())) {
    return false;
  }
  for (const Attribute& wanted : item.attributes()) {
    if (!Offers(terms, wanted)) return false;
  }
  return terms.hosts().empty() ||
         std::find(terms.hosts().begin(), terms.hosts().end(), client.host()) !=
             terms.hosts().end();
}

// Empty: the seat is one by itself.
std::string GroupOf(const FeatureTerms& terms, const SessionDescription& client,
                    const CheckoutItem& item) {
  std::string group;
  for (const int by : terms.shared_by()) {
    if (by == internal::v1::SHARED_BY_KEY && item.share_key().empty())
      return "";
    absl::StrAppend(&group, by, "=");
    if (by == internal::v1::SHARED_BY_USER) group += client.user();
    if (by == internal::v1::SHARED_BY_HOST) group += client.host();
    if (by == internal::v1::SHARED_BY_DISPLAY) group += client.display();
    if (by == internal::v1::SHARED_BY_KEY) group += item.share_key();
    group += ";";
  }
  return group;
}

bool IsCounted(const FeatureTerms& terms) {
  return !terms.uncounted() && terms.token_feature().empty() &&
         !terms.credits() && !terms.named_users();
}

bool GivesTokens(const FeatureTerms& terms) {
  return IsCounted(terms) || terms.credits();
}

}  // namespace

void BeliefBook::OnLicense(const internal::v1::LicenseTerms& license) {
  for (const FeatureTerms& terms : license.features()) {
    Pool& pool = pools_[licensing::PoolName(licensing::KindOf(terms))];
    pool.terms = terms;
    pool.capacity += terms.count() + terms.overdraft();
  }
}

void BeliefBook::OnChange(const licensing::RecordChange& change,
                          int64_t calendar_ms) {
  const auto family = licensing::FamilyOf(change.key);
  if (!family.ok()) return;
  if (*family == licensing::RecordFamily::kSession) OnSession(change);
  if (*family != licensing::RecordFamily::kSeat) return;
  if (!change.value.has_value()) return OnSeatGone(change.key, calendar_ms);
  const auto seat = licensing::ParseRecord<internal::v1::SeatRecord>(
      change.key, *change.value);
  if (!seat.ok()) return;
  records_[seat->handle()] = *seat;
  handles_[change.key] = seat->handle();
}

void BeliefBook::OnSession(const licensing::RecordChange& change) {
  if (!change.value.has_value()) return;
  const auto session = licensing::ParseRecord<internal::v1::SessionRecord>(
      change.key, *change.value);
  if (!session.ok() || session->kind() != internal::v1::SESSION_KIND_BORROW) {
    return;
  }
  borrows_[session->session_id()] =
      session->borrowed_until_ms() + licensing::kBorrowMarginMs;
}

void BeliefBook::OnSeatGone(const std::string& key, int64_t calendar_ms) {
  const auto handle = handles_.find(key);
  if (handle == handles_.end()) return;
  const auto borrow = borrows_.find(records_.at(handle->second).session_id());
  if (borrow == borrows_.end() || calendar_ms < borrow->second) return;
  OnTakenBack(handle->second);
}

std::string BeliefBook::OnTaken(uint64_t handle,
                                const SessionDescription& client,
                                const CheckoutItem& item) {
  const auto record = records_.find(handle);
  if (record == records_.end()) {
    return absl::StrCat("a seat that is told of is recorded: ", handle);
  }
  if (taken_back_.count(handle) > 0) return "";
  Seat& seat = seats_[handle];
  seat = {.client = client,
          .item = item,
          .pool = record->second.pool(),
          .token_pool = record->second.token_pool()};
  if (seat.pool.empty()) seat.pool = item.feature();
  const std::string misplaced = MisplacedBy(seat);
  if (!misplaced.empty()) return misplaced;
  const std::string used_up = UsedUpBy(seat, item.count());
  return used_up.empty() ? ExceededBy(seat) : used_up;
}

std::string BeliefBook::OnResized(uint64_t handle, uint32_t count) {
  if (taken_back_.count(handle) > 0) return "";
  Seat& seat = seats_.at(handle);
  const uint32_t before = seat.item.count();
  seat.item.set_count(count);
  const std::string used_up =
      UsedUpBy(seat, count > before ? count - before : 0);
  return used_up.empty() ? ExceededBy(seat) : used_up;
}

void BeliefBook::OnTakenBack(uint64_t handle) {
  taken_back_.insert(handle);
  OnGivenBack(handle);
}

// What does not come back: credits, and names of users.
std::string BeliefBook::UsedUpBy(const Seat& seat, uint64_t more) {
  for (const std::string& name : {seat.pool, seat.token_pool}) {
    const auto pool = pools_.find(name);
    if (pool == pools_.end()) continue;
    const uint64_t cost =
        name == seat.pool ? 1 : pools_.at(seat.pool).terms.token_cost();
    std::set<std::string>& users = pool->second.users;
    if (pool->second.terms.credits()) pool->second.used += more * cost;
    if (pool->second.terms.named_users()) users.insert(seat.client.user());
    const uint64_t used = std::max<uint64_t>(pool->second.used, users.size());
    if (used <= pool->second.capacity) continue;
    return absl::StrCat(
        "never a credit or a name too many: clients were told "
        "of ",
        used, " of ", pool->second.capacity, " ", name);
  }
  return "";
}

std::string BeliefBook::MisplacedBy(const Seat& seat) const {
  const std::string rule = absl::StrCat("a seat is of a pool that is for it: ",
                                        seat.item.ShortDebugString(), " of ");
  const auto pool = pools_.find(seat.pool);
  if (pool == pools_.end() ||
      pool->second.terms.name() != seat.item.feature() ||
      !Covers(pool->second.terms, seat.client, seat.item)) {
    return absl::StrCat(rule, seat.pool);
  }
  const std::string& token_feature = pool->second.terms.token_feature();
  const auto tokens = pools_.find(seat.token_pool);
  if (token_feature.empty()) {
    return seat.token_pool.empty() ? "" : absl::StrCat(rule, seat.token_pool);
  }
  if (tokens == pools_.end() || !GivesTokens(tokens->second.terms) ||
      tokens->second.terms.name() != token_feature ||
      !Covers(tokens->second.terms, seat.client, seat.item)) {
    return absl::StrCat(rule, "tokens ", seat.token_pool);
  }
  return "";
}

std::string BeliefBook::ExceededBy(const Seat& seat) const {
  for (const std::string& name : {seat.pool, seat.token_pool}) {
    const auto pool = pools_.find(name);
    if (pool == pools_.end() || !IsCounted(pool->second.terms)) continue;
    const uint64_t out = OutOf(name);
    if (out <= pool->second.capacity) continue;
    return absl::StrCat("never a seat too many: clients believe in ", out,
                        " of ", pool->second.capacity, " ", name);
  }
  return "";
}

uint64_t BeliefBook::OutOf(const std::string& pool) const {
  uint64_t out = 0;
  std::map<std::string, uint64_t> largest;  // By group.
  const FeatureTerms& terms = pools_.at(pool).terms;
  for (const auto& [handle, seat] : seats_) {
    if (seat.pool != pool && seat.token_pool != pool) continue;
    uint64_t count = seat.item.count();
    if (seat.pool != pool) count *= pools_.at(seat.pool).terms.token_cost();
    const std::string group = GroupOf(terms, seat.client, seat.item);
    if (group.empty()) {
      out += count;
    } else {
      largest[group] = std::max(largest[group], count);
    }
  }
  for (const auto& [group, count] : largest)
    out += count;
  return out;
}

}  // namespace quorate::sim
