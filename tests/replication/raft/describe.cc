#include "tests/replication/raft/describe.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quorate::raft {

namespace {

std::string Place(Index index, Term term) {
  return absl::StrCat(index.value(), "/", term.value());
}

std::string Ids(const std::vector<MemberId>& ids) {
  return absl::StrCat("(",
                      absl::StrJoin(ids, " ",
                                    [](std::string* out, MemberId id) {
                                      absl::StrAppend(out, id.value());
                                    }),
                      ")");
}

std::string DescribeAll(const std::vector<Entry>& entries) {
  return absl::StrJoin(entries, ", ", [](std::string* out, const Entry& entry) {
    absl::StrAppend(out, Describe(entry));
  });
}

struct BodyText {
  std::string operator()(const VoteRequest& body) const {
    return absl::StrCat(" last=", Place(body.last_index, body.last_term),
                        body.transfer ? " transfer" : "");
  }

  std::string operator()(const VoteReply& body) const {
    return body.granted ? " granted" : " refused";
  }

  std::string operator()(const AppendRequest& body) const {
    std::string text =
        absl::StrCat(" after=", Place(body.previous_index, body.previous_term),
                     " commit=", body.commit.value());
    if (!body.entries.empty()) {
      absl::StrAppend(&text, " [", DescribeAll(body.entries), "]");
    }
    return text;
  }

  std::string operator()(const AppendReply& body) const {
    if (body.accepted) return absl::StrCat(" match=", body.match.value());
    return absl::StrCat(" refused=", body.match.value(),
                        " hint=", Place(body.hint_index, body.hint_term));
  }

  std::string operator()(const Heartbeat& body) const {
    return absl::StrCat(" commit=", body.commit.value(), Round(body));
  }

  std::string operator()(const HeartbeatReply& body) const {
    return Round(body);
  }

  std::string operator()(const TimeoutNow&) const { return ""; }

  std::string operator()(const InstallSnapshot& body) const {
    return absl::StrCat(" at=", Place(body.position.index, body.position.term));
  }

  template <typename Body>
  static std::string Round(const Body& body) {
    return body.read_round == 0 ? "" : absl::StrCat(" round=", body.read_round);
  }
};

void AppendMessages(const std::vector<Message>& messages,
                    absl::string_view title, std::string* text) {
  for (const Message& message : messages) {
    absl::StrAppend(text, "  ", title, " ", Describe(message), "\n");
  }
}

}  // namespace

std::string Describe(const Entry& entry) {
  const std::string place = Place(entry.index, entry.term);
  switch (entry.type) {
    case EntryType::kNoop:
      return absl::StrCat(place, " noop");
    case EntryType::kCommand:
      return absl::StrCat(place, " '", *entry.payload, "'");
    case EntryType::kConfiguration:
      break;
  }
  return absl::StrCat(place, " ", Describe(entry.configuration->membership));
}

std::string Describe(const Membership& membership) {
  std::string text = absl::StrCat("voters", Ids(membership.voters));
  if (!membership.voters_outgoing.empty()) {
    absl::StrAppend(&text, " outgoing", Ids(membership.voters_outgoing));
  }
  if (!membership.learners.empty()) {
    absl::StrAppend(&text, " learners", Ids(membership.learners));
  }
  if (!membership.learners_next.empty()) {
    absl::StrAppend(&text, " learners_next", Ids(membership.learners_next));
  }
  if (membership.auto_leave) absl::StrAppend(&text, " auto_leave");
  return text;
}

std::string Describe(const Message& message) {
  return absl::StrCat(message.from.value(), "->", message.to.value(), " ",
                      MessageName(message), " term=", message.term.value(),
                      std::visit(BodyText{}, message.body));
}

std::string Describe(const HardState& state) {
  return absl::StrCat("term=", state.term.value(), " vote=", state.vote.value(),
                      " commit=", state.commit.value());
}

std::string Describe(const Ready& ready) {
  std::string text;
  AppendMessages(ready.messages, "send", &text);
  const AppendWork& append = ready.append;
  if (append.install.has_value()) {
    absl::StrAppend(&text, "  install ",
                    Place(append.install->index, append.install->term), "\n");
  }
  if (append.hard_state.has_value() || !append.entries.empty()) {
    absl::StrAppend(&text, "  write", append.must_sync ? "" : " (no sync)");
    if (append.hard_state.has_value()) {
      absl::StrAppend(&text, " ", Describe(*append.hard_state));
    }
    if (!append.entries.empty()) {
      absl::StrAppend(&text, " [", DescribeAll(append.entries), "]");
    }
    absl::StrAppend(&text, "\n");
  }
  if (append.compact_to.has_value()) {
    absl::StrAppend(&text, "  compact to ", append.compact_to->index.value(),
                    "\n");
  }
  AppendMessages(append.messages, "then send", &text);
  if (!ready.committed.empty()) {
    absl::StrAppend(&text, "  apply ", DescribeAll(ready.committed), "\n");
  }
  for (const SnapshotOrder& order : ready.snapshots) {
    absl::StrAppend(&text, "  snapshot for ", order.to.value(), " of ",
                    order.at_least.value(), " or later\n");
  }
  for (const ReadState& read : ready.reads) {
    absl::StrAppend(&text, "  read ", read.nonce, " at ", read.index.value(),
                    "\n");
  }
  return text;
}

std::string Describe(const RaftStatus& status) {
  std::string text = absl::StrCat(
      status.id.value(), " ", RoleName(status.role),
      " term=", status.term.value(), " vote=", status.vote.value(),
      " leader=", status.leader.value(), " last=", status.last_index.value());
  absl::StrAppend(&text, " durable=", status.durable_index.value(),
                  " commit=", status.commit.value(),
                  " applied=", status.applied.value());
  if (status.first_index > Index(1)) {
    absl::StrAppend(&text, " first=", status.first_index.value());
  }
  if (status.transferring_to != kNobody) {
    absl::StrAppend(&text, " to=", status.transferring_to.value());
  }
  absl::StrAppend(&text, "\n");
  for (const PeerProgress& peer : status.peers) {
    absl::StrAppend(&text, "  follower ", peer.id.value(),
                    " match=", peer.match.value(), " next=", peer.next.value(),
                    " under way=", peer.inflight_messages,
                    peer.recently_active ? " active" : "",
                    peer.needs_snapshot ? " needs snapshot" : "", "\n");
  }
  return text;
}

}  // namespace quorate::raft
