#include "server/licensing/credits.h"

namespace quorate::licensing {

using internal::v1::CreditsRecord;

uint64_t CreditBook::Used(absl::string_view license_id,
                          absl::string_view feature) const {
  const auto found =
      used_.find({std::string(license_id), std::string(feature)});
  return found == used_.end() ? 0 : found->second;
}

void CreditBook::Use(absl::string_view license_id, absl::string_view feature,
                     uint64_t count) {
  Term term(license_id, feature);
  used_[term] += count;
  changed_.insert(std::move(term));
}

bool CreditBook::Restore(const CreditsRecord& record) {
  if (record.license_id().empty() || record.feature().empty() ||
      record.used() == 0) {
    return false;
  }
  return used_
      .try_emplace({record.license_id(), record.feature()}, record.used())
      .second;
}

CreditsRecord CreditBook::RecordOf(const Term& term) const {
  CreditsRecord record;
  record.set_license_id(term.first);
  record.set_feature(term.second);
  record.set_used(used_.at(term));
  return record;
}

std::vector<CreditsRecord> CreditBook::Records() const {
  std::vector<CreditsRecord> records;
  for (const auto& [term, used] : used_)
    records.push_back(RecordOf(term));
  return records;
}

std::vector<CreditsRecord> CreditBook::TakeChanges() {
  std::vector<CreditsRecord> records;
  for (const Term& term : changed_)
    records.push_back(RecordOf(term));
  changed_.clear();
  return records;
}

}  // namespace quorate::licensing
