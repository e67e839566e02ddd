#include "server/licensing/terminations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::licensing {
namespace {

using internal::v1::SessionDescription;
using internal::v1::TerminationRecord;

// None of them has a control character (field_rules.h).
std::string ClientKey(absl::string_view principal,
                      const SessionDescription& client) {
  return absl::StrCat(principal, "\n", client.user(), "\n", client.host(), "\n",
                      client.application());
}

}  // namespace

bool Terminations::Add(TerminationRecord record) {
  const uint64_t id = record.session_id();
  const auto [position, added] = by_session_.emplace(id, std::move(record));
  if (!added) return false;
  const TerminationRecord& kept = position->second;
  by_forget_.insert({kept.forget_cluster_ms(), id});
  by_client_.insert({ClientKey(kept.principal(), kept.description()), id});
  return true;
}

void Terminations::Erase(uint64_t session_id) {
  const auto found = by_session_.find(session_id);
  QUORATE_CHECK(found != by_session_.end());
  const TerminationRecord& record = found->second;
  by_forget_.erase({record.forget_cluster_ms(), session_id});
  by_client_.erase(
      {ClientKey(record.principal(), record.description()), session_id});
  by_session_.erase(found);
}

const TerminationRecord* Terminations::Find(uint64_t session_id) const {
  const auto found = by_session_.find(session_id);
  return found == by_session_.end() ? nullptr : &found->second;
}

std::optional<int64_t> Terminations::CoolDownEndMs(
    absl::string_view principal, const SessionDescription& client,
    absl::string_view feature, int64_t now_ms) const {
  std::optional<int64_t> end_ms;
  if (by_session_.empty()) return end_ms;
  const std::string key = ClientKey(principal, client);
  for (auto each = by_client_.lower_bound({key, 0});
       each != by_client_.end() && each->first == key; ++each) {
    const TerminationRecord& record = *Find(each->second);
    if (record.cool_down_end_cluster_ms() <= now_ms) continue;
    if (std::find(record.features().begin(), record.features().end(),
                  feature) == record.features().end()) {
      continue;
    }
    end_ms = std::max(end_ms.value_or(0), record.cool_down_end_cluster_ms());
  }
  return end_ms;
}

std::optional<int64_t> Terminations::CoolDownEndOfAnyMs(
    const SessionDescription& client, absl::string_view feature,
    int64_t now_ms) const {
  std::optional<int64_t> end_ms;
  for (const auto& [session_id, record] : by_session_) {
    if (ClientKey("", record.description()) != ClientKey("", client)) continue;
    const auto each =
        CoolDownEndMs(record.principal(), client, feature, now_ms);
    if (each.has_value()) end_ms = std::max(end_ms.value_or(0), *each);
  }
  return end_ms;
}

const TerminationRecord* Terminations::FirstToForget() const {
  return by_forget_.empty() ? nullptr : Find(by_forget_.begin()->second);
}

}  // namespace quorate::licensing
