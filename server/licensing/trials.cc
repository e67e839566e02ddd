#include "server/licensing/trials.h"

#include "base/check.h"

namespace quorate::licensing {
namespace {

using internal::v1::TrialRecord;

std::vector<TrialRecord> RecordsOf(
    const std::map<std::pair<std::string, std::string>, int64_t>& started_ms) {
  std::vector<TrialRecord> records;
  for (const auto& [term, ms] : started_ms) {
    TrialRecord& record = records.emplace_back();
    record.set_license_id(term.first);
    record.set_feature(term.second);
    record.set_started_calendar_ms(ms);
  }
  return records;
}

}  // namespace

std::optional<int64_t> TrialBook::StartOf(absl::string_view license_id,
                                          absl::string_view feature) const {
  const auto found =
      started_ms_.find({std::string(license_id), std::string(feature)});
  if (found == started_ms_.end()) return std::nullopt;
  return found->second;
}

void TrialBook::Start(absl::string_view license_id, absl::string_view feature,
                      int64_t now_ms) {
  const Term term(license_id, feature);
  const bool added = started_ms_.emplace(term, now_ms).second;
  QUORATE_CHECK(added);
  changed_.emplace(term, now_ms);
}

bool TrialBook::Restore(const TrialRecord& record) {
  return started_ms_
      .try_emplace({record.license_id(), record.feature()},
                   record.started_calendar_ms())
      .second;
}

std::vector<TrialRecord> TrialBook::Records() const {
  return RecordsOf(started_ms_);
}

std::vector<TrialRecord> TrialBook::TakeChanges() {
  std::vector<TrialRecord> records = RecordsOf(changed_);
  changed_.clear();
  return records;
}

}  // namespace quorate::licensing
