#include "replication/node/contact_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"

namespace quorate::replication {

std::string NameForLog(const raft::Configuration& configuration,
                       raft::MemberId member) {
  for (const raft::MemberAddress& each : configuration.addresses) {
    if (each.id == member && !each.name.empty()) return each.name;
  }
  return absl::StrCat(member.value());
}

std::vector<ContactLog::Line> ContactLog::Follow(const NodeStatus& status,
                                                 absl::Duration now) {
  if (!begun_.has_value()) begun_ = now;
  std::vector<Line> lines;
  std::map<raft::MemberId, absl::Duration> still;
  for (const NodeStatus::Contact& contact : status.contacts) {
    const auto lost = lost_.find(contact.id);
    const std::string name = NameForLog(status.configuration, contact.id);
    if (std::min(contact.age, now - *begun_) >= kSilence) {
      still[contact.id] = lost != lost_.end() ? lost->second : now;
      if (lost != lost_.end()) continue;
      lines.push_back({.member = contact.id, .lost = true});
      LogWarn("raft", "member_not_heard", {{"name", name}});
    } else if (lost != lost_.end()) {
      lines.push_back({.member = contact.id, .lost = false});
      LogInfo("raft", "member_heard_again",
              {{"name", name},
               {"after", absl::FormatDuration(absl::Trunc(
                             now - lost->second, absl::Milliseconds(1)))}});
    }
  }
  lost_ = std::move(still);
  return lines;
}

}  // namespace quorate::replication
