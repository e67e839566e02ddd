#include "replication/raft/message.h"

namespace quorate::raft {

namespace {

struct NameOf {
  const char* operator()(const VoteRequest& body) const {
    return body.pre_vote ? "PreVoteRequest" : "VoteRequest";
  }

  const char* operator()(const VoteReply& body) const {
    return body.pre_vote ? "PreVoteReply" : "VoteReply";
  }

  const char* operator()(const AppendRequest&) const { return "AppendRequest"; }

  const char* operator()(const AppendReply&) const { return "AppendReply"; }

  const char* operator()(const Heartbeat&) const { return "Heartbeat"; }

  const char* operator()(const HeartbeatReply&) const {
    return "HeartbeatReply";
  }

  const char* operator()(const TimeoutNow&) const { return "TimeoutNow"; }

  const char* operator()(const InstallSnapshot&) const {
    return "InstallSnapshot";
  }
};

}  // namespace

const char* MessageName(const Message& message) {
  return std::visit(NameOf{}, message.body);
}

}  // namespace quorate::raft
