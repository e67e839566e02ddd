#include "replication/wire/peer_codec.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/wire/entry_codec.h"
#include "replication/wire/limits.h"
#include "replication/wire/membership_codec.h"

namespace quorate::replication {
namespace {

using raft::Entry;
using raft::Index;
using raft::MemberId;
using raft::Term;

absl::Status CheckItems(int size, const char* name) {
  if (static_cast<size_t>(size) > kMaxItemsInFrame) {
    return absl::InvalidArgumentError(
        absl::StrCat("too many ", name, ": ", size));
  }
  return absl::OkStatus();
}

// Encodes the body of a raft message; one overload a kind, so that a kind
// without one does not compile.
struct RaftBodyEncoder {
  internal::v1::RaftMessage* proto;

  void operator()(const raft::VoteRequest& body) const {
    auto* out = proto->mutable_vote_request();
    out->set_pre_vote(body.pre_vote);
    out->set_last_index(body.last_index.value());
    out->set_last_term(body.last_term.value());
    out->set_transfer(body.transfer);
  }

  void operator()(const raft::VoteReply& body) const {
    auto* out = proto->mutable_vote_reply();
    out->set_pre_vote(body.pre_vote);
    out->set_granted(body.granted);
  }

  void operator()(const raft::AppendRequest& body) const {
    auto* out = proto->mutable_append_request();
    out->set_previous_index(body.previous_index.value());
    out->set_previous_term(body.previous_term.value());
    out->set_commit(body.commit.value());
    out->mutable_entries()->Reserve(static_cast<int>(body.entries.size()));
    for (const Entry& entry : body.entries) {
      EncodeEntry(entry, out->add_entries());
    }
  }

  void operator()(const raft::AppendReply& body) const {
    auto* out = proto->mutable_append_reply();
    out->set_accepted(body.accepted);
    out->set_match(body.match.value());
    out->set_hint_index(body.hint_index.value());
    out->set_hint_term(body.hint_term.value());
  }

  void operator()(const raft::Heartbeat& body) const {
    auto* out = proto->mutable_heartbeat();
    out->set_commit(body.commit.value());
    out->set_read_round(body.read_round);
  }

  void operator()(const raft::HeartbeatReply& body) const {
    proto->mutable_heartbeat_reply()->set_read_round(body.read_round);
  }

  void operator()(const raft::TimeoutNow&) const {
    proto->mutable_timeout_now();
  }

  void operator()(const raft::InstallSnapshot& body) const {
    EncodeSnapshotPosition(
        body.position, proto->mutable_install_snapshot()->mutable_position());
  }
};

struct FrameEncoder {
  internal::v1::PeerFrame* frame;

  void operator()(const raft::Message& message) const {
    auto* out = frame->mutable_raft();
    out->set_term(message.term.value());
    std::visit(RaftBodyEncoder{out}, message.body);
  }

  void operator()(const ForwardProposals& body) const {
    auto* out = frame->mutable_forward();
    out->set_term(body.term.value());
    out->set_batch(body.batch);
    for (const raft::Proposal& proposal : body.proposals) {
      auto* added = out->add_proposals();
      added->mutable_id()->set_run(proposal.id.run);
      added->mutable_id()->set_sequence(proposal.id.sequence);
      if (proposal.payload != nullptr) added->set_payload(*proposal.payload);
    }
  }

  void operator()(const RejectedProposals& body) const {
    auto* out = frame->mutable_rejected();
    out->set_term(body.term.value());
    out->set_batch(body.batch);
    out->set_overloaded(body.overloaded);
    for (const raft::ProposalId& id : body.proposals) {
      auto* added = out->add_proposals();
      added->set_run(id.run);
      added->set_sequence(id.sequence);
    }
  }

  void operator()(const ReadIndexRequest& body) const {
    frame->mutable_read_index_request()->set_nonce(body.nonce);
  }

  void operator()(const ReadIndexReply& body) const {
    auto* out = frame->mutable_read_index_reply();
    out->set_nonce(body.nonce);
    out->set_index(body.index.value());
  }

  void operator()(const MembershipRequest& body) const {
    EncodeMembershipRequest(body, frame->mutable_membership_request());
  }

  void operator()(const MembersHint& body) const {
    EncodeMembersHint(body, frame->mutable_members_hint());
  }

  void operator()(const MembershipReply& body) const {
    EncodeMembershipReply(body, frame->mutable_membership_reply());
  }

  void operator()(const ClockRequest& body) const {
    frame->mutable_clock_request()->set_sent_us(body.sent_us);
  }

  void operator()(const ClockReply& body) const {
    auto* out = frame->mutable_clock_reply();
    out->set_sent_us(body.sent_us);
    out->set_calendar_ms(body.calendar_ms);
  }

  void operator()(const DiskReport& body) const {
    frame->mutable_disk_report()->set_low(body.low);
  }

  void operator()(const WitnessReport& body) const {
    auto* out = frame->mutable_witness_report();
    for (const auto& [member, index] : body.logs) {
      auto* log = out->add_logs();
      log->set_member(member.value());
      log->set_index(index.value());
    }
  }
};

absl::StatusOr<raft::MessageBody> Decode(
    const internal::v1::VoteRequest& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.last_index(), "last index"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.last_term(), "last term"));
  return raft::VoteRequest{.pre_vote = proto.pre_vote(),
                           .last_index = Index(proto.last_index()),
                           .last_term = Term(proto.last_term()),
                           .transfer = proto.transfer()};
}

// `entry` must follow `index` and `term`, and not be of a later term than the
// message that brings it.
absl::Status CheckFollows(const Entry& entry, Index index, Term term,
                          uint64_t message_term) {
  if (entry.index != index.Next()) {
    return absl::InvalidArgumentError("entries are not consecutive");
  }
  if (entry.term < term || entry.term.value() > message_term) {
    return absl::InvalidArgumentError("the terms of the entries go back");
  }
  return absl::OkStatus();
}

absl::StatusOr<raft::MessageBody> Decode(internal::v1::AppendRequest* proto,
                                         uint64_t message_term) {
  QUORATE_RETURN_IF_ERROR(
      CheckIndexOrTerm(proto->previous_index(), "previous index"));
  QUORATE_RETURN_IF_ERROR(
      CheckIndexOrTerm(proto->previous_term(), "previous term"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto->commit(), "commit"));
  QUORATE_RETURN_IF_ERROR(CheckItems(proto->entries_size(), "entries"));
  raft::AppendRequest body{.previous_index = Index(proto->previous_index()),
                           .previous_term = Term(proto->previous_term()),
                           .commit = Index(proto->commit())};
  body.entries.reserve(proto->entries_size());
  Index index = body.previous_index;
  Term term = body.previous_term;
  for (internal::v1::Entry& item : *proto->mutable_entries()) {
    QUORATE_ASSIGN_OR_RETURN(Entry entry, DecodeEntry(std::move(item)));
    QUORATE_RETURN_IF_ERROR(CheckFollows(entry, index, term, message_term));
    index = entry.index;
    term = entry.term;
    body.entries.push_back(std::move(entry));
  }
  return body;
}

absl::StatusOr<raft::MessageBody> Decode(
    const internal::v1::AppendReply& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.match(), "match"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.hint_index(), "hint index"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.hint_term(), "hint term"));
  return raft::AppendReply{.accepted = proto.accepted(),
                           .match = Index(proto.match()),
                           .hint_index = Index(proto.hint_index()),
                           .hint_term = Term(proto.hint_term())};
}

absl::StatusOr<raft::MessageBody> Decode(const internal::v1::Heartbeat& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.commit(), "commit"));
  return raft::Heartbeat{.commit = Index(proto.commit()),
                         .read_round = proto.read_round()};
}

absl::StatusOr<raft::MessageBody> Decode(
    const internal::v1::InstallSnapshot& proto, uint64_t message_term) {
  QUORATE_ASSIGN_OR_RETURN(raft::SnapshotPosition position,
                           DecodeSnapshotPosition(proto.position()));
  if (position.term.value() > message_term) {
    return absl::InvalidArgumentError("a snapshot of a term to come");
  }
  return raft::InstallSnapshot{.position = std::move(position)};
}

absl::StatusOr<raft::MessageBody> DecodeRaftBody(
    internal::v1::RaftMessage* proto) {
  using internal::v1::RaftMessage;
  switch (proto->body_case()) {
    case RaftMessage::kVoteRequest:
      return Decode(proto->vote_request());
    case RaftMessage::kVoteReply:
      return raft::VoteReply{.pre_vote = proto->vote_reply().pre_vote(),
                             .granted = proto->vote_reply().granted()};
    case RaftMessage::kAppendRequest:
      return Decode(proto->mutable_append_request(), proto->term());
    case RaftMessage::kAppendReply:
      return Decode(proto->append_reply());
    case RaftMessage::kHeartbeat:
      return Decode(proto->heartbeat());
    case RaftMessage::kHeartbeatReply:
      return raft::HeartbeatReply{.read_round =
                                      proto->heartbeat_reply().read_round()};
    case RaftMessage::kTimeoutNow:
      return raft::TimeoutNow{};
    case RaftMessage::kInstallSnapshot:
      return Decode(proto->install_snapshot(), proto->term());
    case RaftMessage::BODY_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a raft message of no known kind");
}

absl::StatusOr<raft::Message> Decode(internal::v1::RaftMessage* proto,
                                     MemberId from, MemberId to) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto->term(), "term"));
  QUORATE_ASSIGN_OR_RETURN(raft::MessageBody body, DecodeRaftBody(proto));
  return raft::Message{.from = from,
                       .to = to,
                       .term = Term(proto->term()),
                       .body = std::move(body)};
}

absl::StatusOr<raft::ProposalId> Decode(const internal::v1::ProposalId& proto) {
  if (proto.run() == 0 || proto.sequence() == 0) {
    return absl::InvalidArgumentError("a proposal without id");
  }
  return raft::ProposalId{.run = proto.run(), .sequence = proto.sequence()};
}

absl::StatusOr<PeerMessageBody> Decode(internal::v1::ForwardProposals* proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto->term(), "term"));
  QUORATE_RETURN_IF_ERROR(CheckItems(proto->proposals_size(), "proposals"));
  ForwardProposals body{.term = Term(proto->term()), .batch = proto->batch()};
  body.proposals.reserve(proto->proposals_size());
  for (internal::v1::Proposal& item : *proto->mutable_proposals()) {
    QUORATE_ASSIGN_OR_RETURN(const raft::ProposalId id, Decode(item.id()));
    if (item.payload().size() > kMaxPayloadBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a payload of ", item.payload().size(), " bytes"));
    }
    body.proposals.push_back(
        raft::Proposal{.id = id,
                       .payload = std::make_shared<const std::string>(
                           std::move(*item.mutable_payload()))});
  }
  return body;
}

absl::StatusOr<PeerMessageBody> Decode(
    const internal::v1::RejectedProposals& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.term(), "term"));
  QUORATE_RETURN_IF_ERROR(CheckItems(proto.proposals_size(), "proposals"));
  RejectedProposals body{.term = Term(proto.term()),
                         .batch = proto.batch(),
                         .overloaded = proto.overloaded()};
  body.proposals.reserve(proto.proposals_size());
  for (const internal::v1::ProposalId& item : proto.proposals()) {
    QUORATE_ASSIGN_OR_RETURN(const raft::ProposalId id, Decode(item));
    body.proposals.push_back(id);
  }
  return body;
}

absl::StatusOr<PeerMessageBody> Decode(
    const internal::v1::ReadIndexReply& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.index(), "read index"));
  return ReadIndexReply{.nonce = proto.nonce(), .index = Index(proto.index())};
}

absl::StatusOr<PeerMessageBody> Decode(const internal::v1::ClockReply& proto) {
  if (proto.calendar_ms() < 0 || proto.calendar_ms() > kMaxCalendarMs) {
    return absl::InvalidArgumentError("a clock that shows no such time");
  }
  return ClockReply{.sent_us = proto.sent_us(),
                    .calendar_ms = proto.calendar_ms()};
}

absl::StatusOr<PeerMessageBody> Decode(
    const internal::v1::WitnessReport& proto) {
  if (static_cast<size_t>(proto.logs_size()) > kMaxMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat("a report on ", proto.logs_size(), " members"));
  }
  WitnessReport report;
  for (const auto& log : proto.logs()) {
    QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(log.index(), "index"));
    report.logs[MemberId(log.member())] = Index(log.index());
  }
  return report;
}

absl::StatusOr<PeerMessageBody> DecodeBody(internal::v1::PeerFrame* frame,
                                           MemberId from, MemberId to) {
  using internal::v1::PeerFrame;
  switch (frame->body_case()) {
    case PeerFrame::kRaft:
      return Decode(frame->mutable_raft(), from, to);
    case PeerFrame::kForward:
      return Decode(frame->mutable_forward());
    case PeerFrame::kRejected:
      return Decode(frame->rejected());
    case PeerFrame::kReadIndexRequest:
      return ReadIndexRequest{.nonce = frame->read_index_request().nonce()};
    case PeerFrame::kReadIndexReply:
      return Decode(frame->read_index_reply());
    case PeerFrame::kMembershipRequest:
      return DecodeMembershipRequest(frame->membership_request());
    case PeerFrame::kMembershipReply:
      return DecodeMembershipReply(frame->membership_reply());
    case PeerFrame::kMembersHint:
      return DecodeMembersHint(frame->members_hint());
    case PeerFrame::kClockRequest:
      return ClockRequest{.sent_us = frame->clock_request().sent_us()};
    case PeerFrame::kClockReply:
      return Decode(frame->clock_reply());
    case PeerFrame::kDiskReport:
      return DiskReport{.low = frame->disk_report().low()};
    case PeerFrame::kWitnessReport:
      return Decode(frame->witness_report());
    case PeerFrame::BODY_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a frame of no known kind");
}

}  // namespace

void EncodePeerFrame(const PeerMessage& message,
                     internal::v1::PeerFrame* frame) {
  frame->Clear();
  std::visit(FrameEncoder{frame}, message.body);
}

absl::StatusOr<PeerMessage> DecodePeerFrame(internal::v1::PeerFrame&& frame,
                                            MemberId from, MemberId to) {
  QUORATE_ASSIGN_OR_RETURN(PeerMessageBody body, DecodeBody(&frame, from, to));
  return PeerMessage{.from = from, .to = to, .body = std::move(body)};
}

absl::StatusOr<PeerMessage> DecodePeerFrameBytes(absl::string_view bytes,
                                                 MemberId from, MemberId to) {
  if (bytes.size() > kMaxFrameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a frame of ", bytes.size(), " bytes"));
  }
  internal::v1::PeerFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("bytes that are not a frame");
  }
  return DecodePeerFrame(std::move(frame), from, to);
}

}  // namespace quorate::replication
