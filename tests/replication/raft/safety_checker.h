// The rules of Raft's Figure 3 that need more than one member's view.

#ifndef QUORATE_TESTS_REPLICATION_RAFT_SAFETY_CHECKER_H_
#define QUORATE_TESTS_REPLICATION_RAFT_SAFETY_CHECKER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/replication/raft/test_member.h"

namespace quorate::raft {

// The log of a member as it will be when all its writes are done.
class LogImage {
 public:
  explicit LogImage(const TestMember& member);

  // What the log begins after: a snapshot, or index 0.
  Index before() const { return before_; }

  Index last() const { return before_.Plus(entries_.size()); }

  // Null where there is no entry.
  const Entry* Find(Index index) const;

  // Term(0) where it is not known.
  Term TermAt(Index index) const;

 private:
  Index before_;
  Term before_term_;
  std::vector<Entry> entries_;
};

// Remembers everything that was ever seen and complains about contradictions.
// Confined to one thread.
class SafetyChecker {
 public:
  using Disks = std::map<MemberId, const MemoryLog*>;

  // Looks at a member after a step. `disks` are the disks of all members.
  void Look(const TestMember& member, const Disks& disks);

  // A read came in at a member, or was answered.
  void OnRead(uint64_t nonce);
  void OnReadState(const ReadState& read);

  // A member crashed: its state machine starts anew.
  void OnCrash(MemberId id);

  // What is wrong, one line each; empty where all is well.
  const std::vector<std::string>& complaints() const { return complaints_; }

  // The highest index that anybody has committed.
  Index committed() const { return Index(committed_.size()); }

  // Terms that had a leader.
  size_t terms_led() const { return leaders_.size(); }

  // Reads that were answered with an index.
  uint64_t reads_answered() const { return reads_answered_; }

  // Committed entries that hold a configuration.
  uint64_t configurations() const { return configurations_; }

 private:
  void CheckElectionSafety(const TestMember& member);
  void CheckLogMatching(const TestMember& member);
  void CheckOverlap(const TestMember& member, const LogImage& log,
                    const Entry& next);
  void CheckCommitted(const TestMember& member, const Disks& disks);
  void CheckLeaderCompleteness(const TestMember& member);
  void CheckStateMachineSafety(const TestMember& member);
  void Complain(const TestMember& member, const std::string& rule);

  std::map<Term, MemberId> leaders_;
  // Every entry ever written, with the term of the one before it.
  std::map<std::pair<Index, Term>, std::pair<Entry, Term>> entries_;
  std::vector<Entry> committed_;
  // The state machine after each committed entry, from index 0.
  std::vector<TestSnapshot> states_ = {TestSnapshot()};
  std::map<MemberId, size_t> applied_seen_;
  std::map<MemberId, uint64_t> writes_seen_;
  std::set<Term> complete_;
  std::map<uint64_t, Index> reads_;
  uint64_t reads_answered_ = 0;
  uint64_t configurations_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_REPLICATION_RAFT_SAFETY_CHECKER_H_
