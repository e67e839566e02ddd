#include "replication/wire/membership_codec.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/wire/entry_codec.h"
#include "replication/wire/limits.h"

namespace quorate::replication {
namespace {

using Kind = raft::MemberChange::Kind;

// What is said of a refusal; people read it.
constexpr size_t kMaxMessageBytes = 1024;

internal::v1::MemberChangeKind EncodeKind(Kind kind) {
  switch (kind) {
    case Kind::kAddVoter:
      return internal::v1::MEMBER_CHANGE_KIND_ADD_VOTER;
    case Kind::kAddLearner:
      return internal::v1::MEMBER_CHANGE_KIND_ADD_LEARNER;
    case Kind::kRemove:
      return internal::v1::MEMBER_CHANGE_KIND_REMOVE;
    case Kind::kUpdate:
      return internal::v1::MEMBER_CHANGE_KIND_UPDATE;
  }
  return internal::v1::MEMBER_CHANGE_KIND_UNSPECIFIED;
}

absl::StatusOr<Kind> DecodeKind(internal::v1::MemberChangeKind kind) {
  switch (kind) {
    case internal::v1::MEMBER_CHANGE_KIND_ADD_VOTER:
      return Kind::kAddVoter;
    case internal::v1::MEMBER_CHANGE_KIND_ADD_LEARNER:
      return Kind::kAddLearner;
    case internal::v1::MEMBER_CHANGE_KIND_REMOVE:
      return Kind::kRemove;
    case internal::v1::MEMBER_CHANGE_KIND_UPDATE:
      return Kind::kUpdate;
    default:
      return absl::InvalidArgumentError("a change of no known kind");
  }
}

void EncodeChange(const raft::ConfigurationChange& change,
                  internal::v1::MembershipRequest* proto) {
  for (const raft::MemberChange& step : change.changes) {
    internal::v1::MemberChange* added = proto->add_changes();
    added->set_kind(EncodeKind(step.kind));
    added->set_id(step.id.value());
  }
  for (const raft::MemberAddress& address : change.addresses) {
    EncodeAddress(address, proto->add_addresses());
  }
}

absl::Status CheckCount(int count) {
  if (static_cast<size_t>(count) > kMaxMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat("a change of ", count, " members"));
  }
  return absl::OkStatus();
}

}  // namespace

void EncodeMembershipRequest(const MembershipRequest& request,
                             internal::v1::MembershipRequest* proto) {
  proto->set_nonce(request.nonce);
  if (const auto* transfer = std::get_if<LeadershipTransfer>(&request.what)) {
    proto->set_transfer_to(transfer->to.value());
  } else if (const auto* leap = std::get_if<CalendarLeap>(&request.what)) {
    proto->set_accept_calendar_ms(leap->up_to_ms);
  } else {
    EncodeChange(std::get<raft::ConfigurationChange>(request.what), proto);
  }
}

void EncodeMembershipReply(const MembershipReply& reply,
                           internal::v1::MembershipReply* proto) {
  proto->set_nonce(reply.nonce);
  proto->set_code(static_cast<uint32_t>(reply.status.code()));
  proto->set_message(
      std::string(reply.status.message().substr(0, kMaxMessageBytes)));
}

absl::StatusOr<PeerMessageBody> DecodeMembershipRequest(
    const internal::v1::MembershipRequest& proto) {
  MembershipRequest request{.nonce = proto.nonce()};
  if (proto.has_accept_calendar_ms()) {
    request.what = CalendarLeap{.up_to_ms = proto.accept_calendar_ms()};
    return request;
  }
  if (proto.changes_size() == 0) {
    request.what =
        LeadershipTransfer{.to = raft::MemberId(proto.transfer_to())};
    return request;
  }
  QUORATE_RETURN_IF_ERROR(CheckCount(proto.changes_size()));
  QUORATE_RETURN_IF_ERROR(CheckCount(proto.addresses_size()));
  raft::ConfigurationChange change;
  for (const internal::v1::MemberChange& item : proto.changes()) {
    QUORATE_ASSIGN_OR_RETURN(const Kind kind, DecodeKind(item.kind()));
    change.changes.push_back({.kind = kind, .id = raft::MemberId(item.id())});
  }
  for (const internal::v1::MemberAddress& item : proto.addresses()) {
    QUORATE_ASSIGN_OR_RETURN(raft::MemberAddress address, DecodeAddress(item));
    change.addresses.push_back(std::move(address));
  }
  request.what = std::move(change);
  return request;
}

absl::StatusOr<PeerMessageBody> DecodeMembershipReply(
    const internal::v1::MembershipReply& proto) {
  if (proto.code() >
          static_cast<uint32_t>(absl::StatusCode::kUnauthenticated) ||
      proto.message().size() > kMaxMessageBytes) {
    return absl::InvalidArgumentError("a reply of no known kind");
  }
  return MembershipReply{
      .nonce = proto.nonce(),
      .status = absl::Status(static_cast<absl::StatusCode>(proto.code()),
                             proto.message())};
}

void EncodeMembersHint(const MembersHint& hint,
                       internal::v1::MembersHint* proto) {
  proto->set_index(hint.index.value());
  EncodeConfiguration(*hint.configuration, proto->mutable_configuration());
}

absl::StatusOr<PeerMessageBody> DecodeMembersHint(
    const internal::v1::MembersHint& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.index(), "index"));
  QUORATE_ASSIGN_OR_RETURN(raft::Configuration configuration,
                           DecodeConfiguration(proto.configuration()));
  return MembersHint{
      .index = raft::Index(proto.index()),
      .configuration = std::make_shared<const raft::Configuration>(
          std::move(configuration))};
}

}  // namespace quorate::replication
