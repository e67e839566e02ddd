#include "tests/replication/raft/safety_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "replication/raft/membership.h"
#include "replication/raft/quorum.h"

namespace quorate::raft {

namespace {

// True where every majority of one membership meets every majority of the
// other: tried out, member set by member set.
bool MajoritiesMeet(const Membership& a, const Membership& b) {
  std::vector<MemberId> members = MembersExcept(a, kNobody);
  for (const MemberId member : MembersExcept(b, kNobody)) {
    if (std::find(members.begin(), members.end(), member) == members.end()) {
      members.push_back(member);
    }
  }
  for (uint64_t set = 0; set < uint64_t{1} << members.size(); ++set) {
    // One set's members say yes in a, all others in b.
    const auto in_set = [&](MemberId id) {
      const auto at = std::find(members.begin(), members.end(), id);
      return (set >> (at - members.begin()) & 1) == 1;
    };
    const bool in_a = TallyVotes(a, in_set) == VoteResult::kWon;
    const bool in_b = TallyVotes(b, [&](MemberId id) -> std::optional<bool> {
                        return !in_set(id);
                      }) == VoteResult::kWon;
    if (in_a && in_b) return false;
  }
  return true;
}

}  // namespace

LogImage::LogImage(const TestMember& member)
    : before_(member.disk().FirstIndex().Previous()),
      before_term_(member.disk().TermAt(before_)),
      entries_(member.disk().entries()) {
  for (const AppendWork& work : member.pending()) {
    if (work.install.has_value()) {
      before_ = work.install->index;
      before_term_ = work.install->term;
      entries_.clear();
    }
    if (work.entries.empty()) continue;
    entries_.resize(work.entries.front().index.Previous().value() -
                    before_.value());
    entries_.insert(entries_.end(), work.entries.begin(), work.entries.end());
  }
}

const Entry* LogImage::Find(Index index) const {
  if (index <= before_ || index > last()) return nullptr;
  return &entries_[index.value() - before_.value() - 1];
}

Term LogImage::TermAt(Index index) const {
  if (index == before_) return before_term_;
  const Entry* entry = Find(index);
  return entry == nullptr ? Term(0) : entry->term;
}

void SafetyChecker::Look(const TestMember& member, const Disks& disks) {
  CheckElectionSafety(member);
  CheckLogMatching(member);
  CheckCommitted(member, disks);
  CheckLeaderCompleteness(member);
  CheckStateMachineSafety(member);
}

// "At most one leader can be elected in a given term."
void SafetyChecker::CheckElectionSafety(const TestMember& member) {
  if (member.raft().role() != Role::kLeader) return;
  const auto [known, inserted] =
      leaders_.emplace(member.raft().term(), member.id());
  if (known->second != member.id()) Complain(member, "Election Safety");
}

// "If two logs contain an entry with the same index and term, then the logs
// are identical in all entries up through the given index." By induction it
// is enough that the entry and the term before it are the same.
void SafetyChecker::CheckLogMatching(const TestMember& member) {
  if (member.pending().empty()) return;
  const std::vector<Entry>& written = member.pending().back().entries;
  uint64_t& seen = writes_seen_[member.id()];
  const uint64_t write = member.pending().back().receipt.write;
  if (written.empty() || std::exchange(seen, write) == write) return;
  const LogImage log(member);
  for (Index i = written.front().index; i <= log.last(); i = i.Next()) {
    const Entry& entry = *log.Find(i);
    const Term before = log.TermAt(i.Previous());
    const auto [known, inserted] = entries_.emplace(
        std::make_pair(entry.index, entry.term), std::make_pair(entry, before));
    if (!SameEntry(known->second.first, entry) ||
        known->second.second != before) {
      Complain(member, absl::StrCat("Log Matching at ", i.value()));
    }
    if (inserted && entry.type == EntryType::kConfiguration) {
      CheckOverlap(member, log, entry);
    }
  }
}

// Of two configurations in a row, no two majorities miss each other (Raft, §6).
void SafetyChecker::CheckOverlap(const TestMember& member, const LogImage& log,
                                 const Entry& next) {
  for (Index i = next.index.Previous(); i > log.before(); i = i.Previous()) {
    const Entry& entry = *log.Find(i);
    if (entry.type != EntryType::kConfiguration) continue;
    if (!MajoritiesMeet(entry.configuration->membership,
                        next.configuration->membership)) {
      Complain(member,
               absl::StrCat("majorities do not meet at ", next.index.value()));
    }
    return;
  }
}

// What anybody takes for committed is on the disks of a majority, and is the
// same for everybody.
void SafetyChecker::CheckCommitted(const TestMember& member,
                                   const Disks& disks) {
  const Index commit = member.raft().commit();
  if (commit <= committed()) return;
  const LogImage log(member);
  while (committed() < commit) {
    const Index index = committed().Next();
    const Entry* entry = log.Find(index);
    if (entry == nullptr) {
      Complain(member, absl::StrCat("a snapshot of nothing: ", index.value()));
      return;
    }
    const auto holds = [&](MemberId id) -> std::optional<bool> {
      const MemoryLog& disk = *disks.at(id);
      const Entry* held = disk.Find(index);
      return held == nullptr ? index < disk.FirstIndex()
                             : SameEntry(*held, *entry);
    };
    // The leader commits first, and by the configuration that it has.
    if (TallyVotes(member.raft().configuration().membership, holds) !=
        VoteResult::kWon) {
      Complain(member,
               absl::StrCat("committed without a majority: ", index.value()));
    }
    if (entry->type == EntryType::kConfiguration) ++configurations_;
    committed_.push_back(*entry);
    states_.push_back(AfterEntry(states_.back(), *entry));
  }
}

// "If a log entry is committed in a given term, then that entry will be
// present in the logs of the leaders for all higher-numbered terms."
void SafetyChecker::CheckLeaderCompleteness(const TestMember& member) {
  if (member.raft().role() != Role::kLeader || member.raft().HasReady()) {
    return;
  }
  // Checked once when it comes to power: it only appends after that.
  if (!complete_.insert(member.raft().term()).second) return;
  const LogImage log(member);
  // A deposed leader may not know what a later one has committed.
  for (const Entry& entry : committed_) {
    if (entry.term > member.raft().term()) break;
    if (entry.index <= log.before()) continue;
    const Entry* present = log.Find(entry.index);
    if (present == nullptr || !SameEntry(*present, entry)) {
      Complain(member,
               absl::StrCat("Leader Completeness at ", entry.index.value()));
      return;
    }
  }
}

// "If a server has applied a log entry at a given index to its state machine,
// no other server will ever apply a different log entry for the same index."
void SafetyChecker::CheckStateMachineSafety(const TestMember& member) {
  size_t& seen = applied_seen_[member.id()];
  const std::vector<Entry>& applied = member.applied();
  for (; seen < applied.size(); ++seen) {
    const uint64_t index = applied[seen].index.value();
    if (index > committed_.size() ||
        !SameEntry(applied[seen], committed_[index - 1])) {
      Complain(member, absl::StrCat("State Machine Safety at ", index));
    }
  }
  // The same by the sum, which also tells of snapshots.
  const TestSnapshot& state = member.state();
  const uint64_t at = state.position.index.value();
  if (at >= states_.size() || states_[at].digest != state.digest) {
    Complain(member, absl::StrCat("another state at ", at));
  }
}

void SafetyChecker::OnCrash(MemberId id) {
  applied_seen_[id] = 0;
  writes_seen_[id] = 0;
}

void SafetyChecker::OnRead(uint64_t nonce) {
  reads_[nonce] = committed();
}

void SafetyChecker::OnReadState(const ReadState& read) {
  if (read.index == Index(0)) return;
  ++reads_answered_;
  const auto known = reads_.find(read.nonce);
  if (known == reads_.end()) {
    complaints_.push_back(absl::StrCat("unknown read ", read.nonce));
  } else if (read.index < known->second) {
    complaints_.push_back(absl::StrCat("stale read ", read.nonce));
  }
}

void SafetyChecker::Complain(const TestMember& member,
                             const std::string& rule) {
  complaints_.push_back(absl::StrCat(rule, ": member ", member.id().value(),
                                     " in term ",
                                     member.raft().term().value()));
}

}  // namespace quorate::raft
