#include "tools/raft_script/state_comparison.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "replication/raft/membership_change.h"
#include "tools/raft_script/member_text.h"

namespace quorate::raft_script {

namespace {

using raft::Entry;
using raft::EntryType;
using raft::Membership;

// Our entry as the scripts write it. A configuration is not a change but what
// came of it; it is shown as such.
std::string EntryText(const Entry& entry) {
  const std::string place =
      absl::StrCat(ScriptTerm(entry.term), "/", entry.index.value());
  if (entry.type == EntryType::kConfiguration) {
    return absl::StrCat(place, " EntryConfChange to ",
                        MembershipText(entry.configuration->membership));
  }
  return raft_script::EntryText(
      {.index = entry.index.value(),
       .term = ScriptTerm(entry.term),
       .configuration = false,
       .text = entry.payload == nullptr ? "" : *entry.payload});
}

bool SameWithoutMembership(const ExpectedEntry& expected, const Entry& entry) {
  if (expected.index != entry.index.value() ||
      expected.term != ScriptTerm(entry.term)) {
    return false;
  }
  if (expected.configuration) return entry.type == EntryType::kConfiguration;
  if (entry.type == EntryType::kNoop) return expected.text.empty();
  return entry.type == EntryType::kCommand && *entry.payload == expected.text;
}

// True where the changes that a script writes make `after` of `before`.
bool IsOutcome(const std::string& changes_text, const Membership& before,
               const Membership& after) {
  const auto changes = ParseChanges(changes_text);
  if (!changes.ok()) return false;
  if (changes->empty()) {
    const auto left = raft::LeaveJoint(before);
    if (left.ok() && *left == after) return true;
  }
  const auto simple = raft::ApplySimple(before, *changes);
  if (simple.ok() && *simple == after) return true;
  for (const bool auto_leave : {false, true}) {
    const auto joint = raft::EnterJoint(before, *changes, auto_leave);
    if (joint.ok() && *joint == after) return true;
  }
  return false;
}

// A log, from which entry on and what was the configuration before.
struct LogView {
  const raft::SnapshotPosition& before;
  const std::vector<Entry>& entries;

  uint64_t last_index() const {
    return entries.empty() ? before.index.value()
                           : entries.back().index.value();
  }

  const Entry* Find(uint64_t index) const {
    for (const Entry& entry : entries) {
      if (entry.index.value() == index) return &entry;
    }
    return nullptr;
  }

  // In force before the entry at `index`; nullptr where it is not known.
  const Membership* MembershipBefore(raft::Index index) const {
    const Membership* found = nullptr;
    if (before.configuration_index < index) {
      found = &before.configuration->membership;
    }
    for (const Entry& entry : entries) {
      if (entry.index >= index) break;
      if (entry.type == EntryType::kConfiguration) {
        found = &entry.configuration->membership;
      }
    }
    return found;
  }
};

bool Same(const ExpectedEntry& expected, const Entry& entry,
          const LogView& log) {
  if (!SameWithoutMembership(expected, entry)) return false;
  if (!expected.configuration) return true;
  const Membership* const before = log.MembershipBefore(entry.index);
  return before == nullptr ||
         IsOutcome(expected.text, *before, entry.configuration->membership);
}

// What a snapshot stands for in our log cannot be compared entry by entry; the
// applied index and the commands applied speak for it.
std::optional<Disagreement> CompareEntry(const ExpectedEntry& expected,
                                         const LogView& log,
                                         Allowance allowance) {
  if (expected.index <= log.before.index.value()) return std::nullopt;
  if (allowance == Allowance::kBehind && expected.index > log.last_index()) {
    return std::nullopt;
  }
  const Entry* const entry = log.Find(expected.index);
  if (entry != nullptr && Same(expected, *entry, log)) return std::nullopt;
  return Disagreement{raft_script::EntryText(expected),
                      entry == nullptr ? "no entry" : EntryText(*entry)};
}

std::optional<Disagreement> CompareIndex(absl::string_view name,
                                         std::optional<uint64_t> expected,
                                         uint64_t got, Allowance allowance) {
  if (!expected.has_value() || *expected == got ||
      (allowance == Allowance::kBehind && got < *expected)) {
    return std::nullopt;
  }
  return Disagreement{absl::StrCat(name, " ", *expected),
                      absl::StrCat(name, " ", got)};
}

template <typename T>
std::optional<Disagreement> CompareValue(absl::string_view name,
                                         const std::optional<T>& expected,
                                         const T& got) {
  if (!expected.has_value() || *expected == got) return std::nullopt;
  return Disagreement{absl::StrCat(name, " ", *expected),
                      absl::StrCat(name, " ", got)};
}

std::optional<Disagreement> CompareStage(const ExpectedStage& expected,
                                         const PublishedState& got,
                                         Allowance allowance) {
  for (const std::optional<Disagreement>& found :
       {CompareValue("role", expected.role, RoleText(got.role)),
        CompareValue("leader", expected.leader, got.leader.value()),
        CompareValue("term", expected.term, ScriptTerm(got.term)),
        CompareValue("vote", expected.vote, got.vote.value()),
        CompareIndex("commit", expected.commit, got.commit.value(),
                     allowance)}) {
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

std::optional<Disagreement> CompareMember(const ExpectedMember& expected,
                                          const ScriptMember& member,
                                          Allowance allowance) {
  const PublishedState& got = member.published();
  if (auto found = CompareStage(expected.state, got, allowance)) return found;
  if (auto found = CompareIndex("applied", expected.applied,
                                got.applied.value(), allowance)) {
    return found;
  }
  const LogView log{member.log().before(), member.appended()};
  for (const auto& [index, entry] : expected.log) {
    if (auto found = CompareEntry(entry, log, allowance)) return found;
  }
  return CompareIndex("last index", expected.last_index, log.last_index(),
                      allowance);
}

std::optional<Disagreement> CompareApplied(const ExpectedState& expected,
                                           const ScriptMember& member) {
  const LogView applied{member.log().before(), member.applied()};
  for (const Entry& entry : member.applied()) {
    const auto known = expected.committed().find(entry.index.value());
    if (known == expected.committed().end() ||
        Same(known->second, entry, applied)) {
      continue;
    }
    return Disagreement{
        absl::StrCat("applied ", raft_script::EntryText(known->second)),
        absl::StrCat("applied ", EntryText(entry))};
  }
  return std::nullopt;
}

std::string StageText(const ExpectedStage& stage) {
  const auto text = [](const std::optional<uint64_t>& number) {
    return number.has_value() ? absl::StrCat(*number) : "?";
  };
  return absl::StrCat(stage.role.value_or("?"), " Lead:", text(stage.leader),
                      " Term:", text(stage.term), " Vote:", text(stage.vote),
                      " Commit:", text(stage.commit));
}

// Each state that a script shows on the way was gone through, in this order.
// Ours may have gone through more: it may hand out in two Readies what the
// scripts' core hands out in one.
std::optional<Disagreement> CompareStages(
    absl::Span<const ExpectedStage> expected,
    absl::Span<const PublishedState> got) {
  size_t next = 0;
  for (const ExpectedStage& stage : expected) {
    while (next < got.size() &&
           CompareStage(stage, got[next], Allowance::kNothing).has_value()) {
      ++next;
    }
    if (next == got.size()) {
      return Disagreement{absl::StrCat("went through ", StageText(stage)),
                          "did not"};
    }
  }
  return std::nullopt;
}

// The same entries in the same order, but for those that a snapshot covers.
std::optional<Disagreement> CompareEntries(
    absl::string_view what, absl::Span<const ExpectedEntry> expected,
    absl::Span<const Entry> got, uint64_t after) {
  std::vector<ExpectedEntry> wanted;
  for (const ExpectedEntry& entry : expected) {
    if (entry.index > after) wanted.push_back(entry);
  }
  size_t next = 0;
  for (const Entry& entry : got) {
    if (entry.index.value() <= after) continue;
    if (next == wanted.size()) {
      return Disagreement{absl::StrCat("nothing more ", what),
                          absl::StrCat(what, " ", EntryText(entry))};
    }
    if (!SameWithoutMembership(wanted[next], entry)) {
      return Disagreement{
          absl::StrCat(what, " ", raft_script::EntryText(wanted[next])),
          absl::StrCat(what, " ", EntryText(entry))};
    }
    ++next;
  }
  if (next == wanted.size()) return std::nullopt;
  return Disagreement{
      absl::StrCat(what, " ", raft_script::EntryText(wanted[next])),
      absl::StrCat("nothing more ", what)};
}

Disagreement Named(const Disagreement& found, uint64_t id) {
  return {absl::StrCat("member ", id, ": ", found.expected, "\n"),
          absl::StrCat("member ", id, ": ", found.got, "\n")};
}

}  // namespace

uint64_t ScriptTerm(raft::Term term) {
  return term == raft::Term(0) ? 0 : term.value() - 1;
}

std::string RoleText(raft::Role role) {
  switch (role) {
    case raft::Role::kFollower:
      return "StateFollower";
    case raft::Role::kPreCandidate:
      return "StatePreCandidate";
    case raft::Role::kCandidate:
      return "StateCandidate";
    case raft::Role::kLeader:
      return "StateLeader";
  }
  return "";
}

std::optional<Disagreement> CompareState(const ExpectedState& expected,
                                         const ScriptMember& member,
                                         Allowance allowance) {
  const uint64_t id = member.id().value();
  const auto known = expected.members().find(id);
  std::optional<Disagreement> found;
  if (known != expected.members().end()) {
    found = CompareMember(known->second, member, allowance);
  }
  if (!found.has_value()) found = CompareApplied(expected, member);
  if (found.has_value()) return Named(*found, id);
  return std::nullopt;
}

std::optional<Disagreement> CompareSteps(const ExpectedState& expected,
                                         const ScriptMember& member) {
  const uint64_t id = member.id().value();
  const auto known = expected.members().find(id);
  const ExpectedMember nothing;
  const ExpectedMember& said =
      known == expected.members().end() ? nothing : known->second;
  // A snapshot may have been taken earlier or later than the script's.
  const uint64_t after =
      said.snapshot_now == 0
          ? 0
          : std::max(said.snapshot_now, member.log().before().index.value());
  for (const std::optional<Disagreement>& found :
       {CompareStages(said.stages, member.said().stages),
        CompareEntries("to append", said.appended_now, member.said().appended,
                       after),
        CompareEntries("to apply", said.applied_now, member.said().applied,
                       after)}) {
    if (found.has_value()) return Named(*found, id);
  }
  return std::nullopt;
}

std::optional<Disagreement> CompareLog(absl::Span<const ExpectedEntry> expected,
                                       const ScriptMember& member) {
  auto found = CompareEntries("in the log:", expected, member.log().entries(),
                              /*after=*/0);
  const LogView log{member.log().before(), member.log().entries()};
  for (const ExpectedEntry& entry : expected) {
    if (found.has_value()) break;
    found = CompareEntry(entry, log, Allowance::kNothing);
  }
  if (found.has_value()) return Named(*found, member.id().value());
  return std::nullopt;
}

}  // namespace quorate::raft_script
