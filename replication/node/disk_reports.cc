#include "replication/node/disk_reports.h"

namespace quorate::replication {
namespace {

constexpr absl::Duration kReportPeriod = absl::Seconds(1);

// Two reports may be lost.
constexpr absl::Duration kReportLife = absl::Milliseconds(3500);

}  // namespace

void DiskReports::SetOwn(bool low) {
  if (low == own_low_) return;
  own_low_ = low;
  next_report_ = absl::ZeroDuration();
}

void DiskReports::OnReport(raft::MemberId from, bool low, absl::Duration now) {
  low_since_heard_.erase(from);
  if (!low) return;
  std::erase_if(low_since_heard_, [now](const auto& heard) {
    return now - heard.second > kReportLife;
  });
  // Members only are heard, but some may be of an earlier configuration.
  if (low_since_heard_.size() >= raft::kMaxMembers) return;
  low_since_heard_[from] = now;
}

bool DiskReports::PeerIsLow(raft::MemberId id, absl::Duration now) const {
  const auto it = low_since_heard_.find(id);
  return it != low_since_heard_.end() && now - it->second <= kReportLife;
}

std::optional<bool> DiskReports::TakeOwnReport(absl::Duration now) {
  if (!next_report_.has_value() || now < *next_report_) return std::nullopt;
  if (own_low_) {
    next_report_ = now + kReportPeriod;
  } else {
    next_report_.reset();
  }
  return own_low_;
}

}  // namespace quorate::replication
