#include "tools/raft_script/interaction_script.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "replication/raft/membership.h"
#include "tools/raft_script/member_text.h"
#include "tools/raft_script/node_options.h"

namespace quorate::raft_script {

namespace {

constexpr std::nullopt_t kAgreed = std::nullopt;

// Twice the ticks of an election are the most that the scripts' core draws.
constexpr uint64_t kMaxElectionTimeout = 2 * kElectionTicks;

absl::Status ErrorAt(const Directive& directive, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(directive.position, ": ", what));
}

bool SaysNothing(absl::string_view level) {
  return absl::EqualsIgnoreCase(level, "none");
}

// A member that was removed may never hear of it.
bool ThinksItIsMember(const ScriptMember& member) {
  const std::vector<raft::MemberId> members =
      raft::MembersExcept(member.applied_membership(), raft::kNobody);
  return std::binary_search(members.begin(), members.end(), member.id());
}

std::string StateLine(const ScriptMember& member) {
  const raft::RaftStatus status = member.core().Status();
  const bool voter = raft::IsVoter(member.applied_membership(), status.id);
  return absl::StrCat(status.id.value(), ": ", RoleText(status.role),
                      voter ? " (Voter)" : " (Non-Voter)",
                      " Term:", ScriptTerm(status.term),
                      " Lead:", status.leader.value());
}

// "1: match=11" for each member that the leader knows, itself included.
std::string MatchLines(const ScriptMember& member) {
  const raft::RaftStatus status = member.core().Status();
  if (status.role != raft::Role::kLeader) return "";
  std::map<uint64_t, uint64_t> match = {
      {status.id.value(), status.durable_index.value()}};
  for (const raft::PeerProgress& peer : status.peers)
    match[peer.id.value()] = peer.match.value();
  std::string text;
  for (const auto& [id, index] : match)
    absl::StrAppend(&text, id, ": match=", index, "\n");
  return text;
}

raft::ConfigurationChange ChangeFrom(
    const std::vector<raft::MemberChange>& changes,
    absl::string_view transition) {
  raft::ConfigurationChange change{.changes = changes};
  for (const raft::MemberChange& one : changes) {
    if (one.kind == raft::MemberChange::Kind::kRemove) continue;
    const std::string name = absl::StrCat("m", one.id.value());
    change.addresses.push_back({.id = one.id,
                                .name = name,
                                .peer_endpoint = absl::StrCat(name, ":1"),
                                .client_endpoint = absl::StrCat(name, ":2")});
  }
  // Scripts go through a joint configuration where more than one thing changes,
  // or where they ask for it.
  change.force_joint = transition != "auto" || changes.size() > 1;
  change.auto_leave = transition != "explicit";
  return change;
}

}  // namespace

const std::vector<InteractionScript::NamedCommand>& InteractionScript::Table() {
  using Self = InteractionScript;
  static const auto* const kTable = new std::vector<NamedCommand>{
      {"add-nodes", &Self::AddNodes},
      {"campaign", &Self::Campaign},
      {"compact", &Self::Compact},
      {"deliver-msgs", &Self::DeliverMsgs},
      {"forget-leader", &Self::ForgetLeader},
      {"log-level", &Self::LogLevel},
      {"process-append-thread", &Self::ProcessAppendThread},
      {"process-apply-thread", &Self::ProcessApplyThread},
      {"process-ready", &Self::ProcessReady},
      {"propose", &Self::Propose},
      {"propose-conf-change", &Self::ProposeConfChange},
      {"raft-log", &Self::RaftLog},
      {"raft-state", &Self::RaftState},
      {"report-unreachable", &Self::ReportUnreachable},
      {"send-snapshot", &Self::SendSnapshot},
      {"set-randomized-election-timeout", &Self::SetElectionTimeout},
      {"stabilize", &Self::Stabilize},
      {"status", &Self::Status},
      {"tick-election", &Self::TickElection},
      {"tick-heartbeat", &Self::TickHeartbeat},
      {"transfer-leadership", &Self::TransferLeadership},
  };
  return *kTable;
}

std::vector<absl::string_view> InteractionScript::Commands() {
  std::vector<absl::string_view> names;
  for (const NamedCommand& command : Table())
    names.push_back(command.name);
  return names;
}

absl::StatusOr<std::optional<Difference>> InteractionScript::Run(
    const Directive& directive) {
  const auto command = std::find_if(Table().begin(), Table().end(),
                                    [&directive](const NamedCommand& named) {
                                      return named.name == directive.command;
                                    });
  if (command == Table().end()) return ErrorAt(directive, "no such command");
  expected_.Begin();
  cluster_.Begin();
  shown_ = false;
  QUORATE_ASSIGN_OR_RETURN(std::optional<Disagreement> found,
                           (this->*command->run)(directive));
  if (!found.has_value()) found = CompareAll();
  const absl::Status invariants = cluster_.CheckInvariants();
  if (!found.has_value() && !invariants.ok()) {
    found = Disagreement{"no rule of the core is broken\n",
                         absl::StrCat(invariants.message(), "\n")};
  }
  if (!found.has_value()) return std::nullopt;
  return Difference{.position = directive.position,
                    .command = directive.command,
                    .expected = found->expected,
                    .got = found->got};
}

absl::StatusOr<std::vector<uint64_t>> InteractionScript::Members(
    const Directive& d) const {
  const std::vector<uint64_t> ids = d.Positional();
  for (const uint64_t id : ids) {
    if (!cluster_.Has(id)) return ErrorAt(d, absl::StrCat("no member ", id));
  }
  return ids;
}

absl::StatusOr<uint64_t> InteractionScript::Member(const Directive& d) const {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  if (ids.empty()) return ErrorAt(d, "which member?");
  return ids.front();
}

std::optional<Disagreement> InteractionScript::CompareAll() {
  for (uint64_t id = 1; id <= cluster_.size(); ++id) {
    const ScriptMember& member = cluster_.member(id);
    std::optional<Disagreement> found =
        CompareState(expected_, member, Allowance::kNothing);
    // A member that was behind catches up by steps that the script took
    // earlier.
    const bool was_behind = std::exchange(behind_[id], found.has_value());
    if (found.has_value() && cluster_.MayBeBehind(id)) {
      found = CompareState(expected_, member, Allowance::kBehind);
    } else if (!found.has_value() && shown_ && !was_behind) {
      found = CompareSteps(expected_, member);
    }
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

absl::Status InteractionScript::Learn(const Directive& d, uint64_t subject,
                                      bool hidden) {
  shown_ = !hidden;
  if (!hidden) return expected_.Learn(d, subject);
  expected_.Forget();
  return absl::OkStatus();
}

InteractionScript::Found InteractionScript::CompareAccepted(
    const Directive& d, bool accepted) const {
  const bool expected = !absl::StrContains(d.expected, "dropped");
  if (expected == accepted) return kAgreed;
  return Disagreement{d.expected, accepted ? "ok\n" : "not the leader\n"};
}

InteractionScript::Found InteractionScript::AddNodes(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const NodeOptions options, ReadNodeOptions(d));
  if (cluster_.size() == 0 && options.start.index == raft::Index(0)) {
    return ErrorAt(d, "the first members begin at an index");
  }
  for (uint64_t i = 0; i < options.count; ++i)
    cluster_.Add(options.cluster, options.start);
  return kAgreed;
}

InteractionScript::Found InteractionScript::Campaign(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  cluster_.Campaign(id);
  return kAgreed;
}

InteractionScript::Found InteractionScript::Compact(const Directive& d) {
  const std::vector<uint64_t> numbers = d.Positional();
  if (numbers.size() != 2 || !cluster_.Has(numbers[0])) {
    return ErrorAt(d, "which member, up to where?");
  }
  ScriptMember& member = cluster_.member(numbers[0]);
  const raft::Index up_to(numbers[1]);
  if (up_to > member.core().Status().applied) {
    return Disagreement{d.expected, "that is not applied yet\n"};
  }
  member.Compact(up_to);
  cluster_.ProcessReady(numbers[0]);
  while (member.HasAppendWork())
    cluster_.ProcessAppend(numbers[0]);
  if (member.log().FirstIndex() != up_to.Next()) {
    return Disagreement{
        absl::StrCat("first index ", up_to.value() + 1, "\n"),
        absl::StrCat("first index ", member.log().FirstIndex().value(), "\n")};
  }
  return RaftLog(d);
}

InteractionScript::Found InteractionScript::DeliverMsgs(const Directive& d) {
  const std::string name = d.Text("type", "");
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  for (const uint64_t id : ids)
    cluster_.Deliver(id, name, /*drop=*/false);
  const std::vector<std::string>* dropped = d.Find("drop");
  if (dropped == nullptr) return kAgreed;
  for (const std::string& text : *dropped) {
    QUORATE_ASSIGN_OR_RETURN(const uint64_t id, ParseNumber(d, text));
    cluster_.Deliver(id, name, /*drop=*/true);
  }
  return kAgreed;
}

InteractionScript::Found InteractionScript::ForgetLeader(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  cluster_.ForgetLeader(id);
  return kAgreed;
}

InteractionScript::Found InteractionScript::LogLevel(const Directive& d) {
  if (d.arguments.empty()) return ErrorAt(d, "which level?");
  hidden_ = SaysNothing(d.arguments.front().key);
  return kAgreed;
}

InteractionScript::Found InteractionScript::ProcessAppendThread(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  for (const uint64_t id : ids)
    cluster_.ProcessAppend(id);
  return kAgreed;
}

InteractionScript::Found InteractionScript::ProcessApplyThread(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  for (const uint64_t id : ids)
    cluster_.ProcessApply(id);
  return kAgreed;
}

InteractionScript::Found InteractionScript::ProcessReady(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  for (const uint64_t id : ids)
    cluster_.ProcessReady(id);
  QUORATE_RETURN_IF_ERROR(Learn(d, ids.size() == 1 ? ids[0] : 0, hidden_));
  return kAgreed;
}

InteractionScript::Found InteractionScript::Propose(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  if (d.arguments.size() != 2) return ErrorAt(d, "propose what?");
  return CompareAccepted(d, cluster_.Propose(id, d.arguments[1].key));
}

InteractionScript::Found InteractionScript::ProposeConfChange(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  const auto changes = ParseChanges(d.input);
  if (!changes.ok()) return ErrorAt(d, changes.status().message());
  const raft::ConfigurationChange change =
      ChangeFrom(*changes, d.Text("transition", "auto"));
  return CompareAccepted(d, cluster_.ProposeChange(id, change));
}

InteractionScript::Found InteractionScript::RaftLog(const Directive& d) {
  const std::vector<uint64_t> numbers = d.Positional();
  if (numbers.empty() || !cluster_.Has(numbers.front())) {
    return ErrorAt(d, "which member?");
  }
  if (hidden_) return kAgreed;
  const ScriptMember& member = cluster_.member(numbers.front());
  const std::optional<uint64_t> empty_from =
      NumberAfter(d.expected, "log is empty: first index=");
  std::vector<ExpectedEntry> entries;
  for (const std::string& line : SplitLines(d.expected)) {
    if (empty_from.has_value()) break;
    const std::optional<ExpectedEntry> entry = ParseEntry(line);
    if (!entry.has_value()) {
      return ErrorAt(d, absl::StrCat("not an entry: ", line));
    }
    entries.push_back(*entry);
  }
  if (empty_from.has_value() &&
      member.log().FirstIndex() != raft::Index(*empty_from)) {
    return Disagreement{d.expected, "it begins elsewhere\n"};
  }
  return CompareLog(entries, member);
}

InteractionScript::Found InteractionScript::RaftState(const Directive& d) {
  if (hidden_) return kAgreed;
  const std::vector<std::string> expected = SplitLines(d.expected);
  if (expected.size() != cluster_.size()) {
    return ErrorAt(d, "not one line a member");
  }
  for (uint64_t id = 1; id <= cluster_.size(); ++id) {
    if (!cluster_.IsMember(id) && ThinksItIsMember(cluster_.member(id))) {
      continue;
    }
    const std::string got = StateLine(cluster_.member(id));
    if (got != expected[id - 1])
      return Disagreement{absl::StrCat(expected[id - 1], "\n"),
                          absl::StrCat(got, "\n")};
  }
  return kAgreed;
}

InteractionScript::Found InteractionScript::ReportUnreachable(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  if (ids.size() != 2) return ErrorAt(d, "who cannot reach whom?");
  cluster_.Unreachable(ids[0], ids[1]);
  return kAgreed;
}

InteractionScript::Found InteractionScript::SendSnapshot(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, Members(d));
  if (ids.size() != 2) return ErrorAt(d, "from whom to whom?");
  cluster_.SendSnapshot(ids[0], ids[1]);
  return kAgreed;
}

InteractionScript::Found InteractionScript::SetElectionTimeout(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  QUORATE_ASSIGN_OR_RETURN(const uint64_t ticks,
                           ParseNumber(d, d.Text("timeout", "")));
  if (ticks == 0 || ticks > kMaxElectionTimeout) {
    return ErrorAt(d, "no timeout");
  }
  cluster_.SetElectionTimeout(id, static_cast<int>(ticks));
  return kAgreed;
}

InteractionScript::Found InteractionScript::Stabilize(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(std::vector<uint64_t> ids, Members(d));
  for (uint64_t id = 1; d.Positional().empty() && id <= cluster_.size(); ++id)
    ids.push_back(id);
  if (!cluster_.Stabilize(ids)) {
    return Disagreement{"comes to rest\n", "does not\n"};
  }
  const bool hidden = d.Find("log-level") == nullptr
                          ? hidden_
                          : SaysNothing(d.Text("log-level", ""));
  QUORATE_RETURN_IF_ERROR(Learn(d, 0, hidden));
  return kAgreed;
}

InteractionScript::Found InteractionScript::Status(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  if (hidden_) return kAgreed;
  std::string expected;
  for (const std::string& line : SplitLines(d.expected)) {
    const std::optional<uint64_t> match = NumberAfter(line, "match=");
    const std::optional<uint64_t> peer = NumberAfter(line, "");
    if (!match.has_value() || !peer.has_value()) {
      return ErrorAt(d, absl::StrCat("not a progress: ", line));
    }
    absl::StrAppend(&expected, *peer, ": match=", *match, "\n");
  }
  std::string got = MatchLines(cluster_.member(id));
  if (got == expected) return kAgreed;
  return Disagreement{std::move(expected), std::move(got)};
}

InteractionScript::Found InteractionScript::TickElection(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  cluster_.Tick(id, kElectionTicks);
  return kAgreed;
}

InteractionScript::Found InteractionScript::TickHeartbeat(const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t id, Member(d));
  cluster_.Tick(id, kHeartbeatTicks);
  return kAgreed;
}

InteractionScript::Found InteractionScript::TransferLeadership(
    const Directive& d) {
  QUORATE_ASSIGN_OR_RETURN(const uint64_t from,
                           ParseNumber(d, d.Text("from", "")));
  QUORATE_ASSIGN_OR_RETURN(const uint64_t to, ParseNumber(d, d.Text("to", "")));
  if (!cluster_.Has(from)) return ErrorAt(d, "no such member");
  cluster_.Transfer(from, to);
  return kAgreed;
}

}  // namespace quorate::raft_script
