// One core with a disk and a state machine in memory, and with every step in
// the script's hand.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_MEMBER_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_MEMBER_H_

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"

#include "replication/raft/raft.h"
#include "tools/raft_script/script_log.h"
#include "tools/raft_script/script_network.h"

namespace quorate::raft_script {

// What a member has said of itself by its Readies: the scripts show a member's
// state where it hands out a Ready, and only then.
struct PublishedState {
  raft::Role role = raft::Role::kFollower;
  raft::MemberId leader;
  raft::Term term;
  raft::MemberId vote;
  raft::Index commit;
  raft::Index applied;  // Handed out to be applied.

  friend bool operator==(const PublishedState&,
                         const PublishedState&) = default;
};

// How all members of a cluster run.
struct MemberOptions {
  raft::RaftOptions core;
  // The append and apply threads are stepped by the script; otherwise a Ready
  // is done with when it is taken.
  bool async_writes = false;
};

// Thread-compatible.
class ScriptMember {
 public:
  // Starts over an empty log after `start` (ScriptLog).
  ScriptMember(const MemberOptions& options, raft::SnapshotPosition start);

  raft::Raft& core() { return *core_; }

  const raft::Raft& core() const { return *core_; }

  const ScriptLog& log() const { return *log_; }

  raft::MemberId id() const { return options_.core.id; }

  const PublishedState& published() const { return published_; }

  // As handed out: entries that were written or are about to be, and those that
  // were applied or are about to be. Sorted by index.
  const std::vector<raft::Entry>& appended() const { return appended_; }

  const std::vector<raft::Entry>& applied() const { return applied_; }

  // What it has said since Begin(): the state at each Ready, the entries to
  // append and to apply.
  struct Said {
    std::vector<PublishedState> stages;
    std::vector<raft::Entry> appended;
    std::vector<raft::Entry> applied;
  };

  const Said& said() const { return said_; }

  void Begin() { said_ = {}; }

  // True where a Ready would say something new.
  bool HasReady() const;

  // Takes a Ready; its messages go to `network`, its other parts are done or
  // queued (MemberOptions::async_writes).
  void ProcessReady(ScriptNetwork& network);

  // Takes one more that belongs to the last: what it holds counts, the state
  // stays as it was published.
  void ProcessRest(ScriptNetwork& network);

  // The configuration of the last entry that was applied, which is when the
  // scripts' core takes it over.
  const raft::Membership& applied_membership() const;

  // True where the log as handed out holds a configuration that is not
  // committed.
  bool ChangeUnderWay() const;

  bool HasAppendWork() const { return !append_work_.empty(); }

  bool HasApplyWork() const { return !apply_work_.empty(); }

  // The oldest piece of work, if any.
  void ProcessAppend(ScriptNetwork& network);
  void ProcessApply(ScriptNetwork& network);

  // Takes in what was delivered.
  void Receive(const InFlight& item);

  // Forgets entries up to `index`, which is applied.
  void Compact(raft::Index index);

  // The newest snapshot there is: all that is applied.
  SnapshotTransfer MakeSnapshot(raft::MemberId to, raft::Term term) const;

  // The process ends and starts again on its disk; nothing may be queued.
  void Restart();

 private:
  PublishedState Live() const;
  // `record`: the disk is written to in any case.
  void TakeReadyParts(ScriptNetwork& network, bool record);
  void FinishWork(ScriptNetwork& network);
  void NoteAppended(const raft::AppendWork& work);
  void Install(const raft::SnapshotPosition& position);
  raft::SnapshotPosition PositionAt(raft::Index index) const;

  const MemberOptions options_;
  std::unique_ptr<ScriptLog> log_;
  std::unique_ptr<raft::Raft> core_;
  PublishedState published_;
  Said said_;

  std::deque<raft::AppendWork> append_work_;
  std::deque<std::vector<raft::Entry>> apply_work_;

  std::vector<raft::Entry> appended_;
  std::vector<raft::Entry> applied_;

  // The commands that came with a snapshot which is not yet on the disk.
  std::vector<raft::Entry> received_;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_MEMBER_H_
