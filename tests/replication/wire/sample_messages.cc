#include "tests/replication/wire/sample_messages.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "replication/wire/limits.h"

namespace quorate::replication {
namespace {

using raft::Entry;
using raft::EntryType;
using raft::Index;
using raft::MemberId;
using raft::Payload;
using raft::ProposalId;
using raft::Term;

// Small, large and in between: varints of each length.
uint64_t SampleNumber(Random* random) {
  return random->Next() >> random->Below(64);
}

Index SampleIndex(Random* random) {
  return Index(SampleNumber(random) % (kMaxIndexOrTerm + 1));
}

Term SampleTerm(Random* random) {
  return Term(SampleNumber(random) % (kMaxIndexOrTerm + 1));
}

std::string SampleBytes(Random* random, size_t longest) {
  std::string bytes(random->Below(longest + 1), '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random->Next());
  }
  return bytes;
}

std::vector<MemberId> SampleIds(Random* random, size_t fewest, size_t most) {
  std::vector<MemberId> ids(random->Between(fewest, most));
  for (MemberId& id : ids) {
    id = MemberId(random->Next() | 1);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

ProposalId SampleProposalId(Random* random) {
  return {.run = random->Next() | 1, .sequence = SampleNumber(random) | 1};
}

Payload SamplePayload(Random* random) {
  return std::make_shared<const std::string>(SampleBytes(random, 100));
}

raft::AppendRequest SampleAppend(Random* random, Term term) {
  raft::AppendRequest body{.previous_index = Index(random->Below(1000)),
                           .previous_term = Term(random->Below(5)),
                           .commit = SampleIndex(random)};
  Index index = body.previous_index;
  Term entry_term = std::max(body.previous_term, Term(1));
  for (uint64_t left = random->Below(6); left > 0; --left) {
    index = index.Next();
    if (random->OneIn(3) && entry_term < term) entry_term = entry_term.Next();
    body.entries.push_back(SampleEntry(random, index, entry_term));
  }
  return body;
}

raft::SnapshotPosition SamplePosition(Random* random, Term term) {
  const uint64_t index = random->Between(1, kMaxIndexOrTerm);
  return {.index = Index(index),
          .term = Term(random->Between(1, term.value())),
          .configuration = std::make_shared<const raft::Configuration>(
              SampleConfiguration(random)),
          .configuration_index = Index(random->Between(0, index)),
          .stamp = {.cluster_ms = static_cast<int64_t>(SampleNumber(random)),
                    .calendar_ms = static_cast<int64_t>(SampleNumber(random))}};
}

raft::MessageBody SampleBody(Random* random, Term term) {
  switch (random->Below(8)) {
    case 0:
      return raft::VoteRequest{.pre_vote = random->OneIn(2),
                               .last_index = SampleIndex(random),
                               .last_term = SampleTerm(random),
                               .transfer = random->OneIn(2)};
    case 1:
      return raft::VoteReply{.pre_vote = random->OneIn(2),
                             .granted = random->OneIn(2)};
    case 2:
      return SampleAppend(random, term);
    case 3:
      return raft::AppendReply{.accepted = random->OneIn(2),
                               .match = SampleIndex(random),
                               .hint_index = SampleIndex(random),
                               .hint_term = SampleTerm(random)};
    case 4:
      return raft::Heartbeat{.commit = SampleIndex(random),
                             .read_round = SampleNumber(random)};
    case 5:
      return raft::TimeoutNow{};
    case 6:
      return raft::InstallSnapshot{.position = SamplePosition(random, term)};
    default:
      return raft::HeartbeatReply{.read_round = SampleNumber(random)};
  }
}

// A text for each struct; the bindings name all of its fields.
std::string Text(const ProposalId& id) {
  const auto& [run, sequence] = id;
  return absl::StrCat(run, ".", sequence);
}

std::string Text(const raft::MemberAddress& address) {
  const auto& [id, name, peer_endpoint, client_endpoint, promote] = address;
  return absl::StrCat(id.value(), "=", name, ",", peer_endpoint, ",",
                      client_endpoint, ",", promote);
}

std::string Text(const Payload& payload) {
  return payload == nullptr ? "none" : absl::BytesToHexString(*payload);
}

std::string Text(const std::vector<MemberId>& ids) {
  std::string text = "[";
  for (const MemberId id : ids) {
    absl::StrAppend(&text, id.value(), " ");
  }
  return text + "]";
}

struct BodyText {
  std::string operator()(const raft::VoteRequest& body) const {
    const auto& [pre_vote, last_index, last_term, transfer] = body;
    return absl::StrCat("VoteRequest ", pre_vote, " ", last_index.value(), " ",
                        last_term.value(), " ", transfer);
  }

  std::string operator()(const raft::VoteReply& body) const {
    const auto& [pre_vote, granted] = body;
    return absl::StrCat("VoteReply ", pre_vote, " ", granted);
  }

  std::string operator()(const raft::AppendRequest& body) const {
    const auto& [previous_index, previous_term, commit, entries] = body;
    std::string text =
        absl::StrCat("AppendRequest ", previous_index.value(), " ",
                     previous_term.value(), " ", commit.value());
    for (const Entry& entry : entries) {
      absl::StrAppend(&text, "\n  ", Describe(entry));
    }
    return text;
  }

  std::string operator()(const raft::AppendReply& body) const {
    const auto& [accepted, match, hint_index, hint_term] = body;
    return absl::StrCat("AppendReply ", accepted, " ", match.value(), " ",
                        hint_index.value(), " ", hint_term.value());
  }

  std::string operator()(const raft::Heartbeat& body) const {
    const auto& [commit, read_round] = body;
    return absl::StrCat("Heartbeat ", commit.value(), " ", read_round);
  }

  std::string operator()(const raft::HeartbeatReply& body) const {
    const auto& [read_round] = body;
    return absl::StrCat("HeartbeatReply ", read_round);
  }

  std::string operator()(const raft::TimeoutNow&) const { return "TimeoutNow"; }

  std::string operator()(const raft::InstallSnapshot& body) const {
    const auto& [index, term, configuration, configuration_index, stamp] =
        body.position;
    return absl::StrCat("InstallSnapshot ", index.value(), " ", term.value(),
                        " ", Describe(*configuration), " ",
                        configuration_index.value(), " ", stamp.cluster_ms, " ",
                        stamp.calendar_ms);
  }

  std::string operator()(const raft::Message& message) const {
    const auto& [from, to, term, body] = message;
    return absl::StrCat(from.value(), ">", to.value(), " ", term.value(), " ",
                        std::visit(BodyText(), body));
  }

  std::string operator()(const ForwardProposals& body) const {
    const auto& [term, batch, proposals] = body;
    std::string text = absl::StrCat("Forward ", term.value(), " ", batch);
    for (const raft::Proposal& proposal : proposals) {
      const auto& [id, payload] = proposal;
      absl::StrAppend(&text, "\n  ", Text(id), " ", Text(payload));
    }
    return text;
  }

  std::string operator()(const RejectedProposals& body) const {
    const auto& [term, batch, overloaded, proposals] = body;
    std::string text =
        absl::StrCat("Rejected ", term.value(), " ", batch, " ", overloaded);
    for (const ProposalId& id : proposals) {
      absl::StrAppend(&text, " ", Text(id));
    }
    return text;
  }

  std::string operator()(const ReadIndexRequest& body) const {
    const auto& [nonce] = body;
    return absl::StrCat("ReadIndexRequest ", nonce);
  }

  std::string operator()(const ReadIndexReply& body) const {
    const auto& [nonce, index] = body;
    return absl::StrCat("ReadIndexReply ", nonce, " ", index.value());
  }

  std::string operator()(const MembershipRequest& body) const {
    const auto& [nonce, what] = body;
    return absl::StrCat("MembershipRequest ", nonce, std::visit(*this, what));
  }

  std::string operator()(const LeadershipTransfer& what) const {
    const auto& [to] = what;
    return absl::StrCat(" to ", to.value());
  }

  std::string operator()(const CalendarLeap& what) const {
    const auto& [up_to_ms] = what;
    return absl::StrCat(" accept ", up_to_ms);
  }

  std::string operator()(const raft::ConfigurationChange& what) const {
    // The leader decides how a change is made, so that does not travel.
    const auto& [changes, addresses, auto_leave, force_joint] = what;
    std::string text;
    for (const raft::MemberChange& step : changes) {
      const auto& [kind, id] = step;
      absl::StrAppend(&text, " ", static_cast<int>(kind), ":", id.value());
    }
    for (const raft::MemberAddress& address : addresses) {
      absl::StrAppend(&text, " ", Text(address));
    }
    return text;
  }

  std::string operator()(const MembersHint& body) const {
    const auto& [index, configuration] = body;
    return absl::StrCat("MembersHint ", index.value(), " ",
                        Describe(*configuration));
  }

  std::string operator()(const MembershipReply& body) const {
    const auto& [nonce, status] = body;
    return absl::StrCat("MembershipReply ", nonce, " ",
                        static_cast<int>(status.code()), " ", status.message());
  }

  std::string operator()(const ClockRequest& body) const {
    const auto& [sent_us] = body;
    return absl::StrCat("ClockRequest ", sent_us);
  }

  std::string operator()(const ClockReply& body) const {
    const auto& [sent_us, calendar_ms] = body;
    return absl::StrCat("ClockReply ", sent_us, " ", calendar_ms);
  }

  std::string operator()(const DiskReport& body) const {
    return absl::StrCat("DiskReport ", body.low);
  }

  std::string operator()(const WitnessReport& body) const {
    const auto& [logs] = body;
    std::string text = "WitnessReport";
    for (const auto& [member, index] : logs) {
      absl::StrAppend(&text, " ", member.value(), ":", index.value());
    }
    return text;
  }
};

raft::MemberAddress SampleAddress(Random* random, MemberId id) {
  return {.id = id,
          .name = absl::StrCat("m", id.value() % 1000),
          .peer_endpoint = absl::StrCat("peer.example:", random->Below(65536)),
          .client_endpoint = absl::StrCat("[::1]:", random->Below(65536)),
          .promote = random->OneIn(2)};
}

MembershipRequest SampleMembershipRequest(Random* random) {
  MembershipRequest request{.nonce = random->Next()};
  if (random->OneIn(3)) {
    request.what =
        CalendarLeap{.up_to_ms = static_cast<int64_t>(SampleNumber(random))};
    return request;
  }
  if (random->OneIn(2)) {
    request.what = LeadershipTransfer{.to = MemberId(random->Next())};
    return request;
  }
  raft::ConfigurationChange change;
  for (uint64_t left = random->Between(1, 3); left > 0; --left) {
    const MemberId id(random->Next() | 1);
    change.changes.push_back(
        {.kind = static_cast<raft::MemberChange::Kind>(random->Below(4)),
         .id = id});
    if (random->OneIn(2)) change.addresses.push_back(SampleAddress(random, id));
  }
  request.what = std::move(change);
  return request;
}

}  // namespace

raft::Configuration SampleConfiguration(Random* random) {
  raft::Configuration configuration;
  raft::Membership& membership = configuration.membership;
  membership.voters = SampleIds(random, 1, 5);
  if (random->OneIn(2)) {
    membership.voters_outgoing = SampleIds(random, 1, 3);
    if (random->OneIn(2)) membership.learners_next = membership.voters_outgoing;
    membership.auto_leave = random->OneIn(2);
    membership.voters_outgoing.push_back(membership.voters.front());
    std::sort(membership.voters_outgoing.begin(),
              membership.voters_outgoing.end());
  }
  if (random->OneIn(2)) membership.learners = SampleIds(random, 1, 3);
  std::vector<MemberId> all = membership.voters;
  for (const auto* ids : {&membership.voters_outgoing, &membership.learners}) {
    all.insert(all.end(), ids->begin(), ids->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const MemberId id : all) {
    configuration.addresses.push_back(SampleAddress(random, id));
  }
  return configuration;
}

Entry SampleEntry(Random* random, Index index, Term term) {
  Entry entry{.index = index, .term = term};
  entry.stamp = {.cluster_ms = static_cast<int64_t>(SampleNumber(random)),
                 .calendar_ms = static_cast<int64_t>(SampleNumber(random))};
  if (random->OneIn(2)) entry.proposal = SampleProposalId(random);
  switch (random->Below(3)) {
    case 0:
      entry.type = EntryType::kNoop;
      break;
    case 1:
      entry.type = EntryType::kCommand;
      entry.payload = SamplePayload(random);
      break;
    default:
      entry.type = EntryType::kConfiguration;
      entry.configuration = std::make_shared<const raft::Configuration>(
          SampleConfiguration(random));
  }
  return entry;
}

PeerMessage SamplePeerMessage(Random* random) {
  PeerMessage message{.from = MemberId(random->Next() | 1),
                      .to = MemberId(random->Next() | 1)};
  switch (random->Below(16)) {
    case 0: {
      ForwardProposals body{.term = SampleTerm(random),
                            .batch = SampleNumber(random)};
      for (uint64_t left = random->Below(4); left > 0; --left) {
        body.proposals.push_back(
            {.id = SampleProposalId(random), .payload = SamplePayload(random)});
      }
      message.body = std::move(body);
      break;
    }
    case 1: {
      RejectedProposals body{.term = SampleTerm(random),
                             .batch = SampleNumber(random),
                             .overloaded = random->OneIn(2)};
      for (uint64_t left = random->Below(4); left > 0; --left) {
        body.proposals.push_back(SampleProposalId(random));
      }
      message.body = std::move(body);
      break;
    }
    case 2:
      message.body = ReadIndexRequest{.nonce = random->Next()};
      break;
    case 3:
      message.body =
          ReadIndexReply{.nonce = random->Next(), .index = SampleIndex(random)};
      break;
    case 4:
      message.body = SampleMembershipRequest(random);
      break;
    case 6:
      message.body = MembersHint{
          .index = SampleIndex(random),
          .configuration = std::make_shared<const raft::Configuration>(
              SampleConfiguration(random))};
      break;
    case 5:
      message.body = MembershipReply{
          .nonce = random->Next(),
          .status = random->OneIn(2)
                        ? absl::OkStatus()
                        : absl::FailedPreconditionError("not as things are")};
      break;
    case 7:
      message.body =
          ClockRequest{.sent_us = static_cast<int64_t>(SampleNumber(random))};
      break;
    case 8:
      message.body =
          ClockReply{.sent_us = static_cast<int64_t>(SampleNumber(random)),
                     .calendar_ms = static_cast<int64_t>(random->Between(
                         0, static_cast<uint64_t>(kMaxCalendarMs)))};
      break;
    case 9:
      message.body = DiskReport{.low = random->OneIn(2)};
      break;
    case 10: {
      WitnessReport body;
      for (const MemberId id : SampleIds(random, 0, 5)) {
        body.logs[id] = SampleIndex(random);
      }
      message.body = std::move(body);
      break;
    }
    default: {
      const Term term = Term(random->Between(5, 100));
      message.body = raft::Message{.from = message.from,
                                   .to = message.to,
                                   .term = term,
                                   .body = SampleBody(random, term)};
    }
  }
  return message;
}

std::string Describe(const raft::Configuration& configuration) {
  const auto& [membership, addresses] = configuration;
  const auto& [voters, voters_outgoing, learners, learners_next, auto_leave] =
      membership;
  std::string text =
      absl::StrCat(Text(voters), Text(voters_outgoing), Text(learners),
                   Text(learners_next), auto_leave);
  for (const raft::MemberAddress& address : addresses) {
    absl::StrAppend(&text, " ", Text(address));
  }
  return text;
}

std::string Describe(const Entry& entry) {
  const auto& [index, term, type, proposal, stamp, payload, configuration] =
      entry;
  const auto& [cluster_ms, calendar_ms] = stamp;
  return absl::StrCat(
      index.value(), "@", term.value(), " type=", static_cast<int>(type), " ",
      Text(proposal), " ", cluster_ms, " ", calendar_ms, " ", Text(payload),
      " ", configuration == nullptr ? "none" : Describe(*configuration));
}

std::string Describe(const PeerMessage& message) {
  const auto& [from, to, body] = message;
  return absl::StrCat(from.value(), ">", to.value(), " ",
                      std::visit(BodyText(), body));
}

}  // namespace quorate::replication
