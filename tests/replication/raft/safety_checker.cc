#include "tests/replication/raft/safety_checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quorate::raft {

void SafetyChecker::Look(const TestMember& member,
                         const std::vector<const MemoryLog*>& disks) {
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
  const std::vector<Entry> log = WholeLog(member);
  const Index first = written.front().index;
  for (uint64_t i = first.value(); i <= log.size(); ++i) {
    const Entry& entry = log[i - 1];
    const Term before = i > 1 ? log[i - 2].term : Term(0);
    const auto [known, inserted] = entries_.emplace(
        std::make_pair(entry.index, entry.term), std::make_pair(entry, before));
    if (!SameEntry(known->second.first, entry) ||
        known->second.second != before) {
      Complain(member, absl::StrCat("Log Matching at ", i));
    }
  }
}

// What anybody takes for committed is on the disks of a majority, and is the
// same for everybody.
void SafetyChecker::CheckCommitted(const TestMember& member,
                                   const std::vector<const MemoryLog*>& disks) {
  const Index commit = member.raft().commit();
  if (commit <= committed()) return;
  const std::vector<Entry> log = WholeLog(member);
  for (uint64_t i = committed().value() + 1; i <= commit.value(); ++i) {
    const Entry& entry = log[i - 1];
    const auto holders =
        std::count_if(disks.begin(), disks.end(), [&](const MemoryLog* disk) {
          return disk->LastIndex() >= entry.index &&
                 SameEntry(disk->entries()[i - 1], entry);
        });
    if (2 * static_cast<size_t>(holders) <= disks.size()) {
      Complain(member, absl::StrCat("committed without a majority: ", i));
    }
    committed_.push_back(entry);
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
  const std::vector<Entry> log = WholeLog(member);
  // A deposed leader may not know what a later one has committed.
  for (const Entry& entry : committed_) {
    if (entry.term > member.raft().term()) break;
    const bool present = entry.index.value() <= log.size() &&
                         SameEntry(log[entry.index.value() - 1], entry);
    if (!present) {
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

std::vector<Entry> SafetyChecker::WholeLog(const TestMember& member) {
  std::vector<Entry> log = member.disk().entries();
  for (const AppendWork& work : member.pending()) {
    if (work.entries.empty()) continue;
    log.resize(work.entries.front().index.value() - 1);
    log.insert(log.end(), work.entries.begin(), work.entries.end());
  }
  return log;
}

void SafetyChecker::Complain(const TestMember& member,
                             const std::string& rule) {
  complaints_.push_back(absl::StrCat(rule, ": member ", member.id().value(),
                                     " in term ",
                                     member.raft().term().value()));
}

}  // namespace quorate::raft
