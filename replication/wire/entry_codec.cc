#include "replication/wire/entry_codec.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/wire/limits.h"

namespace quorate::replication {
namespace {

using raft::Configuration;
using raft::Entry;
using raft::EntryType;
using raft::HardState;
using raft::Index;
using raft::MemberAddress;
using raft::MemberId;
using raft::Membership;
using raft::SnapshotPosition;
using raft::Term;

using ProtoIds = google::protobuf::RepeatedField<uint64_t>;

internal::v1::EntryType EncodeEntryType(EntryType type) {
  switch (type) {
    case EntryType::kNoop:
      return internal::v1::ENTRY_TYPE_NOOP;
    case EntryType::kCommand:
      return internal::v1::ENTRY_TYPE_COMMAND;
    case EntryType::kConfiguration:
      return internal::v1::ENTRY_TYPE_CONFIGURATION;
  }
  QUORATE_CHECK(false);
  return internal::v1::ENTRY_TYPE_UNSPECIFIED;
}

absl::StatusOr<EntryType> DecodeEntryType(internal::v1::EntryType type) {
  switch (type) {
    case internal::v1::ENTRY_TYPE_NOOP:
      return EntryType::kNoop;
    case internal::v1::ENTRY_TYPE_COMMAND:
      return EntryType::kCommand;
    case internal::v1::ENTRY_TYPE_CONFIGURATION:
      return EntryType::kConfiguration;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("unknown entry type ", static_cast<int>(type)));
  }
}

void EncodeIds(const std::vector<MemberId>& ids, ProtoIds* proto) {
  proto->Clear();
  proto->Reserve(static_cast<int>(ids.size()));
  for (const MemberId id : ids) {
    proto->Add(id.value());
  }
}

// Sorted, without repetition, nobody not among them.
absl::StatusOr<std::vector<MemberId>> DecodeIds(const ProtoIds& proto,
                                                const char* name) {
  if (static_cast<size_t>(proto.size()) > kMaxMembers) {
    return absl::InvalidArgumentError(
        absl::StrCat("too many ", name, ": ", proto.size()));
  }
  std::vector<MemberId> ids;
  ids.reserve(proto.size());
  for (const uint64_t value : proto) {
    // Nobody is zero, so the first comparison refuses it.
    const MemberId last = ids.empty() ? raft::kNobody : ids.back();
    if (MemberId(value) <= last) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " are not sorted, repeat or hold a zero"));
    }
    ids.push_back(MemberId(value));
  }
  return ids;
}

bool Contains(const std::vector<MemberId>& sorted, MemberId id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

// All members, sorted, each once.
std::vector<MemberId> AllMembers(const Membership& membership) {
  std::vector<MemberId> all = membership.voters;
  all.insert(all.end(), membership.voters_outgoing.begin(),
             membership.voters_outgoing.end());
  all.insert(all.end(), membership.learners.begin(), membership.learners.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

absl::Status CheckMembership(const Membership& membership) {
  if (membership.voters.empty()) {
    return absl::InvalidArgumentError("a configuration without voters");
  }
  for (const MemberId learner : membership.learners) {
    if (Contains(membership.voters, learner) ||
        Contains(membership.voters_outgoing, learner)) {
      return absl::InvalidArgumentError("a learner is a voter, too");
    }
  }
  for (const MemberId learner : membership.learners_next) {
    if (!Contains(membership.voters_outgoing, learner) ||
        Contains(membership.voters, learner)) {
      return absl::InvalidArgumentError(
          "a learner to come is not only an outgoing voter");
    }
  }
  if (membership.auto_leave && membership.voters_outgoing.empty()) {
    return absl::InvalidArgumentError("nothing to leave: it is not joint");
  }
  return absl::OkStatus();
}

absl::Status CheckAddresses(const internal::v1::Configuration& proto,
                            const Membership& membership) {
  const std::vector<MemberId> members = AllMembers(membership);
  if (static_cast<size_t>(proto.addresses_size()) != members.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        proto.addresses_size(), " addresses for ", members.size(), " members"));
  }
  for (size_t i = 0; i < members.size(); ++i) {
    const auto& address = proto.addresses(static_cast<int>(i));
    if (MemberId(address.id()) != members[i]) {
      return absl::InvalidArgumentError(
          "addresses are not those of the members, sorted by id");
    }
  }
  return absl::OkStatus();
}

// What an entry of `type` may and may not carry.
absl::Status CheckEntryBody(EntryType type, const internal::v1::Entry& proto) {
  if (type != EntryType::kCommand && !proto.payload().empty()) {
    return absl::InvalidArgumentError("a payload in an entry of another type");
  }
  if (proto.payload().size() > kMaxPayloadBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a payload of ", proto.payload().size(), " bytes"));
  }
  if (proto.has_configuration() != (type == EntryType::kConfiguration)) {
    return absl::InvalidArgumentError(
        "a configuration in an entry of another type, or none in its own");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckIndexOrTerm(uint64_t value, const char* name) {
  if (value > kMaxIndexOrTerm) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " ", value, " is out of range"));
  }
  return absl::OkStatus();
}

void EncodeConfiguration(const Configuration& configuration,
                         internal::v1::Configuration* proto) {
  const Membership& membership = configuration.membership;
  EncodeIds(membership.voters, proto->mutable_voters());
  EncodeIds(membership.voters_outgoing, proto->mutable_voters_outgoing());
  EncodeIds(membership.learners, proto->mutable_learners());
  EncodeIds(membership.learners_next, proto->mutable_learners_next());
  proto->set_auto_leave(membership.auto_leave);
  proto->clear_addresses();
  for (const MemberAddress& address : configuration.addresses) {
    EncodeAddress(address, proto->add_addresses());
  }
}

void EncodeAddress(const MemberAddress& address,
                   internal::v1::MemberAddress* proto) {
  proto->set_id(address.id.value());
  proto->set_name(address.name);
  proto->set_peer_endpoint(address.peer_endpoint);
  proto->set_client_endpoint(address.client_endpoint);
  proto->set_promote(address.promote);
}

absl::StatusOr<MemberAddress> DecodeAddress(
    const internal::v1::MemberAddress& proto) {
  if (proto.name().size() > kMaxMemberNameBytes ||
      proto.peer_endpoint().size() > kMaxEndpointBytes ||
      proto.client_endpoint().size() > kMaxEndpointBytes) {
    return absl::InvalidArgumentError("a member's address is too long");
  }
  return MemberAddress{.id = MemberId(proto.id()),
                       .name = proto.name(),
                       .peer_endpoint = proto.peer_endpoint(),
                       .client_endpoint = proto.client_endpoint(),
                       .promote = proto.promote()};
}

absl::StatusOr<Configuration> DecodeConfiguration(
    const internal::v1::Configuration& proto) {
  Configuration configuration;
  Membership& membership = configuration.membership;
  QUORATE_ASSIGN_OR_RETURN(membership.voters,
                           DecodeIds(proto.voters(), "voters"));
  QUORATE_ASSIGN_OR_RETURN(
      membership.voters_outgoing,
      DecodeIds(proto.voters_outgoing(), "outgoing voters"));
  QUORATE_ASSIGN_OR_RETURN(membership.learners,
                           DecodeIds(proto.learners(), "learners"));
  QUORATE_ASSIGN_OR_RETURN(
      membership.learners_next,
      DecodeIds(proto.learners_next(), "learners to come"));
  membership.auto_leave = proto.auto_leave();
  QUORATE_RETURN_IF_ERROR(CheckMembership(membership));
  QUORATE_RETURN_IF_ERROR(CheckAddresses(proto, membership));
  configuration.addresses.reserve(proto.addresses_size());
  for (const auto& address : proto.addresses()) {
    QUORATE_ASSIGN_OR_RETURN(MemberAddress decoded, DecodeAddress(address));
    configuration.addresses.push_back(std::move(decoded));
  }
  return configuration;
}

void EncodeSnapshotPosition(const SnapshotPosition& position,
                            internal::v1::SnapshotPosition* proto) {
  QUORATE_CHECK(position.configuration != nullptr);
  proto->set_index(position.index.value());
  proto->set_term(position.term.value());
  EncodeConfiguration(*position.configuration, proto->mutable_configuration());
  proto->set_configuration_index(position.configuration_index.value());
  proto->set_cluster_ms(position.stamp.cluster_ms);
  proto->set_calendar_ms(position.stamp.calendar_ms);
}

absl::StatusOr<SnapshotPosition> DecodeSnapshotPosition(
    const internal::v1::SnapshotPosition& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.index(), "index"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.term(), "term"));
  if (proto.index() == 0 || proto.term() == 0) {
    return absl::InvalidArgumentError("a snapshot of nothing");
  }
  if (proto.configuration_index() > proto.index()) {
    return absl::InvalidArgumentError("a configuration behind its snapshot");
  }
  QUORATE_ASSIGN_OR_RETURN(Configuration configuration,
                           DecodeConfiguration(proto.configuration()));
  return SnapshotPosition{
      .index = Index(proto.index()),
      .term = Term(proto.term()),
      .configuration =
          std::make_shared<const Configuration>(std::move(configuration)),
      .configuration_index = Index(proto.configuration_index()),
      .stamp = {.cluster_ms = proto.cluster_ms(),
                .calendar_ms = proto.calendar_ms()}};
}

void EncodeHardState(const HardState& hard_state,
                     internal::v1::HardState* proto) {
  proto->set_term(hard_state.term.value());
  proto->set_vote(hard_state.vote.value());
  proto->set_commit(hard_state.commit.value());
}

absl::StatusOr<HardState> DecodeHardState(
    const internal::v1::HardState& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.term(), "term"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.commit(), "commit"));
  return HardState{.term = Term(proto.term()),
                   .vote = MemberId(proto.vote()),
                   .commit = Index(proto.commit())};
}

void EncodeEntry(const Entry& entry, internal::v1::Entry* proto) {
  proto->Clear();
  proto->set_index(entry.index.value());
  proto->set_term(entry.term.value());
  proto->set_type(EncodeEntryType(entry.type));
  proto->set_proposal_run(entry.proposal.run);
  proto->set_proposal_sequence(entry.proposal.sequence);
  proto->set_cluster_ms(entry.stamp.cluster_ms);
  proto->set_calendar_ms(entry.stamp.calendar_ms);
  if (entry.type == EntryType::kCommand && entry.payload != nullptr) {
    proto->set_payload(*entry.payload);
  }
  if (entry.type == EntryType::kConfiguration) {
    QUORATE_CHECK(entry.configuration != nullptr);
    EncodeConfiguration(*entry.configuration, proto->mutable_configuration());
  }
}

absl::StatusOr<Entry> DecodeEntry(internal::v1::Entry&& proto) {
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.index(), "index"));
  QUORATE_RETURN_IF_ERROR(CheckIndexOrTerm(proto.term(), "term"));
  if (proto.index() == 0 || proto.term() == 0) {
    return absl::InvalidArgumentError("an entry without index or term");
  }
  Entry entry;
  QUORATE_ASSIGN_OR_RETURN(entry.type, DecodeEntryType(proto.type()));
  QUORATE_RETURN_IF_ERROR(CheckEntryBody(entry.type, proto));
  entry.index = Index(proto.index());
  entry.term = Term(proto.term());
  entry.proposal = {.run = proto.proposal_run(),
                    .sequence = proto.proposal_sequence()};
  entry.stamp = {.cluster_ms = proto.cluster_ms(),
                 .calendar_ms = proto.calendar_ms()};
  if (entry.type == EntryType::kCommand) {
    entry.payload = std::make_shared<const std::string>(
        std::move(*proto.mutable_payload()));
  }
  if (entry.type == EntryType::kConfiguration) {
    QUORATE_ASSIGN_OR_RETURN(Configuration configuration,
                             DecodeConfiguration(proto.configuration()));
    entry.configuration =
        std::make_shared<const Configuration>(std::move(configuration));
  }
  return entry;
}

}  // namespace quorate::replication
