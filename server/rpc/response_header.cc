#include "server/rpc/response_header.h"

namespace quorate::server {

void SetTimestamp(int64_t ms, google::protobuf::Timestamp* time) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1'000'000);
}

void SetDuration(absl::Duration span, google::protobuf::Duration* duration) {
  const int64_t ms = absl::ToInt64Milliseconds(span);
  duration->set_seconds(ms / 1000);
  duration->set_nanos(static_cast<int>(ms % 1000) * 1'000'000);
}

void FillHeader(const MemberDescription& member, const AnswerPosition& position,
                type::v1::ResponseHeader* header) {
  header->set_cluster_id(member.cluster_id);
  header->set_cluster_epoch(member.cluster_epoch);
  header->set_member(member.name);
  header->set_term(position.term.value());
  header->set_applied_index(position.index.value());
  if (position.calendar_ms > 0) {
    SetTimestamp(position.calendar_ms, header->mutable_calendar_time());
  }
}

int64_t MsOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

bool IsTime(const google::protobuf::Timestamp& time) {
  constexpr int64_t kLastSecond = 253'402'300'799;
  return time.seconds() >= 0 && time.seconds() <= kLastSecond &&
         time.nanos() >= 0 && time.nanos() < 1'000'000'000;
}

}  // namespace quorate::server
