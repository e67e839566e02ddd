// What every response begins with.

#ifndef QUORATE_SERVER_RPC_RESPONSE_HEADER_H_
#define QUORATE_SERVER_RPC_RESPONSE_HEADER_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

#include "quorate/type/v1/header.pb.h"

#include "replication/raft/types.h"

namespace quorate::server {

// Who this member is to clients.
struct MemberDescription {
  std::string cluster_id;  // 32 lower-case hex digits.
  uint32_t cluster_epoch = 1;
  std::string name;
};

// From which state an answer comes.
struct AnswerPosition {
  raft::Term term;
  raft::Index index;
  int64_t calendar_ms = 0;  // 0: not known, left out.
};

void FillHeader(const MemberDescription& member, const AnswerPosition& position,
                type::v1::ResponseHeader* header);

// Unix milliseconds as protobuf writes them. `ms` is not negative.
void SetTimestamp(int64_t ms, google::protobuf::Timestamp* time);
void SetDuration(absl::Duration span, google::protobuf::Duration* duration);

// Down to the millisecond; the time is one that IsTime takes.
int64_t MsOf(const google::protobuf::Timestamp& time);

// From 1970 to 9999, as protobuf writes it.
bool IsTime(const google::protobuf::Timestamp& time);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_RESPONSE_HEADER_H_
