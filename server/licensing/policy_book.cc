#include "server/licensing/policy_book.h"

#include <algorithm>
#include <utility>

#include "server/licensing/sessions.h"

namespace quorate::licensing {

using internal::v1::PolicyVersionRecord;
using internal::v1::SessionDescription;
using internal::v1::SessionRecord;

policy::Subject SubjectOf(const SessionDescription& description) {
  return {.user = description.user(),
          .host = description.host(),
          .display = description.display(),
          .application = description.application(),
          .version = description.version(),
          .project = description.project(),
          .address = policy::IpAddressOfBytes(description.peer_address())};
}

uint64_t PolicyBook::version() const {
  return versions_.empty() ? 0 : versions_.rbegin()->first;
}

const PolicyVersionRecord* PolicyBook::FindVersion(uint64_t version) const {
  const auto found = versions_.find(version);
  return found == versions_.end() ? nullptr : &found->second;
}

const PolicyVersionRecord* PolicyBook::FindRequest(
    absl::string_view author, absl::string_view request_id) const {
  const auto found = std::find_if(
      versions_.begin(), versions_.end(), [&](const auto& version) {
        return version.second.author() == author &&
               version.second.request_id() == request_id;
      });
  return found == versions_.end() ? nullptr : &found->second;
}

void PolicyBook::Add(PolicyVersionRecord record,
                     std::unique_ptr<const policy::CompiledPolicy> compiled) {
  const uint64_t version = record.version();
  versions_.emplace(version, std::move(record));
  compiled_ = std::move(compiled);
  next_change_ms_ = compiled_->NextChangeMs(calendar_ms_).value_or(kNever);
  use_.Clear();
  borrow_use_.Clear();
}

bool PolicyBook::MoveTo(int64_t calendar_ms) {
  calendar_ms_ = calendar_ms;
  if (calendar_ms < next_change_ms_) return false;
  next_change_ms_ = compiled_->NextChangeMs(calendar_ms).value_or(kNever);
  return true;
}

bool PolicyBook::Counts(const SessionRecord& holder,
                        absl::string_view feature) const {
  if (compiled_->empty()) return false;
  const policy::FeatureRules& rules = compiled_->RulesOf(feature);
  return !rules.reserve.empty() || !rules.limit.empty() ||
         (IsBorrow(holder) && !rules.borrow.empty());
}

std::optional<policy::IdleTerms> PolicyBook::FindIdleTerms(
    const SessionDescription& holder, absl::string_view feature) const {
  if (compiled_->empty() || compiled_->RulesOf(feature).idle.empty()) {
    return std::nullopt;
  }
  return policy::FindIdleTerms(*compiled_, compiled_->Folded(SubjectOf(holder)),
                               feature);
}

int64_t PolicyBook::FindLingerMs(const SessionDescription& holder,
                                 absl::string_view feature) const {
  if (compiled_->empty() || compiled_->RulesOf(feature).linger.empty()) {
    return 0;
  }
  return policy::FindLingerMs(*compiled_, compiled_->Folded(SubjectOf(holder)),
                              feature);
}

std::optional<uint32_t> PolicyBook::FindMaxPriority(
    const SessionDescription& client, absl::string_view feature,
    int64_t calendar_ms) const {
  if (compiled_->empty() || compiled_->RulesOf(feature).priority.empty()) {
    return std::nullopt;
  }
  const internal::v1::PolicyRule* const rule = policy::FindPriorityRule(
      *compiled_, compiled_->Folded(SubjectOf(client)), feature, calendar_ms);
  if (rule == nullptr) return std::nullopt;
  return rule->max_priority();
}

void PolicyBook::TakeSeat(const SessionRecord& holder,
                          absl::string_view feature, uint64_t units) {
  if (!Counts(holder, feature)) return;
  const policy::Subject folded =
      compiled_->Folded(SubjectOf(holder.description()));
  use_.Take(*compiled_, folded, feature, units);
  if (IsBorrow(holder)) borrow_use_.Take(*compiled_, folded, feature, units);
}

void PolicyBook::GiveBackSeat(const SessionRecord& holder,
                              absl::string_view feature, uint64_t units) {
  if (!Counts(holder, feature)) return;
  const policy::Subject folded =
      compiled_->Folded(SubjectOf(holder.description()));
  use_.GiveBack(*compiled_, folded, feature, units);
  if (IsBorrow(holder)) {
    borrow_use_.GiveBack(*compiled_, folded, feature, units);
  }
}

}  // namespace quorate::licensing
